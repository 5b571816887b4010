#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kv/batch.h"
#include "protocol/resp_parser.h"
#include "protocol/resp_reply.h"
#include "server/conversation.h"
#include "server/resp_update.h"

namespace kv::server {

// The protocol of Redis (RESP2, and RESP3 after HELLO 3) on the same store: the commands in
// resp_commands.cc, which are those of strings and of connections. docs/resp.md tells where they
// differ from Redis. In resp_reads.cc, resp_writes.cc and resp_server.cc: what each does.
class RespConversation final : public Conversation {
 public:
  RespConversation(ConversationContext& context, std::uint64_t id,
                   protocol::RespParser::Inline inline_commands);
  ~RespConversation() override;

  std::span<char> buffer() override { return parser_.buffer(); }

 private:
  using Arguments = std::span<const std::string_view>;
  struct Command {
    std::string_view name;  // lower case
    int arity;              // its arguments with the name; negative: at least so many
    protocol::Verb verb;    // counted as this one
    void (RespConversation::*run)(Arguments);
    std::string_view flags;
    int first_key = 0;  // arguments that are keys, as COMMAND tells them
    int last_key = 0;
    int key_step = 0;
  };
  class ReadTask;
  class Collected;
  class CountTask;
  class InfoTask;
  enum class Reading { kValue, kValues, kSize };

  static std::span<const Command> commands();
  static const Command* find_command(std::string_view name);
  static void append_command(std::string& out, const Command& command);

  void commit(std::size_t size) override { parser_.commit(size); }
  Parsed parse() override;
  void execute() override;
  std::string_view refusal() const override { return parser_.refusal(); }
  bool is_mid_request() const override { return parser_.is_mid_request(); }
  std::uint64_t payload_pending() const override { return parser_.payload_pending(); }
  std::uint64_t parser_memory() const override { return parser_.memory_used(); }
  void refuse_current(std::string_view code, std::string_view fields,
                      std::string_view text) override;
  void append_refusal(std::string& out, std::string_view tag, std::string_view code,
                      std::string_view fields, std::string_view text) override;
  bool is_read() const override;
  bool gather() override;
  void append_failure(std::string& out, std::string_view tag, const Error& error) override;
  void append_read(std::string_view tag, const Result<std::optional<ValueView>>& value) override;
  std::unique_ptr<SlowTask> slow_read(std::string_view key, std::string_view tag) override;
  void append_written(std::string& out, const PendingWrite& write,
                      const Result<WriteResult>& result) override;

  // Replies of a command whose turn has come or that needs none.
  template <class Append>
  void answer(Append append);
  void fail(std::string_view text, std::string_view code = "ERR");
  void fail_with(const Error& error);  // of the store

  // resp_reads.cc
  void get(Arguments arguments);
  void mget(Arguments arguments);
  void strlen(Arguments arguments);
  void exists(Arguments arguments);
  void type(Arguments arguments);
  void scan(Arguments arguments);
  void dbsize(Arguments arguments);
  Result<bool> is_there(std::string_view key) const;
  void read(Arguments keys, Reading reading);
  void answer_values(std::vector<Result<std::optional<Value>>> values, Reading reading, Time start);
  void append_value(Result<std::optional<Value>>& value, Reading reading);

  // resp_writes.cc
  void set(Arguments arguments);
  void setnx(Arguments arguments);
  void getset(Arguments arguments);
  void getdel(Arguments arguments);
  void mset(Arguments arguments);
  void del(Arguments arguments);
  void incr(Arguments arguments);
  void decr(Arguments arguments);
  void incrby(Arguments arguments);
  void decrby(Arguments arguments);
  void append(Arguments arguments);
  void put(std::string_view key, std::string_view value);
  void update(std::string_view key, std::unique_ptr<RespUpdate> update, std::size_t size);
  void increment(std::string_view key, std::int64_t by);

  // resp_server.cc
  void ping(Arguments arguments);
  void echo(Arguments arguments);
  void hello(Arguments arguments);
  void select(Arguments arguments);
  void quit(Arguments arguments);
  void reset(Arguments arguments);
  void client(Arguments arguments);
  void command(Arguments arguments);
  void info(Arguments arguments);
  void config(Arguments arguments);
  void wait(Arguments arguments);
  void bgrewriteaof(Arguments arguments);

  protocol::RespParser parser_;
  protocol::RespVersion version_ = protocol::RespVersion::k2;
  std::string name_;
  Batch batch_;
  protocol::Verb verb_ = protocol::Verb::kPing;  // of the command under way
};

// The error line for a failure of the store.
void append_resp_store_error(std::string& out, const Error& error);

template <class Append>
void RespConversation::answer(Append append) {
  replies_.add(append);
  count(verb_, now_);
}

}  // namespace kv::server
