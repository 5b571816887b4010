// What a store does about its sessions as a whole: counting them, and ending those that nobody
// uses.

#include "engine/index_window.h"
#include "engine/store_impl.h"
#include "format/session.h"

namespace kv {

namespace {

// Of one call, so that it does not keep the log from others for long.
constexpr std::uint64_t kExpiredMax = 10'000;
constexpr std::uint64_t kFlushEvery = 256;

// A session that was not ended is met again.
class Nobody final : public WriteListener {
 public:
  void on_written(const WriteTag&, Result<WriteResult>) override {}
};
Nobody nobody;

}  // namespace

std::uint64_t StoreImpl::count_sessions(std::uint64_t sequence) const {
  constexpr std::size_t kStep = 1024;
  const auto snapshot = index_.snapshot(sequence);
  std::uint64_t count = 0;
  std::string start(kReservedKeyPrefix);
  for (bool goes_on = true; goes_on;) {
    engine::IndexWindow window;
    goes_on = index_.scan({start, std::nullopt, false}, snapshot, kStep, window);
    count += window.size();
    if (!window.empty()) start.assign(window.key(window.size() - 1)).push_back('\0');
  }
  return count;
}

Result<std::uint64_t> StoreImpl::expire_sessions(std::uint64_t before_ms) {
  Cursor cursor = range({}, snapshot(), Keys::kReserved);
  std::uint64_t expired = 0;
  while (expired < kExpiredMax) {
    if (is_closed()) return tl::unexpected(closed());
    auto step = cursor.next(ReadMode::kMayBlock);
    if (!step) continue;  // damaged; its writes say so
    if (*step != Cursor::Step::kItem) break;
    const auto state = format::decode_session(cursor.item().value);
    if (!state || state->used_ms >= before_ms) continue;
    Write write;
    write.kind = Write::Kind::kDelete;
    write.key = cursor.item().key;
    write.options.condition = {Condition::Kind::kVersion, cursor.item().version};
    pipeline_->submit_own(write, nobody, {});
    if (++expired % kFlushEvery == 0) flush(ReadMode::kNoWait);
  }
  flush(ReadMode::kNoWait);
  if (background_ == Background::kCaller) caller_work();
  return expired;
}

}  // namespace kv
