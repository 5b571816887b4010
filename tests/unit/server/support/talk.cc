#include "talk.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace kv::test {

namespace {

constexpr std::uint64_t kId = 7;

}  // namespace

Talk::Talk(server::ServerOptions server_options, server::Dialect dialect)
    : options(std::move(server_options)),
      request_memory(options.memory_max),
      output_memory(options.memory_max),
      log([this](Event::Level, std::string_view name, std::string_view details) {
        events.push_back(std::string(name) + ": " + std::string(details));
      }),
      context_{options,
               backend,
               *this,
               *this,
               *this,
               cursors,
               counters,
               log,
               request_memory,
               output_memory,
               [this] { return now; }},
      conversation(server::make_conversation(dialect, context_, kId)),
      may_be_resp_(dialect == server::Dialect::kNativeOrResp) {}

Talk::~Talk() = default;

void Talk::send(std::string_view bytes, std::size_t chunk) {
  unsent_.erase(0, std::exchange(unsent_at_, 0));
  unsent_ += bytes;
  chunk_ = chunk;
  settle();
}

std::string Talk::ask(std::string_view bytes, std::size_t chunk) {
  send(bytes, chunk);
  return take();
}

void Talk::end_input() {
  ends_input_ = true;
  settle();
}

bool Talk::send_some() {
  if (!conversation->wants_input()) return false;
  if (!has_unsent()) {
    if (ends_input_) conversation->input_ended();
    return std::exchange(ends_input_, false);
  }
  const auto buffer = conversation->buffer();
  const std::size_t size = std::min({buffer.size(), unsent_.size() - unsent_at_, chunk_});
  std::memcpy(buffer.data(), unsent_.data() + unsent_at_, size);
  unsent_at_ += size;
  if (std::exchange(may_be_resp_, false)) {
    auto other = server::hear_first({buffer.data(), size}, context_, kId);
    if (other != nullptr) conversation = std::move(other);
  }
  conversation->received(size);
  return true;
}

bool Talk::read_some() {
  std::vector<std::string_view> pieces;
  conversation->output().gather(pieces);
  std::size_t size = 0;
  for (const std::string_view piece : pieces) {
    const std::string_view part = piece.substr(0, may_read_ - size);
    read_ += part;
    size += part.size();
  }
  if (size == 0) return false;
  may_read_ -= may_read_ == SIZE_MAX ? 0 : size;
  conversation->output().consume(size);
  conversation->sent(size);
  return true;
}

bool Talk::deliver() {
  const bool flushes = conversation->take_unflushed();
  if (flushes) backend.flush(ReadMode::kNoWait);
  const bool has_news = !written_.empty();
  while (!written_.empty()) {
    conversation->written(written_.front().request, written_.front().result, now);
    written_.pop_front();
  }
  if (flushes || has_news) conversation->go_on();
  return flushes || has_news;
}

bool Talk::run_slow_tasks() {
  if (!runs_slow_tasks || slow_tasks_.empty()) return false;
  const auto task = std::move(slow_tasks_.front());
  slow_tasks_.pop_front();
  slow_tasks_run += 1;
  task->run();
  conversation->slow_task_finished(*task);
  return true;
}

void Talk::settle() {
  bool goes_on = true;
  while (goes_on) {
    goes_on = send_some() || deliver() || run_slow_tasks() || read_some();
    if (!goes_on && conversation->wants_turn()) {
      conversation->go_on();
      goes_on = true;
    }
  }
}

void Talk::join(std::uint64_t conversation_id, const server::ReadLevel& level) {
  level_asked = level;
  KV_CHECK(conversation_id == kId);
  rounds_asked += 1;
}

void Talk::end_round(const Result<void>& result) {
  conversation->reads_confirmed(result);
  settle();
}

void Talk::acknowledge_all() {
  backend.acknowledge_all();
  settle();
}

void Talk::acknowledge(std::size_t index) {
  backend.acknowledge(index);
  settle();
}

void Talk::pass(std::chrono::milliseconds time) {
  const auto end = now + time;
  while (now < end) {
    now = std::min(end, now + options.tick);
    conversation->tick();
    settle();
  }
}

void Talk::on_written(const WriteTag& tag, Result<WriteResult> result) {
  KV_CHECK(tag.owner == kId);
  written_.push_back({tag.request, std::move(result)});
}

bool Talk::start(std::uint64_t connection, std::unique_ptr<server::SlowTask>& task) {
  KV_CHECK(connection == kId);
  if (slow_tasks_.size() >= slow_tasks_max) return false;
  slow_tasks_.push_back(std::move(task));
  return true;
}

std::optional<server::MergeTicket> Talk::start_merge(std::uint64_t connection,
                                                     std::unique_ptr<server::MergeTask>& task,
                                                     std::uint64_t rate_max) {
  KV_CHECK(connection == kId);
  if (!takes_merges) return std::nullopt;
  merge_rates.push_back(rate_max);
  merge_task_ = std::move(task);
  return server::MergeTicket{merge_rates.size(), merge_rates.size() > 1};
}

void Talk::end_merge(Result<MergeSummary> outcome) {
  const auto task = std::move(merge_task_);
  task->outcome = std::move(outcome);
  conversation->slow_task_finished(*task);
  settle();
}

std::optional<std::string> Talk::stats(std::string_view section, bool is_json) const {
  section_asked = section;
  if (!section.empty() && section != "server" && section != "replication") return std::nullopt;
  return std::string(is_json ? "json" : "text") +
         " keys=" + std::to_string(backend.values().size());
}

}  // namespace kv::test
