#include "kv/client.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "client/address.h"
#include "client/client_state.h"
#include "client/request_writer.h"
#include "protocol/header.h"

namespace kv {

namespace {

// A value up to this travels with its header in one packet; a larger one is sent from where it is.
constexpr std::size_t kCopiedMax = 16 * 1024;
constexpr std::size_t kOptionMax = 128;  // bytes of an option's value

bool is_option_value(std::string_view text) {
  return !text.empty() && text.size() <= kOptionMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

Result<Version> Client::State::write(const MakeHead& make_head, std::string_view body) {
  auto reply = call_write(make_head, body);
  if (!reply) return tl::unexpected(std::move(reply).error());
  if (reply->version == 0) return tl::unexpected(unanswered(unexpected_reply(), Sent::kWhole));
  return reply->version;
}

Result<std::string> Client::State::ask_for_text(std::string_view head) {
  auto reply = call(head, {}, Kind::kOfServer);
  if (!reply) return tl::unexpected(std::move(reply).error());
  if (!reply->value) return tl::unexpected(unanswered(unexpected_reply(), Sent::kNotAWrite));
  return std::move(*reply->value);
}

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<Client> Client::connect(const ClientOptions& options) {
  auto addresses = client::parse_addresses(options.address);
  if (!addresses) return tl::unexpected(std::move(addresses).error());
  auto state = std::make_unique<State>(options, std::move(*addresses));
  if (auto connected = state->find_server(); !connected) {
    return tl::unexpected(std::move(connected).error());
  }
  return Client(std::move(state));
}

Result<Version> Client::put(std::string_view key, std::string_view value,
                            const WriteOptions& options) {
  const bool is_copied = value.size() <= kCopiedMax;
  const auto make_head = [&](const SessionRequest& request) {
    std::string head;
    client::append_put_header(head, key.size(), value.size(), options, request);
    head += key;
    if (is_copied) head += value;
    return head;
  };
  return state_->write(make_head, is_copied ? std::string_view() : value);
}

Result<std::optional<Value>> Client::get(std::string_view key, const ReadOptions& level) {
  std::string head;
  client::append_get(head, key, level);
  auto reply = state_->call(head, {}, State::Kind::kRead);
  if (!reply) return tl::unexpected(std::move(reply).error());
  if (!reply->was_found) return std::nullopt;
  if (!reply->value) {
    return tl::unexpected(state_->unanswered(unexpected_reply(), State::Sent::kNotAWrite));
  }
  return Value{std::move(*reply->value), reply->version};
}

Result<std::optional<Version>> Client::del(std::string_view key, const WriteOptions& options) {
  auto reply = state_->call_write([&](const SessionRequest& request) {
    std::string head;
    client::append_del(head, key, options, request);
    return head;
  });
  if (!reply) return tl::unexpected(std::move(reply).error());
  if (!reply->was_found) return std::nullopt;
  return reply->version;
}

Result<Version> Client::write(const Batch& batch, const WriteOptions& options) {
  if (auto fits = client::check_batch(batch); !fits) return tl::unexpected(std::move(fits).error());
  return state_->write([&](const SessionRequest& request) {
    std::string head;
    client::append_batch(head, batch, options, request);
    return head;
  });
}

Result<std::string> Client::stats(std::string_view format, std::string_view section) {
  if (!is_option_value(format) || (!section.empty() && !is_option_value(section))) {
    return tl::unexpected(
        Error{Errc::kInvalidArgument, fmt::format("no section \"{}\"", section), {}});
  }
  std::string head = fmt::format("STATS fmt={}", format);
  if (!section.empty()) head += fmt::format(" section={}", section);
  return state_->ask_for_text(head + '\n');
}

Result<std::string> Client::hello() {
  auto reply = state_->call("HELLO v=1 client=cpp/" KV_VERSION "\n", {}, State::Kind::kOfServer);
  if (!reply) return tl::unexpected(std::move(reply).error());
  state_->servers.see_epoch(number_in(reply->fields, "epoch"));
  return std::move(reply->fields);
}

Result<std::string> Client::help() { return state_->ask_for_text("HELP\n"); }

Result<std::string> Client::merge(const MergeRequest& request) {
  std::string head = "MERGE";
  switch (request.action) {
    case MergeRequest::Action::kNow:
      if (request.waits) head += " wait=1";
      if (request.rate_max > 0) head += fmt::format(" rate={}", request.rate_max);
      break;
    case MergeRequest::Action::kPause:
      head += " do=pause";
      break;
    case MergeRequest::Action::kResume:
      head += " do=resume";
      break;
    case MergeRequest::Action::kStop:
      head += " do=stop";
      break;
  }
  return state_->ask_for_text(head + '\n');
}

Result<void> Client::transfer(std::uint64_t node_id) {
  return state_->ask_for_text(fmt::format("CLUSTER do=transfer node={}\n", node_id))
      .map([](const std::string&) {});
}

Result<void> Client::add_member(std::uint64_t node_id, std::string_view node_uuid,
                                std::string_view peer_address, std::string_view client_address) {
  std::string head = fmt::format("CLUSTER do=add node={}", node_id);
  for (const auto& [name, value] : {std::pair{"uuid", node_uuid}, std::pair{"peer", peer_address},
                                    std::pair{"client", client_address}}) {
    if (value.empty()) continue;
    if (!is_option_value(value)) {
      return tl::unexpected(Error{Errc::kInvalidArgument, fmt::format("no such {}", name), {}});
    }
    head += fmt::format(" {}={}", name, value);
  }
  return state_->ask_for_text(head + '\n').map([](const std::string&) {});
}

Result<void> Client::remove_member(std::uint64_t node_id, bool is_forced) {
  return state_
      ->ask_for_text(
          fmt::format("CLUSTER do=remove node={} force={}\n", node_id, is_forced ? 1 : 0))
      .map([](const std::string&) {});
}

Result<void> Client::campaign() {
  return state_->ask_for_text("CLUSTER do=campaign\n").map([](const std::string&) {});
}

Result<Version> Client::compare() {
  auto text = state_->ask_for_text("CLUSTER do=compare\n");
  if (!text) return tl::unexpected(std::move(text).error());
  constexpr std::string_view kBefore = "ver=";
  const std::size_t at = text->find(kBefore);
  std::optional<std::uint64_t> version;
  if (at != std::string::npos) version = protocol::parse_number(text->substr(at + kBefore.size()));
  if (!version) return tl::unexpected(Error{Errc::kProtocol, "no version in: " + *text, {}});
  return *version;
}

Result<std::string> Client::verify(std::uint64_t rate_max, std::string_view format) {
  if (!is_option_value(format)) {
    return tl::unexpected(Error{Errc::kInvalidArgument, "no such format", {}});
  }
  const std::string rate = rate_max > 0 ? fmt::format(" rate={}", rate_max) : "";
  return state_->ask_for_text(fmt::format("VERIFY fmt={}{}\n", format, rate));
}

Result<std::string> Client::backup(std::string_view directory, bool may_link,
                                   std::uint64_t rate_max, std::string_view format) {
  if (!is_option_value(format)) {
    return tl::unexpected(Error{Errc::kInvalidArgument, "no such format", {}});
  }
  const std::string rate = rate_max > 0 ? fmt::format(" rate={}", rate_max) : "";
  return state_->ask_for_text(fmt::format("BACKUP {} fmt={} copy={}{}\n{}", directory.size(),
                                          format, may_link ? 0 : 1, rate, directory));
}

Result<std::string> Client::inspect(std::string_view key, std::string_view format) {
  if (!is_option_value(format)) {
    return tl::unexpected(Error{Errc::kInvalidArgument, "no such format", {}});
  }
  return state_->ask_for_text(fmt::format("INSPECT {} fmt={}\n{}", key.size(), format, key));
}

std::optional<std::uint64_t> Client::local_ack_epoch() const { return state_->local_ack_epoch; }

Result<Version> Client::wait(Version version, std::chrono::milliseconds patience,
                             std::optional<std::uint64_t> epoch) {
  std::string head = fmt::format("WAIT timeout_ms={}", patience.count());
  if (version > 0) head += fmt::format(" ver={}", version);
  if (epoch) head += fmt::format(" epoch={}", *epoch);
  auto reply = state_->call(head + "\n", {}, State::Kind::kOfServer);
  if (!reply) return tl::unexpected(std::move(reply).error());
  return reply->version;
}

Result<void> Client::ping() {
  auto reply = state_->call("PING\n", {}, State::Kind::kOfServer);
  if (!reply) return tl::unexpected(std::move(reply).error());
  return {};
}

Result<std::string> Client::leader() {
  const auto fields = hello();
  if (!fields) return tl::unexpected(fields.error());
  if (protocol::field(*fields, "role") == "leader") return address();
  // No key has that version, so that this changes nothing; but only the leader may say so.
  WriteOptions never;
  never.condition = {Condition::Kind::kVersion, UINT64_MAX};
  std::string head;
  client::append_del(head, "leader", never);
  const auto reply = state_->call(head, {}, State::Kind::kRead);
  if (!reply && reply.error().code != Errc::kConflict) return tl::unexpected(reply.error());
  return address();
}

const std::string& Client::address() const { return state_->servers.current(); }

const std::optional<ServerError>& Client::last_server_error() const { return state_->server_error; }

Client::Pipeline Client::pipeline() { return Pipeline(*this); }

}  // namespace kv
