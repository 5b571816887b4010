#include "cli/batch_sender.h"

#include <algorithm>

#include <fmt/format.h>

namespace kv::cli {

namespace {

constexpr std::uint64_t kBatchBytes = 1024 * 1024;         // a batch ends behind it
constexpr std::uint64_t kPipelineBytes = 4 * 1024 * 1024;  // the same of a pipeline
constexpr int kTriesMax = 20;
constexpr std::chrono::milliseconds kWaitFirst{25};
constexpr std::chrono::milliseconds kWaitMax{2000};

}  // namespace

Result<void> BatchSender::add(std::string_view key, std::string_view value, std::uint64_t line) {
  const bool is_full =
      !parts_.empty() && (parts_.back().bytes >= kBatchBytes ||
                          parts_.back().batch.operations().size() >= settings_.batch_max);
  if (is_full && bytes_ >= kPipelineBytes) {
    if (auto drained = drain(); !drained) return drained;
  }
  if (parts_.empty() || is_full) parts_.push_back({{}, 0, line, line});
  Part& part = parts_.back();
  part.batch.put(key, value);
  part.bytes += key.size() + value.size();
  part.last_line = line;
  bytes_ += key.size() + value.size();
  return {};
}

Result<void> BatchSender::finish() { return drain(); }

Result<void> BatchSender::drain() {
  auto wait = kWaitFirst;
  for (int tries = 1;; ++tries) {
    Round round = send_once();
    if (round.outcome) return {};
    if (!round.may_repeat || tries == kTriesMax) {
      const Part& part = parts_.front();
      Error error = std::move(round.outcome).error();
      error.context =
          fmt::format("lines {} to {}: {}", part.first_line, part.last_line, error.context);
      return tl::unexpected(std::move(error));
    }
    wait_(wait);
    wait = std::min(2 * wait, kWaitMax);
  }
}

BatchSender::Round BatchSender::send_once() {
  auto pipeline = client_.pipeline();
  Round round;
  for (const Part& part : parts_) {
    round.outcome = pipeline.write(part.batch, settings_.write);
    if (!round.outcome) break;
  }
  const auto replies = pipeline.drain();
  bool were_some_taken = false;
  Result<void> taken;
  for (const auto& reply : replies) {
    were_some_taken = were_some_taken || reply;
    if (taken && !reply) taken = tl::unexpected(reply.error());
    if (!taken) continue;
    local_ack_.reset();
    if (reply->local_ack_epoch) local_ack_ = {reply->version, *reply->local_ack_epoch};
    written_ += parts_.front().batch.operations().size();
    bytes_ -= parts_.front().bytes;
    parts_.pop_front();
  }
  if (taken) return round;
  // When none was taken the client has looked for the leader already, for as long as it may.
  round.may_repeat = taken.error().code == Errc::kTryLater ||
                     (taken.error().code == Errc::kNotLeader && were_some_taken);
  round.outcome = std::move(taken);
  return round;
}

}  // namespace kv::cli
