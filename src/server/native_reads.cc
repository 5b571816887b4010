// How a conversation reads: at once when the answer is in memory, by a slow task when it is not.

#include <algorithm>

#include "protocol/reply.h"
#include "server/error_reply.h"
#include "server/native_conversation.h"

namespace kv::server {

using protocol::Request;
using protocol::Verb;

namespace {

// Produced of a RANGE before other connections have their turn.
constexpr std::size_t kTurnSize = 64 * 1024;
// Values from here on are sent from the memory they were read into.
constexpr std::size_t kOwnBlockMin = 16 * 1024;

}  // namespace

class NativeConversation::ColdGet final : public TaskOf<NativeConversation> {
 public:
  ColdGet(const ConversationContext& context, std::string_view key, std::string_view tag,
          Time start)
      : backend_(context.backend),
        lease_(context.output_memory),
        key_(key),
        tag_(tag),
        start_(start) {}
  // Many may wait here, so memory is taken by those that read, and held until the output does.
  void run() override {
    has_memory_ = lease_.try_hold(backend_.read_size(key_), MemoryLease::Alone::kAnySize);
    if (has_memory_) value_ = backend_.get(key_, ReadMode::kMayBlock);
  }
  void finish_in(NativeConversation& conversation) override {
    if (!has_memory_) return conversation.refuse_later(Verb::kGet, kRetryMemory, tag_);
    conversation.output_lease_.take_over(lease_);
    conversation.answer_get(tag_, std::move(value_), start_);
  }

 private:
  const Backend& backend_;
  MemoryLease lease_;
  const std::string key_;
  const std::string tag_;
  const Time start_;
  bool has_memory_ = false;
  Result<std::optional<Value>> value_;
};

class NativeConversation::ColdRange final : public TaskOf<NativeConversation> {
 public:
  ColdRange(ConversationContext& context, std::unique_ptr<RangeStream> stream, std::size_t size)
      : lease_(context.output_memory), stream_(std::move(stream)), size_(size), size_max_(size) {}
  // Memory for a chunk with the next item in it. Little is always to be had, so that streams of
  // small items end some time.
  bool try_hold_memory() {
    const std::uint64_t item = stream_->read_size();
    size_max_ = std::max<std::uint64_t>(size_, item);
    if (lease_.try_hold(size_max_, MemoryLease::Alone::kAnySize)) return true;
    size_max_ = size_ = std::min<std::size_t>(size_, MemoryLease::kStep);
    return item <= MemoryLease::kStep;
  }
  void run() override { state_ = stream_->produce(chunk_, size_, size_max_, ReadMode::kMayBlock); }
  void finish_in(NativeConversation& conversation) override {
    conversation.output_lease_.take_over(lease_);
    conversation.take_chunk(std::move(stream_), std::move(chunk_), state_);
  }
  std::unique_ptr<RangeStream> release() { return std::move(stream_); }

 private:
  MemoryLease lease_;
  std::unique_ptr<RangeStream> stream_;
  std::size_t size_;
  std::uint64_t size_max_;
  std::string chunk_;
  RangeStream::State state_ = RangeStream::State::kGoesOn;
};

class NativeConversation::StatsTask final : public TaskOf<NativeConversation> {
 public:
  StatsTask(const StatsSource& source, const Request& request, Time start)
      : source_(source),
        verb_(request.verb),
        section_(verb_ == Verb::kCluster ? "replication" : request.section),
        is_json_(request.is_json),
        tag_(request.tag),
        start_(start) {}
  void run() override { page_ = source_.stats(section_, is_json_); }
  void finish_in(NativeConversation& conversation) override {
    conversation.answer_stats(verb_, tag_, page_, start_);
  }

 private:
  const StatsSource& source_;
  const Verb verb_;  // STATS, or CLUSTER, which is one section of it
  const std::string section_;
  const bool is_json_;
  const std::string tag_;
  const Time start_;
  std::optional<std::string> page_;
};

void NativeConversation::start_long(std::unique_ptr<SlowTask> task, const Request& request) {
  awaits_slow_task_ = context_.slow_work.start_long(id_, task);
  if (!awaits_slow_task_) refuse_later(request.verb, kRetryQueue);
}

bool NativeConversation::gather() {
  const Request& request = parser_.request();
  if (request.verb != Verb::kGet || !may_join_gathered()) return false;
  const bool is_alone = context_.read_rounds == nullptr;
  if (is_alone && request.min_version > context_.backend.version()) return false;
  gather_read(request.key, request.tag);
  return true;
}

std::unique_ptr<SlowTask> NativeConversation::slow_read(std::string_view key,
                                                        std::string_view tag) {
  return std::make_unique<ColdGet>(context_, key, tag, now_);
}

void NativeConversation::append_read(std::string_view tag,
                                     const Result<std::optional<ValueView>>& value) {
  std::string& out = output_.text();
  if (!value) {
    append_store_error(out, tag, value.error());
  } else if (!*value) {
    protocol::append_not_found(out, tag);
  } else {
    protocol::append_value_header(out, tag, (*value)->bytes.size(), (*value)->version);
    out += (*value)->bytes;
    out += '\n';
  }
}

// Of a slow read: a large value stays where it was read to.
void NativeConversation::answer_get(std::string_view tag, Result<std::optional<Value>> value,
                                    Time start) {
  const bool is_large = value && *value && (*value)->bytes.size() >= kOwnBlockMin;
  if (is_large) {
    std::string& bytes = (*value)->bytes;
    protocol::append_value_header(output_.text(), tag, bytes.size(), (*value)->version);
    output_.append(std::move(bytes));
    output_.text() += '\n';
  } else {
    append_read(tag, value.map(&view_of));
  }
  if (!value) count_error(Verb::kGet);
  count(Verb::kGet, start);
}

void NativeConversation::start_range(const Request& request) {
  if (context_.output_memory.is_exhausted()) {
    refuse_later(request.verb, kRetryMemory);
    return;
  }
  RangeOptions range;
  if (request.verb == Verb::kPrefix) {
    range = prefix_range(request.key);
  } else {
    range.start = request.key;
    if (!request.value.empty()) range.end = request.value;
  }
  range.limit = request.limit;
  range.bytes_max = context_.options.range_bytes_max;
  if (request.bytes_max > 0) range.bytes_max = std::min(range.bytes_max, request.bytes_max);
  range.is_reverse = request.is_reverse;
  range.is_keys_only = request.is_keys_only;
  stream_ = std::make_unique<RangeStream>(context_.backend.range(std::move(range)),
                                          std::string(request.tag), request.is_keys_only);
  stream_verb_ = request.verb;
  stream_start_ = now_;
  is_streaming_ = true;  // continue_stream() comes next
}

void NativeConversation::continue_stream() {
  wants_turn_ = false;
  const std::size_t ahead_max = stream_ahead_max();
  if (output_.size() >= ahead_max) return;  // sent() comes back here
  if (context_.output_memory.is_exhausted() && stream_->read_size() > MemoryLease::kStep) return;
  const std::size_t size = std::min(ahead_max - output_.size(), kTurnSize);
  const auto state = stream_->produce(output_.text(), size, size, ReadMode::kNoWait);
  if (state == RangeStream::State::kEnded) {
    end_stream();
  } else if (state == RangeStream::State::kGoesOn) {
    wants_turn_ = output_.size() < ahead_max;
  } else {
    continue_cold(size);
  }
}

void NativeConversation::continue_cold(std::size_t size) {
  auto task = std::make_unique<ColdRange>(context_, std::move(stream_), size);
  ColdRange& range = *task;
  std::unique_ptr<SlowTask> slow = std::move(task);
  awaits_slow_task_ = range.try_hold_memory() && context_.slow_work.start(id_, slow);
  if (awaits_slow_task_) {
    context_.counters.slow_reads.add();
  } else {
    stream_ = range.release();  // tick() tries again
  }
}

void NativeConversation::take_chunk(std::unique_ptr<RangeStream> stream, std::string chunk,
                                    RangeStream::State state) {
  stream_ = std::move(stream);
  output_.append(std::move(chunk));
  if (state == RangeStream::State::kEnded) end_stream();
}

void NativeConversation::end_stream() {
  if (stream_->has_failed()) count_error(stream_verb_);
  stream_.reset();
  is_streaming_ = false;
  count(stream_verb_, stream_start_);
}

void NativeConversation::start_stats(const Request& request) {
  start_slow(std::make_unique<StatsTask>(context_.stats, request, now_), request.verb);
}

void NativeConversation::answer_stats(Verb verb, std::string_view tag,
                                      const std::optional<std::string>& page, Time start) {
  if (page && !try_hold_output(page->size())) {
    refuse_later(verb, kRetryMemory);
    return;
  }
  if (page) {
    protocol::append_info(output_.text(), tag, *page);
  } else {
    count_error(verb);
    protocol::append_error(output_.text(), tag, "BAD_ARG", protocol::Applied::kNo, "arg=section",
                           "there is no such section; STATS without it names them all");
  }
  count(verb, start);
}

}  // namespace kv::server
