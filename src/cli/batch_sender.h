#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string_view>

#include "kv/client.h"

namespace kv::cli {

// Writes records in order, in batches that are atomic each, several of them in a pipeline. A batch
// that is told to try later is sent again after a while, and so are those behind it: of two records
// with the same key the later one stays the winner. The same when a server stops being the leader
// in the middle of a pipeline, which leaves it to us what to send again. One thread.
class BatchSender {
 public:
  using Wait = std::function<void(std::chrono::milliseconds)>;
  struct Settings {
    std::uint32_t batch_max = 1;  // records
    WriteOptions write = {};
  };
  // `wait` is for the while between two tries.
  BatchSender(Client& client, const Settings& settings, Wait wait)
      : client_(client), settings_(settings), wait_(std::move(wait)) {}

  // `line` is for messages about it. An error is told with the lines of its batch; what was written
  // before it stays.
  Result<void> add(std::string_view key, std::string_view value, std::uint64_t line);
  Result<void> finish();
  std::uint64_t written() const { return written_; }  // records known to be
  // Of the last batch that was written; nullopt: a majority had it, and so all before.
  struct LocalAck {
    Version version;
    std::uint64_t epoch;
  };
  std::optional<LocalAck> local_ack() const { return local_ack_; }

 private:
  struct Part {
    Batch batch;
    std::uint64_t bytes = 0;
    std::uint64_t first_line = 0;
    std::uint64_t last_line = 0;
  };
  Result<void> drain();
  struct Round {
    Result<void> outcome;     // the error of the first part that is not written
    bool may_repeat = false;  // that and those behind it
  };
  // Sends all parts once and drops those that are written, up to the first that is not.
  Round send_once();

  Client& client_;
  const Settings settings_;
  const Wait wait_;
  std::deque<Part> parts_;   // the last one may grow
  std::uint64_t bytes_ = 0;  // of all parts
  std::uint64_t written_ = 0;
  std::optional<LocalAck> local_ack_;
};

}  // namespace kv::cli
