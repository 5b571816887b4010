#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kv/batch.h"
#include "protocol/parser.h"
#include "server/conversation.h"
#include "server/range_stream.h"

namespace kv::server {

// The native protocol, as protocol/README.md has it. In native_requests.cc: writes, and what is
// about the server; native_reads.cc: GET, RANGE, STATS; native_admin.cc and native_upkeep.cc:
// merges, inspections, the cluster, verifications, backups.
class NativeConversation final : public Conversation {
 public:
  NativeConversation(ConversationContext& context, std::uint64_t id);
  ~NativeConversation() override;

  std::span<char> buffer() override { return parser_.buffer(); }

 private:
  class AwaitedMerge;
  class ColdGet;
  class ColdRange;
  class InspectTask;
  class ClusterTask;
  class UpkeepTask;
  class StatsTask;

  void commit(std::size_t size) override { parser_.commit(size); }
  Parsed parse() override;
  void execute() override { execute(parser_.request()); }
  std::string_view refusal() const override { return parser_.refusal(); }
  bool is_mid_request() const override { return parser_.is_mid_request(); }
  std::uint64_t payload_pending() const override { return parser_.payload_pending(); }
  std::uint64_t parser_memory() const override { return parser_.memory_used(); }
  void refuse_current(std::string_view code, std::string_view fields,
                      std::string_view text) override {
    parser_.refuse_current(code, fields, text);
  }
  void append_refusal(std::string& out, std::string_view tag, std::string_view code,
                      std::string_view fields, std::string_view text) override;
  std::string_view pending_tag() const override { return parser_.pending_tag(); }
  bool is_read() const override;
  ReadLevel read_level() const override;
  bool gather() override;
  void append_failure(std::string& out, std::string_view tag, const Error& error) override;
  void append_read(std::string_view tag, const Result<std::optional<ValueView>>& value) override;
  std::unique_ptr<SlowTask> slow_read(std::string_view key, std::string_view tag) override;
  void append_written(std::string& out, const PendingWrite& write,
                      const Result<WriteResult>& result) override;
  void continue_stream() override;

  void execute(const protocol::Request& request);
  void say(const protocol::Request& request);
  void refuse_version(const protocol::Request& request);
  void open_session(const protocol::Request& request);
  void write(const protocol::Request& request);
  void fill_write(const protocol::Request& request, Write& write);
  void answer_get(std::string_view tag, Result<std::optional<Value>> value, Time start);
  void start_range(const protocol::Request& request);
  void continue_cold(std::size_t size);
  void take_chunk(std::unique_ptr<RangeStream> stream, std::string chunk, RangeStream::State state);
  void end_stream();
  void start_stats(const protocol::Request& request);
  void answer_stats(protocol::Verb verb, std::string_view tag,
                    const std::optional<std::string>& page, Time start);
  void merge(const protocol::Request& request);
  void start_merge(const protocol::Request& request);
  void answer_merge(std::string_view tag, const Result<MergeSummary>& outcome, Time start);
  void start_inspect(const protocol::Request& request);
  void tend_cluster(const protocol::Request& request);
  void start_upkeep(const protocol::Request& request);
  void answer_text(protocol::Verb verb, std::string_view tag, const Result<std::string>& text,
                   Time start);
  void start_long(std::unique_ptr<SlowTask> task, const protocol::Request& request);

  protocol::RequestParser parser_;
  Batch batch_;
  std::unique_ptr<RangeStream> stream_;  // null while a slow task has it
  protocol::Verb stream_verb_ = protocol::Verb::kRange;
  Time stream_start_;
};

}  // namespace kv::server
