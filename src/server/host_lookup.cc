#include "server/host_lookup.h"

#include <cstdint>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <asio/error.hpp>
#include <asio/ip/address.hpp>
#include <asio/post.hpp>

#include "base/check.h"
#include "base/thread.h"

namespace kv::server {

namespace {

using asio::ip::tcp;

std::optional<tcp::endpoint> numeric(const std::string& host, const std::string& port) {
  asio::error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (error) return std::nullopt;
  return tcp::endpoint(address, static_cast<std::uint16_t>(std::stoul(port)));
}

}  // namespace

struct HostLookup::State : std::enable_shared_from_this<State> {
  State(asio::io_context& context, std::string a_host, std::string a_port, Ask an_ask)
      : host(std::move(a_host)), port(std::move(a_port)), ask(std::move(an_ask)), io(&context) {}

  void find(Done done);
  void begin();
  void answer(Found known);
  template <class Job>
  void post(Job job);
  void take(const Found& known);

  const std::string host;
  const std::string port;
  const Ask ask;

  // The io_context's thread's.
  Done waiting;
  std::optional<Found> found;  // when nobody waited
  bool is_asking = false;

  std::mutex mutex;
  asio::io_context* io;  // guarded by mutex; null: it is not there any more
};

HostLookup::HostLookup(asio::io_context& io, std::string host, std::string port, Ask ask)
    : state_(std::make_shared<State>(io, std::move(host), std::move(port), std::move(ask))) {}

HostLookup::~HostLookup() {
  cancel();
  const std::lock_guard lock(state_->mutex);
  state_->io = nullptr;
}

void HostLookup::find(Done done) { state_->find(std::move(done)); }

void HostLookup::cancel() { state_->waiting = nullptr; }

HostLookup::Found HostLookup::ask_system(const std::string& host, const std::string& port) {
  Found found;
  asio::io_context io;
  for (const auto& one : tcp::resolver(io).resolve(host, port, found.error)) {
    found.endpoints.push_back(one.endpoint());
  }
  if (!found.error && found.endpoints.empty()) found.error = asio::error::host_not_found;
  return found;
}

void HostLookup::State::find(Done done) {
  KV_CHECK(!waiting);
  waiting = std::move(done);
  if (const auto endpoint = numeric(host, port)) return answer({{}, {*endpoint}});
  if (found) return answer(*std::exchange(found, std::nullopt));
  if (!is_asking) begin();
}

// Detached: joining it would be waiting for the name servers. All that it touches it owns.
void HostLookup::State::begin() {
  is_asking = true;
  try {
    std::thread([state = shared_from_this()] {
      base::name_thread("kv-lookup");
      state->post([state, answer = state->ask(state->host, state->port)] {
        state->is_asking = false;
        state->take(answer);
      });
    }).detach();
  } catch (const std::system_error& error) {
    is_asking = false;
    answer({error.code(), {}});
  }
}

template <class Job>
void HostLookup::State::post(Job job) {
  const std::lock_guard lock(mutex);
  if (io != nullptr) asio::post(*io, std::move(job));
}

void HostLookup::State::answer(Found known) {
  post([state = shared_from_this(), known = std::move(known)] { state->take(known); });
}

void HostLookup::State::take(const Found& known) {
  if (waiting) return std::exchange(waiting, nullptr)(known);
  if (!known.error) found = known;
}

}  // namespace kv::server
