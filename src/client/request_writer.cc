#include "client/request_writer.h"

#include <fmt/format.h>

namespace kv::client {

namespace {

std::string options_text(const WriteOptions& options, const SessionRequest& request) {
  std::string out;
  if (request.session != 0) {
    out += fmt::format(" session={} req={}", request.session, request.number);
    if (request.done_below > 1) out += fmt::format(" done_below={}", request.done_below);
  }
  switch (options.condition.kind) {
    case Condition::Kind::kAlways:
      break;
    case Condition::Kind::kAbsent:
      out += " if=absent";
      break;
    case Condition::Kind::kPresent:
      out += " if=present";
      break;
    case Condition::Kind::kVersion:
      out += fmt::format(" if={}", options.condition.version);
      break;
  }
  if (options.ack) out += *options.ack == Ack::kLocal ? " ack=local" : " ack=majority";
  if (options.sync == Sync::kNone) out += " sync=none";
  if (options.sync == Sync::kInterval) out += " sync=interval";
  if (options.sync == Sync::kDisk) out += " sync=disk";
  return out;
}

}  // namespace

void append_put_header(std::string& out, std::size_t key_size, std::size_t value_size,
                       const WriteOptions& options, const SessionRequest& request) {
  out += fmt::format("PUT {} {}{}\n", key_size, value_size, options_text(options, request));
}

void append_put(std::string& out, std::string_view key, std::string_view value,
                const WriteOptions& options) {
  append_put_header(out, key.size(), value.size(), options);
  out.append(key).append(value);
}

std::string level_text(const ReadOptions& level) {
  std::string out;
  if (level.stale_max.count() > 0) out += fmt::format(" max_stale_ms={}", level.stale_max.count());
  if (level.min_version == 0) return out;
  return out + fmt::format(" min_ver={} timeout_ms={}", level.min_version, level.patience.count());
}

void append_get(std::string& out, std::string_view key, const ReadOptions& level) {
  out += fmt::format("GET {}{}\n", key.size(), level_text(level));
  out += key;
}

void append_del(std::string& out, std::string_view key, const WriteOptions& options,
                const SessionRequest& request) {
  out += fmt::format("DEL {}{}\n", key.size(), options_text(options, request));
  out += key;
}

Result<void> check_batch(const Batch& batch) {
  const auto refuse = [](std::string why) {
    return tl::unexpected(Error{Errc::kInvalidArgument, std::move(why), {}});
  };
  const auto& operations = batch.operations();
  if (operations.empty() || operations.size() > kBatchCountMax) {
    return refuse(
        fmt::format("a batch of {} operations; 1 to {} can be", operations.size(), kBatchCountMax));
  }
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (operations[i].is_delete) {
      return refuse(fmt::format("operation {} of a batch deletes; it can only put", i));
    }
    bytes += operations[i].key.size() + operations[i].value.size();
  }
  if (bytes > kBatchSizeMax) {
    return refuse(fmt::format("a batch of {} bytes; {} is the most", bytes, kBatchSizeMax));
  }
  return {};
}

void append_batch(std::string& out, const Batch& batch, const WriteOptions& options,
                  const SessionRequest& request) {
  out += fmt::format("BPUT {}{}\n", batch.operations().size(), options_text(options, request));
  for (const Batch::Operation& one : batch.operations()) {
    out += fmt::format("{} {}\n", one.key.size(), one.value.size());
    out.append(one.key).append(one.value);
  }
}

void append_range(std::string& out, const RangeOptions& options, std::uint64_t limit,
                  std::uint64_t bytes_max, const ReadOptions& level) {
  const std::string_view end = options.end ? std::string_view(*options.end) : std::string_view();
  out += fmt::format("RANGE {} {} limit={}", options.start.size(), end.size(), limit);
  if (bytes_max != UINT64_MAX) out += fmt::format(" max_bytes={}", bytes_max);
  if (options.is_reverse) out += " rev=1";
  if (options.is_keys_only) out += " keys=1";
  out += level_text(level);
  out += '\n';
  out.append(options.start).append(end);
}

}  // namespace kv::client
