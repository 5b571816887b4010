// How a conversation reads: at once when the answer is in memory, by a slow task when it is not.

#include <algorithm>

#include "protocol/reply.h"
#include "server/conversation.h"
#include "server/error_reply.h"

namespace kv::server {

using protocol::Request;
using protocol::Verb;

namespace {

// Produced of a RANGE before other connections have their turn.
constexpr std::size_t kTurnSize = 64 * 1024;
// Values from here on are sent from the memory they were read into.
constexpr std::size_t kOwnBlockMin = 16 * 1024;

}  // namespace

class Conversation::ColdGet final : public SlowTask {
 public:
  ColdGet(const Backend& backend, const Request& request, Time start)
      : backend_(backend), key_(request.key), tag_(request.tag), start_(start) {}
  void run() override { value_ = backend_.get(key_, ReadMode::kMayBlock); }
  void finish(Conversation& conversation) override {
    conversation.answer_get(tag_, std::move(value_), start_);
  }

 private:
  const Backend& backend_;
  const std::string key_;
  const std::string tag_;
  const Time start_;
  Result<std::optional<Value>> value_;
};

class Conversation::ColdRange final : public SlowTask {
 public:
  ColdRange(std::unique_ptr<RangeStream> stream, std::size_t size)
      : stream_(std::move(stream)), size_(size) {}
  void run() override { state_ = stream_->produce(chunk_, size_, ReadMode::kMayBlock); }
  void finish(Conversation& conversation) override {
    conversation.take_chunk(std::move(stream_), std::move(chunk_), state_);
  }
  std::unique_ptr<RangeStream> release() { return std::move(stream_); }

 private:
  std::unique_ptr<RangeStream> stream_;
  const std::size_t size_;
  std::string chunk_;
  RangeStream::State state_ = RangeStream::State::kGoesOn;
};

// Its value is of no interest, only that it has been read.
class Conversation::Warming final : public SlowTask {
 public:
  Warming(const Backend& backend, std::string_view key) : backend_(backend), key_(key) {}
  // An error is met again, and told, by the write.
  void run() override { value_ = backend_.get(key_, ReadMode::kMayBlock); }
  void finish(Conversation& conversation) override { conversation.is_warm_ = true; }

 private:
  const Backend& backend_;
  const std::string key_;
  Result<std::optional<Value>> value_;
};

class Conversation::StatsTask final : public SlowTask {
 public:
  StatsTask(const StatsSource& source, const Request& request, Time start)
      : source_(source),
        section_(request.section),
        is_json_(request.is_json),
        tag_(request.tag),
        start_(start) {}
  void run() override { page_ = source_.stats(section_, is_json_); }
  void finish(Conversation& conversation) override {
    conversation.answer_stats(tag_, page_, start_);
  }

 private:
  const StatsSource& source_;
  const std::string section_;
  const bool is_json_;
  const std::string tag_;
  const Time start_;
  std::optional<std::string> page_;
};

void Conversation::start_slow(std::unique_ptr<SlowTask> task, const Request& request) {
  awaits_slow_task_ = context_.slow_work.start(id_, task);
  if (!awaits_slow_task_) refuse_later(request, kRetryQueue);
}

void Conversation::warm(const Request& request) {
  context_.counters.slow_reads.add();
  std::unique_ptr<SlowTask> task = std::make_unique<Warming>(context_.backend, request.key);
  awaits_slow_task_ = context_.slow_work.start(id_, task);
  if (awaits_slow_task_) {
    request_is_held_ = true;
  } else {
    refuse_later(request, kRetryQueue);
  }
}

void Conversation::get(const Request& request) {
  if (context_.output_memory.is_exhausted()) {
    refuse_later(request, kRetryMemory);
    return;
  }
  auto value = context_.backend.get(request.key, ReadMode::kNoWait);
  if (!value && value.error().code == Errc::kWouldBlock) {
    context_.counters.slow_reads.add();
    start_slow(std::make_unique<ColdGet>(context_.backend, request, now_), request);
    return;
  }
  answer_get(request.tag, std::move(value), now_);
}

void Conversation::answer_get(std::string_view tag, Result<std::optional<Value>> value,
                              Time start) {
  if (!value) {
    append_store_error(output_.text(), tag, value.error());
    count_error(Verb::kGet);
  } else if (!*value) {
    protocol::append_not_found(output_.text(), tag);
  } else {
    std::string& bytes = (*value)->bytes;
    protocol::append_value_header(output_.text(), tag, bytes.size(), (*value)->version);
    if (bytes.size() < kOwnBlockMin) {
      output_.text() += bytes;
    } else {
      output_.append(std::move(bytes));
    }
    output_.text() += '\n';
  }
  count(Verb::kGet, start);
}

void Conversation::start_range(const Request& request) {
  if (context_.output_memory.is_exhausted()) {
    refuse_later(request, kRetryMemory);
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
  is_streaming_ = true;  // run() goes on with it
}

std::size_t Conversation::stream_ahead_max() const {
  const auto ahead_max = static_cast<std::size_t>(context_.options.range_ahead_max);
  // With no memory left, streams go on in small steps, so that they end some time.
  return context_.output_memory.is_exhausted() ? std::min(ahead_max, kTurnSize / 4) : ahead_max;
}

void Conversation::run_stream() {
  wants_turn_ = false;
  const std::size_t ahead_max = stream_ahead_max();
  if (output_.size() >= ahead_max) return;  // sent() comes back here
  const std::size_t size = std::min(ahead_max - output_.size(), kTurnSize);
  const auto state = stream_->produce(output_.text(), size, ReadMode::kNoWait);
  if (state == RangeStream::State::kEnded) {
    end_stream();
  } else if (state == RangeStream::State::kGoesOn) {
    wants_turn_ = output_.size() < ahead_max;
  } else {
    context_.counters.slow_reads.add();
    auto task = std::make_unique<ColdRange>(std::move(stream_), size);
    ColdRange& range = *task;
    std::unique_ptr<SlowTask> slow = std::move(task);
    awaits_slow_task_ = context_.slow_work.start(id_, slow);
    if (!awaits_slow_task_) stream_ = range.release();  // tick() tries again
  }
}

void Conversation::take_chunk(std::unique_ptr<RangeStream> stream, std::string chunk,
                              RangeStream::State state) {
  stream_ = std::move(stream);
  output_.append(std::move(chunk));
  if (state == RangeStream::State::kEnded) end_stream();
}

void Conversation::end_stream() {
  if (stream_->has_failed()) count_error(stream_verb_);
  stream_.reset();
  is_streaming_ = false;
  count(stream_verb_, stream_start_);
}

void Conversation::start_stats(const Request& request) {
  start_slow(std::make_unique<StatsTask>(context_.stats, request, now_), request);
}

void Conversation::answer_stats(std::string_view tag, const std::optional<std::string>& page,
                                Time start) {
  if (page) {
    protocol::append_info(output_.text(), tag, *page);
  } else {
    count_error(Verb::kStats);
    protocol::append_error(output_.text(), tag, "BAD_ARG", protocol::Applied::kNo, "arg=section",
                           "there is no such section; STATS without it names them all");
  }
  count(Verb::kStats, start);
}

}  // namespace kv::server
