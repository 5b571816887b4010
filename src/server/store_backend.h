#pragma once

#include "server/backend.h"

namespace kv::server {

// The store itself, which must outlive it and every cursor.
class StoreBackend final : public Backend {
 public:
  explicit StoreBackend(Store& store) : store_(store) {}

  [[nodiscard]] Result<std::optional<Value>> get(std::string_view key,
                                                 ReadMode mode) const override;
  void get_many(std::span<const std::string_view> keys, ReadMode mode,
                ReadListener& listener) const override;
  std::uint64_t read_size(std::string_view key) const override;
  std::unique_ptr<BackendCursor> range(RangeOptions options) const override;
  void submit(const Write& write, WriteListener& listener, WriteTag tag) override;
  void flush(ReadMode mode) override;
  Version version() const override;
  Result<std::uint64_t> expire_sessions(std::uint64_t before_ms) override;
  Stats stats() const override;
  Result<MergeSummary> merge(std::uint64_t rate_max) override;
  void stop_merge() override;
  void pause_merges() override;
  void resume_merges() override;
  [[nodiscard]] Result<VerifyReport> verify(const VerifyOptions& options) override;
  [[nodiscard]] Result<BackupSummary> backup(const std::string& directory,
                                             const BackupOptions& options) override;
  void stop_upkeep() override;
  [[nodiscard]] Result<Inspection> inspect(std::string_view key) const override;

 private:
  Store& store_;
};

}  // namespace kv::server
