#include "server/reactor.h"

#include <asio/post.hpp>

namespace kv::server {

Reactor::Reactor(const Shared& shared, asio::thread_pool& pool, StatsReport stats)
    : shared_(shared),
      pool_(pool),
      stats_(std::move(stats)),
      work_guard_(asio::make_work_guard(io_)),
      timer_(io_) {}

Reactor::~Reactor() { stop(); }

void Reactor::start() {
  tick();
  thread_ = std::thread([this] { io_.run(); });
}

void Reactor::stop() {
  if (!thread_.joinable()) return;
  io_.stop();
  thread_.join();
  connections_.clear();
}

void Reactor::adopt(asio::ip::tcp::socket socket) {
  auto moved = std::make_shared<asio::ip::tcp::socket>(std::move(socket));
  asio::post(io_, [this, moved] {
    const std::uint64_t id = next_id_++;
    auto connection = std::make_shared<Connection>(*this, id, std::move(*moved));
    connections_.emplace(id, connection);
    connection->start();
    if (is_draining_) connection->drain();
  });
}

void Reactor::drain_all() {
  asio::post(io_, [this] {
    is_draining_ = true;
    // A connection that ends takes itself out of the map.
    const std::vector<std::pair<std::uint64_t, std::shared_ptr<Connection>>> all(
        connections_.begin(), connections_.end());
    for (const auto& [id, connection] : all) connection->drain();
  });
}

void Reactor::close_all() {
  asio::post(io_, [this] {
    const std::vector<std::pair<std::uint64_t, std::shared_ptr<Connection>>> all(
        connections_.begin(), connections_.end());
    for (const auto& [id, connection] : all) connection->close();
  });
}

void Reactor::remove(std::uint64_t id) {
  if (connections_.erase(id) > 0)
    shared_.counters.connections.fetch_sub(1, std::memory_order_relaxed);
}

void Reactor::submit(const Write& write, WriteTag tag) {
  shared_.store.submit(write, *this, tag);
  if (has_flush_posted_) return;
  // Behind the handlers that are ready now, so that their writes go with this one.
  has_flush_posted_ = true;
  asio::post(io_, [this] { flush(); });
}

void Reactor::flush() {
  has_flush_posted_ = false;
  shared_.store.flush();
  deliver();
}

void Reactor::on_written(const WriteTag& tag, Result<WriteResult> result) {
  // Inside submit() and flush() of this reactor the acknowledgement is picked up by flush() itself.
  const bool is_own_thread = std::this_thread::get_id() == thread_.get_id();
  bool must_post = false;
  {
    const std::lock_guard lock(mutex_);
    completions_.push_back({tag, std::move(result)});
    must_post = !is_own_thread && !std::exchange(has_delivery_posted_, true);
  }
  if (must_post) asio::post(io_, [this] { deliver(); });
}

void Reactor::deliver() {
  {
    const std::lock_guard lock(mutex_);
    has_delivery_posted_ = false;
    std::swap(delivering_, completions_);
  }
  for (Completion& completion : delivering_) {
    const auto found = connections_.find(completion.tag.owner);
    if (found == connections_.end()) continue;  // the client went away meanwhile
    const std::shared_ptr<Connection> connection = found->second;
    connection->written(completion.tag.request, std::move(completion.result));
  }
  delivering_.clear();
}

void Reactor::defer(std::function<void()> work, std::function<void()> then) {
  asio::post(pool_, [this, work = std::move(work), then = std::move(then)]() mutable {
    work();
    work = nullptr;
    asio::post(io_, std::move(then));
  });
}

void Reactor::tick() {
  timer_.expires_after(shared_.options.tick);
  timer_.async_wait([this](const asio::error_code& error) {
    if (error) return;
    const auto now = Conversation::Clock::now();
    const std::vector<std::pair<std::uint64_t, std::shared_ptr<Connection>>> all(
        connections_.begin(), connections_.end());
    for (const auto& [id, connection] : all) connection->tick(now);
    tick();
  });
}

}  // namespace kv::server
