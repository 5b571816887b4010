#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "server/backend.h"

namespace kv::test {

// A store in memory whose writes are acknowledged when the test says so. One thread.
class FakeBackend final : public server::Backend {
 public:
  // Acknowledges everything submitted with each flush(), as a store does that does not sync.
  bool acknowledges_at_flush = true;
  std::uint64_t local_epoch = 0;                           // what acknowledgements say of it
  std::set<std::string, std::less<>> cold;                 // keys not in memory
  std::map<std::string, Error, std::less<>> read_errors;   // by key
  std::map<std::string, Error, std::less<>> write_errors;  // by key
  std::function<void()> on_cold_read = [] {};              // by a slow task, of such a key
  std::size_t flushes = 0;
  std::size_t cursor_steps = 0;
  Stats fixed_stats;

  void acknowledge_all();
  // In any order: the one at `index` of those not acknowledged.
  void acknowledge(std::size_t index);
  std::size_t unacknowledged() const { return submitted_.size(); }
  void warm(std::string_view key) { cold.erase(std::string(key)); }
  const std::map<std::string, Value, std::less<>>& values() const { return values_; }
  std::uint64_t newest_session = 0;
  std::optional<Ack> newest_ack;  // of a session's write
  void set(const std::string& key, std::string value);

  [[nodiscard]] Result<std::optional<Value>> get(std::string_view key,
                                                 ReadMode mode) const override;
  void get_many(std::span<const std::string_view> keys, ReadMode mode,
                ReadListener& listener) const override;
  std::uint64_t read_size(std::string_view key) const override;
  std::unique_ptr<server::BackendCursor> range(RangeOptions options) const override;
  void submit(const Write& write, WriteListener& listener, WriteTag tag) override;
  void flush(ReadMode mode) override;
  Version version() const override { return version_; }
  Result<std::uint64_t> expire_sessions(std::uint64_t before_ms) override {
    return on_expire_sessions(before_ms);
  }
  std::function<std::uint64_t(std::uint64_t before_ms)> on_expire_sessions =
      [](std::uint64_t) -> std::uint64_t { return 0; };
  Stats stats() const override { return fixed_stats; }

  // Merges end as the test says. Any thread.
  std::function<Result<MergeSummary>(std::uint64_t rate_max)> on_merge =
      [](std::uint64_t) -> Result<MergeSummary> { return MergeSummary{}; };
  std::function<void()> on_stop_merge = [] {};
  bool is_paused = false;
  VerifyReport verified;
  std::string backup_directory;  // of the last backup
  [[nodiscard]] Result<VerifyReport> verify(const VerifyOptions&) override { return verified; }
  [[nodiscard]] Result<BackupSummary> backup(const std::string& directory,
                                             const BackupOptions&) override {
    backup_directory = directory;
    return BackupSummary{.version = 7};
  }
  void stop_upkeep() override {}
  Inspection inspection;
  Result<MergeSummary> merge(std::uint64_t rate_max) override { return on_merge(rate_max); }
  void stop_merge() override { on_stop_merge(); }
  void pause_merges() override { is_paused = true; }
  void resume_merges() override { is_paused = false; }
  [[nodiscard]] Result<Inspection> inspect(std::string_view) const override { return inspection; }

 private:
  class FakeCursor;
  struct Submitted {
    Write::Kind kind;
    std::string key;
    std::string value;
    Batch batch;
    Condition condition;
    ValueUpdate* update;
    SessionRequest session;
    std::optional<Ack> ack;
    WriteListener* listener;
    WriteTag tag;
  };

  Result<WriteResult> apply(const Submitted& write);
  Result<WriteResult> apply_in_session(const Submitted& write);
  Result<WriteResult> update(const Submitted& write);
  std::optional<Error> judge(const Submitted& write) const;

  std::map<std::string, Value, std::less<>> values_;
  std::deque<Submitted> submitted_;
  // Of each session, what its requests came to.
  std::map<std::uint64_t, std::map<std::uint64_t, Result<WriteResult>>> sessions_;
  Version version_ = 0;
};

}  // namespace kv::test
