#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <string_view>
#include <utility>

#include "kv/store.h"

namespace kv::test {

// What StoreImpl::submit() takes from a reactor, whose answer is waited for as a client does.
struct Answer final : WriteListener {
  std::promise<Result<WriteResult>> promise;
  std::atomic<bool> is_there = false;
  std::function<void()> and_then;  // first, on the thread that tells
  void on_written(const WriteTag&, Result<WriteResult> result) override {
    if (and_then) and_then();
    is_there = true;
    promise.set_value(std::move(result));
  }
  Result<WriteResult> wait() { return promise.get_future().get(); }
};

inline Write put(std::string_view key, std::string_view value,
                 Condition::Kind condition = Condition::Kind::kAlways) {
  Write write;
  write.key = key;
  write.value = value;
  write.options.condition.kind = condition;
  return write;
}

}  // namespace kv::test
