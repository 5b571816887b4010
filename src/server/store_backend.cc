#include "server/store_backend.h"

#include <utility>

namespace kv::server {

namespace {

class StoreCursor final : public BackendCursor {
 public:
  explicit StoreCursor(Cursor cursor) : cursor_(std::move(cursor)) {}
  [[nodiscard]] Result<Cursor::Step> next(ReadMode mode) override { return cursor_.next(mode); }
  std::uint64_t read_size() override { return cursor_.read_size(); }
  Item& item() override { return cursor_.item(); }
  bool has_more() const override { return cursor_.has_more(); }

 private:
  Cursor cursor_;
};

}  // namespace

Result<std::optional<Value>> StoreBackend::get(std::string_view key, ReadMode mode) const {
  return store_.get(key, mode);
}

void StoreBackend::get_many(std::span<const std::string_view> keys, ReadMode mode,
                            ReadListener& listener) const {
  store_.get_many(keys, mode, listener);
}

std::uint64_t StoreBackend::read_size(std::string_view key) const { return store_.read_size(key); }

std::unique_ptr<BackendCursor> StoreBackend::range(RangeOptions options) const {
  return std::make_unique<StoreCursor>(store_.range(std::move(options)));
}

void StoreBackend::submit(const Write& write, WriteListener& listener, WriteTag tag) {
  store_.submit(write, listener, tag);
}

void StoreBackend::flush(ReadMode mode) { store_.flush(mode); }

Version StoreBackend::version() const { return store_.version(); }

Result<std::uint64_t> StoreBackend::expire_sessions(std::uint64_t before_ms) {
  return store_.expire_sessions(before_ms);
}

Stats StoreBackend::stats() const { return store_.stats(); }
Result<MergeSummary> StoreBackend::merge(std::uint64_t rate_max) { return store_.merge(rate_max); }
void StoreBackend::stop_merge() { store_.stop_merge(); }
void StoreBackend::pause_merges() { store_.pause_merges(); }
void StoreBackend::resume_merges() { store_.resume_merges(); }
Result<VerifyReport> StoreBackend::verify(const VerifyOptions& options) {
  return store_.verify(options);
}
Result<BackupSummary> StoreBackend::backup(const std::string& directory,
                                           const BackupOptions& options) {
  return store_.backup(directory, options);
}
void StoreBackend::stop_upkeep() { store_.stop_upkeep(); }
Result<Inspection> StoreBackend::inspect(std::string_view key) const { return store_.inspect(key); }

}  // namespace kv::server
