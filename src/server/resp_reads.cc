// How RESP's reading commands are carried out: at once when the values are in memory, by a slow
// task when they are not, or many.

#include <algorithm>

#include <fmt/format.h>

#include "server/error_reply.h"
#include "server/glob.h"
#include "server/resp_conversation.h"
#include "server/scan_cursors.h"

namespace kv::server {

using protocol::Verb;

namespace {

// Read on the reactor at most; other connections wait meanwhile.
constexpr std::size_t kInlineKeysMax = 64;
// Values from here on are sent from the memory they were read into.
constexpr std::size_t kOwnBlockMin = 16 * 1024;
constexpr std::uint64_t kScanCountDefault = 10;
constexpr std::uint64_t kScanCountMax = 10'000;
constexpr std::uint64_t kScanBytesMax = 1024 * 1024;

bool is_get(std::string_view name) {
  return name.size() == 3 && (name[0] | 0x20) == 'g' && (name[1] | 0x20) == 'e' &&
         (name[2] | 0x20) == 't';
}

}  // namespace

class RespConversation::ReadTask final : public TaskOf<RespConversation> {
 public:
  ReadTask(const ConversationContext& context, Arguments keys, Reading reading, Time start)
      : backend_(context.backend),
        lease_(context.output_memory),
        keys_(keys.begin(), keys.end()),
        reading_(reading),
        start_(start) {}
  // Memory is taken by those that read, not by those that wait, and held until the output does.
  void run() override {
    std::uint64_t size = 0;
    for (const std::string& key : keys_) size += backend_.read_size(key);
    has_memory_ = lease_.try_hold(size, MemoryLease::Alone::kAnySize);
    if (!has_memory_) return;
    for (const std::string& key : keys_) {
      values_.push_back(backend_.get(key, ReadMode::kMayBlock));
    }
  }
  void finish_in(RespConversation& conversation) override {
    if (!has_memory_) return conversation.refuse_later(Verb::kGet, kRetryMemory);
    conversation.output_lease_.take_over(lease_);
    conversation.answer_values(std::move(values_), reading_, start_);
  }

 private:
  const Backend& backend_;
  MemoryLease lease_;
  const std::vector<std::string> keys_;
  const Reading reading_;
  const Time start_;
  bool has_memory_ = false;
  std::vector<Result<std::optional<Value>>> values_;
};

class RespConversation::CountTask final : public TaskOf<RespConversation> {
 public:
  CountTask(const Backend& backend, Time start) : backend_(backend), start_(start) {}
  void run() override { keys_ = backend_.stats().keys; }
  void finish_in(RespConversation& conversation) override {
    protocol::append_integer(conversation.output_.text(), static_cast<std::int64_t>(keys_));
    conversation.count(Verb::kStats, start_);
  }

 private:
  const Backend& backend_;
  const Time start_;
  std::uint64_t keys_ = 0;
};

void RespConversation::get(Arguments arguments) {
  if (is_my_turn()) gather_read(arguments[1], {});
}

bool RespConversation::gather() {
  const Arguments arguments = parser_.arguments();
  if (arguments.size() != 2 || !is_get(arguments[0])) return false;
  gather_read(arguments[1], {});
  return true;
}

std::unique_ptr<SlowTask> RespConversation::slow_read(std::string_view key, std::string_view) {
  return std::make_unique<ReadTask>(context_, Arguments(&key, 1), Reading::kValue, now_);
}

void RespConversation::mget(Arguments arguments) { read(arguments.subspan(1), Reading::kValues); }
void RespConversation::strlen(Arguments arguments) { read(arguments.subspan(1), Reading::kSize); }

// Values that are read together, until one has to wait.
class RespConversation::Collected final : public ReadListener {
 public:
  std::vector<Result<std::optional<Value>>> values;
  bool waits = false;

  [[nodiscard]] bool on_read(std::size_t, const Result<std::optional<ValueView>>& value) override {
    waits = !value && value.error().code == Errc::kWouldBlock;
    values.push_back(value.map([](const std::optional<ValueView>& view) {
      return view ? std::optional(Value{std::string(view->bytes), view->version}) : std::nullopt;
    }));
    return !waits;
  }
};

void RespConversation::read(Arguments keys, Reading reading) {
  if (!is_my_turn()) return;
  if (context_.output_memory.is_exhausted()) return refuse_later(verb_, kRetryMemory);
  std::uint64_t size = 0;
  if (reading == Reading::kValues) {
    for (const std::string_view key : keys) size += context_.backend.read_size(key);
  }
  Collected collected;
  collected.waits = keys.size() > kInlineKeysMax || size > kNoWaitSizeMax;
  if (!collected.waits) context_.backend.get_many(keys, ReadMode::kNoWait, collected);
  if (!collected.waits) return answer_values(std::move(collected.values), reading, now_);
  context_.counters.slow_reads.add();
  start_slow(std::make_unique<ReadTask>(context_, keys, reading, now_), verb_);
}

void RespConversation::answer_values(std::vector<Result<std::optional<Value>>> values,
                                     Reading reading, Time start) {
  if (reading == Reading::kValues) protocol::append_array(output_.text(), values.size());
  for (auto& value : values) append_value(value, reading);
  count(Verb::kGet, start);
}

void RespConversation::append_read(std::string_view,
                                   const Result<std::optional<ValueView>>& value) {
  std::string& out = output_.text();
  if (!value) return append_resp_store_error(out, value.error());
  if (!*value) return protocol::append_null(out, version_);
  protocol::append_bulk(out, (*value)->bytes);
}

// A large value stays where it was read to.
void RespConversation::append_value(Result<std::optional<Value>>& value, Reading reading) {
  std::string& out = output_.text();
  if (!value) count_error(Verb::kGet);
  if (value && reading == Reading::kSize) {
    const std::size_t size = *value ? (*value)->bytes.size() : 0;
    return protocol::append_integer(out, static_cast<std::int64_t>(size));
  }
  const bool is_large = value && *value && (*value)->bytes.size() >= kOwnBlockMin;
  if (!is_large) return append_read({}, value.map(&view_of));
  std::string& bytes = (*value)->bytes;
  protocol::append_bulk_header(out, bytes.size());
  output_.append(std::move(bytes));
  output_.text() += "\r\n";
}

// From the index alone; but what is not there may be hidden by damage, which reading tells.
Result<bool> RespConversation::is_there(std::string_view key) const {
  if (context_.backend.read_size(key) > 0) return true;
  const auto value = context_.backend.get(key, ReadMode::kNoWait);
  if (!value && value.error().code != Errc::kWouldBlock) return tl::unexpected(value.error());
  return !value || *value;
}

void RespConversation::exists(Arguments arguments) {
  if (!is_my_turn()) return;
  std::int64_t found = 0;
  for (const std::string_view key : arguments.subspan(1)) {
    const auto there = is_there(key);
    if (!there) return fail_with(there.error());
    found += *there ? 1 : 0;
  }
  answer([&](std::string& out) { protocol::append_integer(out, found); });
}

void RespConversation::type(Arguments arguments) {
  if (!is_my_turn()) return;
  const auto there = is_there(arguments[1]);
  if (!there) return fail_with(there.error());
  answer([&](std::string& out) { protocol::append_simple(out, *there ? "string" : "none"); });
}

void RespConversation::dbsize(Arguments) {
  if (!is_my_turn()) return;
  start_slow(std::make_unique<CountTask>(context_.backend, now_), verb_);
}

// In key order, so that each key that is there all the while comes exactly once.
void RespConversation::scan(Arguments arguments) {
  if (!is_my_turn()) return;
  if (context_.output_memory.is_exhausted()) return refuse_later(verb_, kRetryMemory);
  RangeOptions range;
  range.is_keys_only = true;
  range.limit = kScanCountDefault;
  range.bytes_max = kScanBytesMax;
  std::optional<std::string_view> pattern;
  bool wants_strings = true;
  for (std::size_t i = 2; i < arguments.size(); i += 2) {
    std::string option(arguments[i]);
    for (char& c : option) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    if (i + 1 == arguments.size()) return fail("syntax error");
    const std::string_view value = arguments[i + 1];
    if (option == "MATCH") {
      pattern = value;
    } else if (option == "COUNT") {
      const auto count = resp_integer(value);
      if (!count) return fail("value is not an integer or out of range");
      if (*count < 1) return fail("syntax error");
      range.limit = std::min(static_cast<std::uint64_t>(*count), kScanCountMax);
    } else if (option == "TYPE") {
      wants_strings = value == "string";
    } else {
      return fail("syntax error");
    }
  }
  if (pattern) {
    const RangeOptions only = prefix_range(glob_prefix(*pattern));
    range.start = only.start;
    range.end = only.end;
  }
  if (arguments[1] != "0") {
    const auto number = resp_integer(arguments[1]);
    const auto key = number ? context_.cursors.find(static_cast<std::uint64_t>(*number))
                            : std::optional<std::string>();
    if (!key) return fail("invalid cursor: it is too old or was never given; begin again with 0");
    range.start = std::max(range.start, *key + '\0');
  }
  const auto cursor = context_.backend.range(std::move(range));
  std::vector<std::string> keys;
  std::string last;
  for (;;) {
    const auto step = cursor->next(ReadMode::kMayBlock);  // keys alone come from the index
    if (!step) return fail_with(step.error());
    if (*step != Cursor::Step::kItem) break;
    last = std::move(cursor->item().key);
    if (wants_strings && (!pattern || glob_matches(*pattern, last))) keys.push_back(last);
  }
  const std::uint64_t next = cursor->has_more() ? context_.cursors.add(last) : 0;
  answer([&](std::string& out) {
    protocol::append_array(out, 2);
    protocol::append_bulk(out, std::to_string(next));
    protocol::append_array(out, keys.size());
    for (const std::string& key : keys) protocol::append_bulk(out, key);
  });
}

}  // namespace kv::server
