#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "kv/store.h"

namespace kv::server {

// kv::Cursor, as far as a conversation needs it. One thread at a time.
class BackendCursor {
 public:
  virtual ~BackendCursor() = default;
  [[nodiscard]] virtual Result<Cursor::Step> next(ReadMode mode) = 0;
  virtual std::uint64_t read_size() = 0;
  virtual Item& item() = 0;
  virtual bool has_more() const = 0;
};

// What conversations ask of the store; each method as kv::Store's. Any thread. Tests put an
// in-memory one in the store's place.
class Backend {
 public:
  virtual ~Backend() = default;
  [[nodiscard]] virtual Result<std::optional<Value>> get(std::string_view key,
                                                         ReadMode mode) const = 0;
  virtual void get_many(std::span<const std::string_view> keys, ReadMode mode,
                        ReadListener& listener) const = 0;
  virtual std::uint64_t read_size(std::string_view key) const = 0;
  virtual std::unique_ptr<BackendCursor> range(RangeOptions options) const = 0;
  virtual void submit(const Write& write, WriteListener& listener, WriteTag tag) = 0;
  virtual void flush(ReadMode mode) = 0;
  virtual Result<std::uint64_t> expire_sessions(std::uint64_t before_ms) = 0;
  virtual Stats stats() const = 0;
  virtual Version version() const = 0;
  virtual Result<MergeSummary> merge(std::uint64_t rate_max) = 0;
  virtual void stop_merge() = 0;
  virtual void pause_merges() = 0;
  virtual void resume_merges() = 0;
  [[nodiscard]] virtual Result<VerifyReport> verify(const VerifyOptions& options) = 0;
  [[nodiscard]] virtual Result<BackupSummary> backup(const std::string& directory,
                                                     const BackupOptions& options) = 0;
  virtual void stop_upkeep() = 0;
  [[nodiscard]] virtual Result<Inspection> inspect(std::string_view key) const = 0;
};

}  // namespace kv::server
