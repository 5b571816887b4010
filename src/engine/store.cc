#include "kv/store.h"

#include "engine/store_impl.h"
#include "format/session.h"
#include "io/file_system.h"

namespace kv {

RangeOptions prefix_range(std::string_view prefix) {
  RangeOptions options;
  options.start = prefix;
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) {
    end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
    options.end = std::move(end);
  }
  return options;
}

Version Snapshot::version() const { return state_->index.sequence(); }

Store::Store(std::unique_ptr<StoreImpl> impl) : impl_(std::move(impl)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Result<Store> Store::open(const std::filesystem::path& directory, const Options& options) {
  auto impl =
      StoreImpl::open(io::posix_file_system(), directory.string(), options, Background::kThreads);
  if (!impl) return tl::unexpected(std::move(impl).error());
  return Store(std::move(*impl));
}

Result<Version> Store::put(std::string_view key, std::string_view value,
                           const WriteOptions& options) {
  Write write;
  write.key = key;
  write.value = value;
  write.options = options;
  return impl_->write(write).map([](const WriteResult& result) { return result.version; });
}

Result<std::optional<Version>> Store::del(std::string_view key, const WriteOptions& options) {
  Write write;
  write.kind = Write::Kind::kDelete;
  write.key = key;
  write.options = options;
  return impl_->write(write).map([](const WriteResult& result) {
    return result.was_found ? std::optional<Version>(result.version) : std::nullopt;
  });
}

Result<Version> Store::write(const Batch& batch, const WriteOptions& options) {
  Write write;
  write.kind = Write::Kind::kBatch;
  write.batch = &batch;
  write.options = options;
  return impl_->write(write).map([](const WriteResult& result) { return result.version; });
}

Result<std::optional<Version>> Store::update(std::string_view key, ValueUpdate& update,
                                             const WriteOptions& options) {
  Write write;
  write.kind = Write::Kind::kUpdate;
  write.key = key;
  write.update = &update;
  write.options = options;
  return impl_->write(write).map([](const WriteResult& result) {
    return result.was_found ? std::optional<Version>(result.version) : std::nullopt;
  });
}

Result<std::optional<Value>> Store::get(std::string_view key, ReadMode mode) const {
  return impl_->get(key, mode);
}

Result<std::optional<Value>> Store::get(std::string_view key, const Snapshot& snapshot,
                                        ReadMode mode) const {
  return impl_->get(key, snapshot, mode);
}

void Store::get_many(std::span<const std::string_view> keys, ReadMode mode,
                     ReadListener& listener) const {
  impl_->get_many(keys, mode, listener);
}

std::uint64_t Store::read_size(std::string_view key) const { return impl_->read_size(key); }

Version Store::version() const { return impl_->version(); }

Snapshot Store::snapshot() const { return impl_->snapshot(); }

Cursor Store::range(RangeOptions options) const { return range(std::move(options), snapshot()); }

Cursor Store::range(RangeOptions options, const Snapshot& snapshot) const {
  return impl_->range(std::move(options), snapshot);
}

std::string Store::session_key(std::uint64_t session) { return format::session_key(session); }

Result<std::uint64_t> Store::expire_sessions(std::uint64_t before_ms) {
  return impl_->expire_sessions(before_ms);
}

void Store::submit(const Write& write, WriteListener& listener, WriteTag tag) {
  impl_->submit(write, listener, tag);
}

void Store::flush(ReadMode mode) { impl_->flush(mode); }
Result<void> Store::sync() { return impl_->sync(); }
Result<VerifyReport> Store::verify(const VerifyOptions& options) { return impl_->verify(options); }
Result<BackupSummary> Store::backup(const std::filesystem::path& directory,
                                    const BackupOptions& options) {
  return impl_->backup(directory.string(), options);
}
void Store::stop_upkeep() { impl_->stop_upkeep(); }
Result<MergeSummary> Store::merge(std::uint64_t rate_max) { return impl_->merge(rate_max); }
Result<void> Store::checkpoint() { return impl_->checkpoint(); }
void Store::pause_merges() { impl_->merger().pause(); }
void Store::resume_merges() { impl_->merger().resume(); }
void Store::stop_merge() { impl_->merger().stop_on_demand(); }
Result<Inspection> Store::inspect(std::string_view key) const { return impl_->inspect(key); }
Stats Store::stats() const { return impl_->stats(); }
Result<void> Store::close() { return impl_->close(); }

}  // namespace kv
