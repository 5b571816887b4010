#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fake_backend.h"
#include "server/cluster_member.h"
#include "server/dialect.h"
#include "server/read_rounds.h"
#include "server/scan_cursors.h"

namespace kv::test {

// One conversation, driven as a connection would, with everything around it in the test's hands:
// the store, the time, slow reads, and how much the client reads. One thread.
class Talk final : public WriteListener,
                   public server::SlowWork,
                   public server::StatsSource,
                   public server::ReadRounds {
 public:
  explicit Talk(server::ServerOptions options = {},
                server::Dialect dialect = server::Dialect::kNative);
  ~Talk() override;

  // Sends the bytes, as far as the conversation takes them, at most `chunk` at once; the rest
  // follows when it takes more. Then lets everything happen that can.
  void send(std::string_view bytes, std::size_t chunk = SIZE_MAX);
  void end_input();
  // Everything the client has read so far and not taken from here.
  std::string take() { return std::exchange(read_, {}); }
  // Send and take.
  std::string ask(std::string_view bytes, std::size_t chunk = SIZE_MAX);
  // Lets everything happen that can: flushes, acknowledgements, slow tasks, reading by the client.
  void settle();
  // The client reads so much and no more from now on.
  void read_only(std::size_t size) { may_read_ = size; }
  void acknowledge_all();
  void acknowledge(std::size_t index);
  // Time passes, in steps of a tick.
  void pass(std::chrono::milliseconds time);

  bool has_unsent() const { return unsent_at_ < unsent_.size(); }
  bool is_open() const { return conversation->end() == server::Conversation::End::kOpen; }

  void on_written(const WriteTag& tag, Result<WriteResult> result) override;
  [[nodiscard]] bool start(std::uint64_t connection,
                           std::unique_ptr<server::SlowTask>& task) override;
  [[nodiscard]] bool start_long(std::uint64_t connection,
                                std::unique_ptr<server::SlowTask>& task) override {
    long_tasks += 1;
    return start(connection, task);
  }
  [[nodiscard]] std::optional<server::MergeTicket> start_merge(
      std::uint64_t connection, std::unique_ptr<server::MergeTask>& task,
      std::uint64_t rate_max) override;
  // From now on its server is a member of a cluster, whose rounds end when the test says so.
  void become_member() { context_.read_rounds = this; }
  void be(server::ClusterMember& member) { context_.cluster = &member; }
  bool covers(const server::ReadLevel& level) override { return on_covers(level); }
  bool is_whole() const override { return is_store_whole; }
  void join(std::uint64_t conversation, const server::ReadLevel& level) override;
  void end_round(const Result<void>& result);
  // The merge that the conversation waits for ends.
  void end_merge(Result<MergeSummary> outcome);
  std::optional<std::string> stats(std::string_view section, bool is_json) const override;

  server::ServerOptions options;
  FakeBackend backend;
  server::ScanCursors cursors;
  server::Counters counters;
  server::MemoryBudget request_memory;
  server::MemoryBudget output_memory;
  server::EventLog log;
  server::Time now{std::chrono::hours(1)};
  bool runs_slow_tasks = true;
  std::size_t slow_tasks_max = 16;
  std::size_t slow_tasks_run = 0;  // long ones, too
  std::size_t long_tasks = 0;
  std::vector<std::uint64_t> merge_rates;  // of the merges begun
  bool takes_merges = true;
  std::vector<std::string> events;
  std::function<bool(const server::ReadLevel&)> on_covers = [](const auto&) { return false; };
  std::size_t rounds_asked = 0;
  bool is_store_whole = true;
  server::ReadLevel level_asked;      // with the last of them
  mutable std::string section_asked;  // of the last STATS

 private:
  struct Written {
    std::uint64_t request;
    Result<WriteResult> result;
  };

  bool send_some();
  bool read_some();
  bool deliver();
  bool run_slow_tasks();

  server::ConversationContext context_;
  std::string unsent_;
  std::size_t unsent_at_ = 0;  // what stands before was sent
  std::size_t chunk_ = SIZE_MAX;
  bool ends_input_ = false;
  std::string read_;
  std::size_t may_read_ = SIZE_MAX;
  std::deque<Written> written_;
  std::deque<std::unique_ptr<server::SlowTask>> slow_tasks_;
  std::unique_ptr<server::MergeTask> merge_task_;

 public:
  std::unique_ptr<server::Conversation> conversation;

 private:
  bool may_be_resp_;
};

}  // namespace kv::test
