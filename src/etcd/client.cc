#include "etcd/client.h"

#include <array>
#include <utility>

#include <asio/buffer.hpp>
#include <asio/connect.hpp>
#include <asio/write.hpp>
#include <fmt/format.h>

#include "base/check.h"
#include "etcd/http_answer.h"

namespace kv::etcd {

// One request. Callbacks of one that is over find another, or none.
struct Client::Attempt {
  Attempt(asio::io_context& io, const Request& what, Done whom)
      : request(what), done(std::move(whom)), socket(io) {}
  const Request request;
  const Done done;
  asio::ip::tcp::socket socket;
  std::string sent;
  std::array<char, 4096> buffer{};
  HttpAnswer answer;
};

Client::Client(asio::io_context& io, std::vector<Endpoint> endpoints, Gateway gateway,
               std::chrono::milliseconds patience)
    : io_(io),
      endpoints_(std::move(endpoints)),
      gateway_(std::move(gateway)),
      patience_(patience),
      timer_(io) {
  KV_CHECK(!endpoints_.empty());
  for (const Endpoint& endpoint : endpoints_) {
    lookups_.push_back(std::make_unique<server::HostLookup>(io, endpoint.host, endpoint.port));
  }
}

Client::~Client() { stop(); }

void Client::stop() {
  for (const auto& lookup : lookups_) lookup->cancel();
  timer_.cancel();
  if (attempt_) {
    asio::error_code ignored;
    attempt_->socket.close(ignored);
  }
  attempt_.reset();
}

void Client::ask(const Request& request, Done done) {
  KV_CHECK(attempt_ == nullptr);
  attempt_ = std::make_shared<Attempt>(io_, request, std::move(done));
  timer_.expires_after(patience_);
  timer_.async_wait([this, attempt = attempt_](const asio::error_code& cancelled) {
    if (!cancelled && !is_over(attempt)) fail(attempt, "no answer in time");
  });
  connect(attempt_);
}

void Client::connect(const std::shared_ptr<Attempt>& attempt) {
  lookups_[endpoint_]->find([this, attempt](const server::HostLookup::Found& found) {
    if (found.error) return fail(attempt, found.error.message());
    connect_to(attempt, found.endpoints);
  });
}

void Client::connect_to(const std::shared_ptr<Attempt>& attempt,
                        const std::vector<asio::ip::tcp::endpoint>& found) {
  asio::async_connect(attempt->socket, found,
                      [this, attempt](const asio::error_code& error, const auto&) {
                        if (is_over(attempt)) return;
                        if (error) return fail(attempt, error.message());
                        write(attempt);
                      });
}

void Client::write(const std::shared_ptr<Attempt>& attempt) {
  const Endpoint& endpoint = endpoints_[endpoint_];
  attempt->sent = http_post(fmt::format("{}:{}", endpoint.host, endpoint.port),
                            Gateway::path(attempt->request), gateway_.body(attempt->request));
  asio::async_write(attempt->socket, asio::buffer(attempt->sent),
                    [this, attempt](const asio::error_code& error, std::size_t) {
                      if (is_over(attempt)) return;
                      if (error) return fail(attempt, error.message());
                      read(attempt);
                    });
}

void Client::read(const std::shared_ptr<Attempt>& attempt) {
  attempt->socket.async_read_some(asio::buffer(attempt->buffer),
                                  [this, attempt](const asio::error_code& error, std::size_t size) {
                                    if (is_over(attempt)) return;
                                    if (error) return fail(attempt, error.message());
                                    switch (attempt->answer.take({attempt->buffer.data(), size})) {
                                      case HttpAnswer::State::kOpen:
                                        return read(attempt);
                                      case HttpAnswer::State::kBroken:
                                        return fail(attempt, attempt->answer.cause());
                                      case HttpAnswer::State::kComplete:
                                        return finish(attempt);
                                    }
                                  });
}

void Client::finish(const std::shared_ptr<Attempt>& attempt) {
  const Reply reply =
      Gateway::reply(attempt->request, attempt->answer.status(), attempt->answer.body());
  if (reply.kind == Reply::Kind::kFailed) return fail(attempt, reply.cause);
  end(attempt, reply);
}

void Client::fail(const std::shared_ptr<Attempt>& attempt, const std::string& cause) {
  const Endpoint& endpoint = endpoints_[endpoint_];
  endpoint_ = (endpoint_ + 1) % endpoints_.size();
  end(attempt, {.kind = Reply::Kind::kFailed,
                .number = attempt->request.number,
                .cause = fmt::format("{}:{}: {}", endpoint.host, endpoint.port, cause)});
}

void Client::end(const std::shared_ptr<Attempt>& attempt, const Reply& reply) {
  stop();
  attempt->done(reply);
}

}  // namespace kv::etcd
