#include "bench/worker.h"

#include <algorithm>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <fmt/format.h>

namespace kv::bench {

namespace {

constexpr std::chrono::milliseconds kTick{100};  // between looks at stop() and at silence

// What was wrong with an answer, for people.
std::string describe(const Target& target, const Pending& request, const Answer& answer) {
  const char* what = "an answer of another kind";
  if (answer.kind == Answer::Kind::kMissing) what = "no such key, though it was written";
  if (answer.kind == Answer::Kind::kValue) what = "a value that is another key's or has changed";
  if (answer.kind == Answer::Kind::kEnd) what = "keys left out or out of order, or changed values";
  return fmt::format("{} of {}: {}", name_of(request.operation), target.names().name(request.key),
                     what);
}

void add_to(std::atomic<std::uint64_t>& counter, std::uint64_t more) {
  counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
}

}  // namespace

void Worker::ReadyQueue::reset(std::size_t capacity) {
  ring_.assign(capacity, 0);
  is_in_.assign(capacity, 0);
  first_ = count_ = 0;
}

void Worker::ReadyQueue::push(std::uint32_t connection) {
  if (is_in_[connection] != 0) return;
  is_in_[connection] = 1;
  ring_[(first_ + count_++) % ring_.size()] = connection;
}

std::uint32_t Worker::ReadyQueue::pop() {
  const std::uint32_t connection = ring_[first_];
  is_in_[connection] = 0;
  first_ = (first_ + 1) % ring_.size();
  count_ -= 1;
  return connection;
}

Worker::Worker(const Target& target, const ValueSizes& sizes, std::chrono::milliseconds timeout,
               std::uint64_t seed)
    : target_(target), sizes_(sizes), timeout_(timeout), random_(seed) {}

Worker::~Worker() {
  if (epoll_ >= 0) ::close(epoll_);
}

namespace {

Error cannot_wait() {
  return {Errc::kIo, "cannot wait for connections", {errno, std::generic_category()}};
}

}  // namespace

// To be done again when it was closed in between.
Result<void> Worker::watch(std::uint32_t index) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = index;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[index].fd(), &event) == 0) return {};
  return tl::unexpected(cannot_wait());
}

Result<void> Worker::open(const std::string& address, std::uint32_t connections) {
  address_ = address;
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return tl::unexpected(cannot_wait());
  for (std::uint32_t i = 0; i < connections; ++i) {
    auto connection = LoadConnection::open(address, timeout_);
    if (!connection) return tl::unexpected(std::move(connection).error());
    connections_.push_back(std::move(*connection));
    if (auto watched = watch(i); !watched) return watched;
  }
  waits_for_room_.resize(connections);
  events_.resize(connections);
  turns_.resize(connections);
  is_stale_.resize(connections);
  return {};
}

Result<void> Worker::run(RequestSource& source, const Schedule& schedule, Tally& tally) {
  // An open loop wakes up when a request is due, not up to 50 us later.
  ::prctl(PR_SET_TIMERSLACK, 1);
  begin(source, schedule, tally);
  while (!is_stopped_.load(std::memory_order_relaxed)) {
    const auto now = Clock::now();
    if (auto issued = issue(now); !issued) return issued;
    if (is_over_ && pending_ == 0) return {};
    if (auto back = bring_back(); !back) return back;
    if (auto waited = wait(now); !waited) return waited;
  }
  return {};
}

void Worker::begin(RequestSource& source, const Schedule& schedule, Tally& tally) {
  source_ = &source;
  tally_ = &tally;
  schedule_ = schedule;
  is_over_ = false;
  issued_ = counted_ = pending_ = 0;
  looked_at_ = Clock::now();
  if (gap_since_) gap_since_ = looked_at_;
  if (unserved_since_) unserved_since_ = looked_at_;
  answered_.store(0, std::memory_order_relaxed);
  bytes_sent_.store(0, std::memory_order_relaxed);
  ready_.reset(connections_.size());
  for (std::uint32_t i = 0; i < connections_.size(); ++i) {
    connections_[i].set_depth(schedule.pipeline);
    ready_.push(i);
  }
}

Clock::time_point Worker::due() const {
  const double ns = schedule_.interval_ns * static_cast<double>(issued_);
  return schedule_.first + std::chrono::nanoseconds(static_cast<std::int64_t>(ns));
}

// Starts what is to be started now on the connections that are ready.
Result<void> Worker::issue(Clock::time_point now) {
  while (!is_over_ && !ready_.empty()) {
    const auto start = is_open_loop() ? due() : now;
    if (start >= schedule_.end) is_over_ = true;
    if (start > now || is_over_) break;
    const std::uint32_t index = ready_.pop();
    LoadConnection& connection = connections_[index];
    if (!connection.is_open() || is_stale_[index] != 0) continue;  // it comes back by itself
    std::uint32_t requests = is_open_loop() ? 1 : schedule_.pipeline;
    while (requests > 0 && add_request(connection, start, now)) requests -= 1;
    if (is_open_loop() && !connection.is_full()) ready_.push(index);
    if (auto sent = send(index); !sent) return sent;
  }
  if (!is_over_ && now >= schedule_.end) {
    if (is_open_loop()) count_unsent();
    is_over_ = true;
  }
  return {};
}

// What fell due and found no connection free, up to the end.
void Worker::count_unsent() {
  const std::chrono::duration<double, std::nano> left = schedule_.end - due();
  tally_->unsent += static_cast<std::uint64_t>(std::max(0.0, left.count() / schedule_.interval_ns));
}

// False: there is none; the run is over.
bool Worker::add_request(LoadConnection& connection, Clock::time_point start,
                         Clock::time_point now) {
  const bool counts = now >= schedule_.count_from;
  Request request;
  if ((counts && counted_ == schedule_.operations_max) || !source_->next(request)) {
    is_over_ = true;
    return false;
  }
  counted_ += counts ? 1 : 0;
  issued_ += 1;
  pending_ += 1;
  if (connection.pending() == 0) connection.heard_at = now;
  Pending pending;
  pending.operation = request.operation;
  pending.key = pending.next_key = request.key;
  pending.keys = request.keys;
  pending.scan_length = request.scan_length;
  pending.counts = counts;
  pending.start = start;
  connection.push(pending);
  switch (request.operation) {
    case Operation::kRead:
    case Operation::kReadModifyWrite:
      target_.append_get(connection.output(), request.key);
      break;
    case Operation::kUpdate:
    case Operation::kInsert:
      append_put(connection, request.key);
      break;
    case Operation::kScan:
      target_.append_scan(connection.output(), request.key, request.scan_length);
      break;
  }
  return true;
}

void Worker::append_put(LoadConnection& connection, std::uint32_t key) {
  target_.append_put(connection.output(), key, sizes_.choose(random_),
                     static_cast<std::uint32_t>(random_.next()));
}

Result<void> Worker::send(std::uint32_t index) {
  LoadConnection& connection = connections_[index];
  const std::size_t before = connection.output().size();
  if (auto sent = connection.send(); !sent) return lose(index, std::move(sent).error());
  if (!connection.is_sending()) add_to(bytes_sent_, before);
  if (connection.is_sending() == (waits_for_room_[index] != 0)) return {};
  epoll_event event{};
  event.events = EPOLLIN;
  if (connection.is_sending()) event.events |= EPOLLOUT;
  event.data.u32 = index;
  if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd(), &event) != 0) {
    return tl::unexpected(
        Error{Errc::kIo, "cannot wait for room", {errno, std::generic_category()}});
  }
  waits_for_room_[index] = connection.is_sending() ? 1 : 0;
  return {};
}

// Until something came, there is room, a request is due, or for a tick. Who may be silent is looked
// at when all that came was taken, however long we were held up before.
Result<void> Worker::wait(Clock::time_point now) {
  std::chrono::nanoseconds time = kTick;
  if (is_open_loop() && !is_over_ && !ready_.empty()) {
    time = std::clamp<std::chrono::nanoseconds>(due() - now, std::chrono::nanoseconds(0), kTick);
  }
  if (!away_.empty() && !is_over_) {
    time = std::clamp<std::chrono::nanoseconds>(look_at_ - Clock::now(),
                                                std::chrono::nanoseconds(0), time);
  }
  timespec limit{};
  limit.tv_nsec = time.count();
  const int count =
      ::epoll_pwait2(epoll_, events_.data(), static_cast<int>(events_.size()), &limit, nullptr);
  if (count < 0 && errno != EINTR) {
    return tl::unexpected(Error{Errc::kIo, "cannot wait", {errno, std::generic_category()}});
  }
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    const std::uint32_t index = event.data.u32;
    if ((event.events & ~EPOLLOUT) != 0 && connections_[index].is_open()) {
      if (auto taken = take_answers(index); !taken) return taken;
    }
    if (connections_[index].is_open() && connections_[index].is_sending()) {
      if (auto sent = send(index); !sent) return sent;
    }
  }
  return count >= 0 && now - looked_at_ >= kTick ? look_for_silence(now) : Result<void>();
}

// All that came on one connection; then it is given its next requests at once, so that the server
// has something to do while we look at the other connections.
Result<void> Worker::take_answers(std::uint32_t index) {
  LoadConnection& connection = connections_[index];
  if (auto received = connection.receive(); !received) {
    Error error = std::move(received).error();
    if (!tally_->first_refusal.empty()) error.context += "; it had said " + tally_->first_refusal;
    return lose(index, std::move(error));
  }
  const auto now = Clock::now();
  connection.heard_at = now;
  const std::uint64_t before = pending_;
  Answer answer;
  while (!connection.input().empty() && target_.parse(connection.input(), answer)) {
    if (answer.kind == Answer::Kind::kNone || connection.pending() == 0) {
      return tl::unexpected(no_answer(answer));
    }
    if (leader_ != nullptr && answer.kind == Answer::Kind::kRefused && answer.is_elsewhere) {
      is_stale_[index] = 1;
    } else {
      note_served(index, now);
    }
    settle(connection, answer, now);
    connection.consume(answer.size);
  }
  add_to(answered_, before - pending_);
  // Those behind it are refused, too, and answered first.
  if (is_stale_[index] != 0) {
    if (connection.pending() > 0) return {};
    return lose(index, {Errc::kNotLeader, tally_->first_unserved, {}});
  }
  const bool is_ready = is_open_loop() ? !connection.is_full() : connection.pending() == 0;
  if (is_ready) ready_.push(index);
  return issue(now);
}

Error Worker::no_answer(const Answer& answer) const {
  std::string context = fmt::format("what came from {} is no answer to what was asked", address_);
  if (answer.kind == Answer::Kind::kRefused) context += fmt::format(": {}", answer.text);
  return {Errc::kProtocol, std::move(context), {}};
}

void Worker::settle(LoadConnection& connection, const Answer& answer, Clock::time_point now) {
  Pending& request = connection.oldest();
  const Outcome outcome = judge(target_, request, answer);
  if (outcome != Outcome::kUnfinished) {
    finish(request, outcome, answer, now);
    connection.pop();
    pending_ -= 1;
  } else if (request.operation == Operation::kReadModifyWrite) {
    const Pending write = request;
    connection.pop();
    connection.push(write);
    append_put(connection, write.key);
  }
}

void Worker::finish(const Pending& request, Outcome outcome, const Answer& answer,
                    Clock::time_point now) {
  if (outcome == Outcome::kUnserved) return count_unserved(request, std::string(answer.text));
  if (request.operation == Operation::kInsert) {
    if (outcome == Outcome::kRight) source_->inserted(request.key);
    if (outcome != Outcome::kRight) source_->not_inserted(request.key);
  }
  if (answer.kind == Answer::Kind::kValue) {
    const auto size = static_cast<std::uint32_t>(answer.value.size());
    tally_->value_min = std::min(tally_->value_min, size);
    tally_->value_max = std::max(tally_->value_max, size);
  }
  if (outcome == Outcome::kRefused && tally_->first_refusal.empty()) {
    tally_->first_refusal = answer.text;
  }
  if ((outcome == Outcome::kWrong || outcome == Outcome::kMissing) && tally_->first_wrong.empty()) {
    tally_->first_wrong = describe(target_, request, answer);
  }
  Tally::Line& line = tally_->line(request.operation);
  // A wrong answer is one during the warm-up, too.
  line.missing += outcome == Outcome::kMissing ? 1 : 0;
  line.wrong += outcome == Outcome::kWrong ? 1 : 0;
  if (!request.counts) return;
  line.times.record(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(now - request.start).count()));
  line.refused += outcome == Outcome::kRefused ? 1 : 0;
}

Result<void> Worker::look_for_silence(Clock::time_point now) {
  looked_at_ = now;
  for (std::uint32_t i = 0; i < connections_.size(); ++i) {
    const LoadConnection& connection = connections_[i];
    if (connection.pending() == 0 || now - connection.heard_at <= timeout_) continue;
    Error silent{Errc::kTimeout, fmt::format("no answer from {} in time", address_), {}};
    if (auto lost = lose(i, std::move(silent)); !lost) return lost;
  }
  return {};
}

}  // namespace kv::bench
