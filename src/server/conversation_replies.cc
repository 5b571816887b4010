// What conversations of all protocols do about their replies: acknowledged writes, refusals for
// want of memory, reads that had to wait for the disk.

#include <algorithm>

#include "server/conversation.h"
#include "server/error_reply.h"

namespace kv::server {

using protocol::Verb;

namespace {

// Produced of a stream before other connections have their turn, when memory is short.
constexpr std::size_t kShortAhead = 16 * 1024;

}  // namespace

// Its value is of no interest, only that it has been read.
class Conversation::Warming final : public SlowTask {
 public:
  Warming(const Backend& backend, std::string_view key) : backend_(backend), key_(key) {}
  // An error is met again, and told, by the write.
  void run() override {
    [[maybe_unused]] const auto value = backend_.get(key_, ReadMode::kMayBlock);
  }
  void finish(Conversation& conversation) override { conversation.is_warm_ = true; }

 private:
  const Backend& backend_;
  const std::string key_;
};

bool Conversation::must_warm(std::string_view key) const {
  if (is_warm_) return false;
  const auto value = context_.backend.get(key, ReadMode::kNoWait);
  return !value && value.error().code == Errc::kWouldBlock;
}

void Conversation::warm(std::string_view key, Verb verb) {
  context_.counters.slow_reads.add();
  start_slow(std::make_unique<Warming>(context_.backend, key), verb);
  request_is_held_ = awaits_slow_task_;
}

void Conversation::start_slow(std::unique_ptr<SlowTask> task, Verb verb) {
  awaits_slow_task_ = context_.slow_work.start(id_, task);
  if (!awaits_slow_task_) refuse_later(verb, kRetryQueue);
}

void Conversation::written(std::uint64_t request, const Result<WriteResult>& result, Time now) {
  now_ = now;
  PendingWrite& write = replies_.pending(request);
  if (result) {
    write.found += result->was_found ? 1 : 0;
    if (result->is_repeat) context_.counters.session_repeats.add();
  } else if (!write.failure) {
    write.failure = std::make_unique<Error>(result.error());
  }
  if (result && result->local_epoch != 0) outdate_confirmation();
  if (--write.parts > 0) return;
  inflight_bytes_ -= write.bytes;
  count(write.verb, write.start, now);
  if (write.failure) count_error(write.verb);
  if (write.failure && is_merge_debt(*write.failure)) context_.counters.try_later_merge_debt.add();
  replies_.complete(request, [&](std::string& out) {
    if (write.failure) {
      append_written(out, write, tl::unexpected(*write.failure));
    } else {
      append_written(out, write, result);
    }
  });
  request_lease_.hold(request_memory());
}

void Conversation::refuse_later(Verb verb, std::string_view fields, std::string_view tag) {
  const bool is_memory = fields == kRetryMemory;
  (is_memory ? context_.counters.try_later_memory : context_.counters.try_later_queue).add();
  count_error(verb);
  replies_.add([&](std::string& out) {
    append_refusal(
        out, tag, "TRY_LATER", fields,
        is_memory ? "too much is under way at once" : "too many reads wait for the disk");
  });
}

// Replies to reads that were gathered, until one of them has to wait.
class Conversation::ReadAnswers final : public ReadListener {
 public:
  explicit ReadAnswers(Conversation& conversation) : conversation_(conversation) {}

  [[nodiscard]] bool on_read(std::size_t, const Result<std::optional<ValueView>>& value) override {
    GatheredReads& reads = conversation_.reads_;
    waits_ = !value && value.error().code == Errc::kWouldBlock;
    if (waits_) return false;
    if (!value) conversation_.count_error(Verb::kGet);
    conversation_.append_read(reads.tag(), value);
    count_ += 1;
    reads.pop();
    return conversation_.output_.size() < conversation_.context_.options.output_max;
  }
  bool waits() const { return waits_; }
  std::uint64_t count() const { return count_; }

 private:
  Conversation& conversation_;
  bool waits_ = false;
  std::uint64_t count_ = 0;
};

void Conversation::read_gathered() {
  if (confirmation_ == Confirmation::kRefused) {
    count_error(Verb::kGet);
    count(Verb::kGet, now_);
    append_read(reads_.tag(), tl::unexpected(unconfirmed_));
    reads_.pop();
    return note_refused();
  }
  if (context_.output_memory.is_exhausted()) {
    refuse_later(Verb::kGet, kRetryMemory, reads_.tag());
    return reads_.pop();
  }
  ReadAnswers answers(*this);
  context_.backend.get_many(reads_.keys(), ReadMode::kNoWait, answers);
  const Time start = now_;
  now_ = context_.now();
  Counters::OfVerb& counters = context_.counters.of(Verb::kGet);
  counters.requests.add(answers.count());
  counters.latency.add(now_ - start, answers.count());
  if (!answers.waits()) return;
  context_.counters.slow_reads.add();
  std::unique_ptr<SlowTask> task = slow_read(reads_.key(), reads_.tag());
  awaits_slow_task_ = context_.slow_work.start(id_, task);
  if (!awaits_slow_task_) refuse_later(Verb::kGet, kRetryQueue, reads_.tag());
  reads_.pop();
}

// Requests of one batch are timed one after the other, with one look at the clock for each.
void Conversation::count(Verb verb, Time start) {
  now_ = context_.now();
  count(verb, start, now_);
}

void Conversation::count(Verb verb, Time start, Time end) {
  Counters::OfVerb& counters = context_.counters.of(verb);
  counters.requests.add();
  counters.latency.add(end - start);
}

std::size_t Conversation::stream_ahead_max() const {
  const auto ahead_max = static_cast<std::size_t>(context_.options.range_ahead_max);
  // With no memory left, streams go on in small steps, so that they end some time.
  return context_.output_memory.is_exhausted() ? std::min(ahead_max, kShortAhead) : ahead_max;
}

}  // namespace kv::server
