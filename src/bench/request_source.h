#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "bench/inserted_keys.h"
#include "bench/key_chooser.h"
#include "bench/workload.h"

namespace kv::bench {

struct Request {
  Operation operation = Operation::kRead;
  std::uint32_t key = 0;
  std::uint32_t scan_length = 0;
  std::uint32_t keys = 0;  // all below are there
};

// What one thread asks for, request by request.
class RequestSource {
 public:
  virtual ~RequestSource() = default;
  // False: there are no more.
  virtual bool next(Request& request) = 0;
  // The server has a key that it was to insert.
  virtual void inserted(std::uint32_t key) = 0;
  // It has refused it, or may have: it is not there as far as anybody knows.
  virtual void not_inserted(std::uint32_t key) = 0;
  // A request was not served. True: next() gives it out again.
  virtual bool takes_back(std::uint32_t key) {
    static_cast<void>(key);
    return false;
  }
};

// A workload, without end. `inserted_keys` is shared by the threads and outlives them.
class MixSource : public RequestSource {
 public:
  MixSource(const Workload& workload, const KeyChooser& chooser, InsertedKeys& inserted_keys,
            std::uint64_t seed)
      : mix_(workload.mix), chooser_(chooser), inserted_keys_(inserted_keys), random_(seed) {}
  bool next(Request& request) override;
  void inserted(std::uint32_t key) override { inserted_keys_.done(key); }
  void not_inserted(std::uint32_t key) override { inserted_keys_.failed(key); }

 private:
  const Mix mix_;
  const KeyChooser& chooser_;
  InsertedKeys& inserted_keys_;
  Random random_;
};

// Inserts the keys below `end`; each is taken from `next_key` by one of the threads that share it.
class LoadSource : public RequestSource {
 public:
  LoadSource(std::atomic<std::uint64_t>& next_key, std::uint32_t end)
      : next_key_(next_key), end_(end) {}
  bool next(Request& request) override;
  void inserted(std::uint32_t) override {}
  void not_inserted(std::uint32_t) override {}
  bool takes_back(std::uint32_t key) override {
    again_.push_back(key);
    return true;
  }

 private:
  std::atomic<std::uint64_t>& next_key_;
  const std::uint32_t end_;
  std::vector<std::uint32_t> again_;
};

// Reads some of the keys below `end`, spread evenly, the first and the last among them.
class SampleSource : public RequestSource {
 public:
  static constexpr std::uint32_t kSamples = 256;
  explicit SampleSource(std::uint32_t end) : end_(end) {}
  bool next(Request& request) override;
  void inserted(std::uint32_t) override {}
  void not_inserted(std::uint32_t) override {}
  bool takes_back(std::uint32_t key) override {
    again_.push_back(key);
    return true;
  }

 private:
  const std::uint32_t end_;
  std::uint32_t taken_ = 0;
  std::vector<std::uint32_t> again_;
};

}  // namespace kv::bench
