// Who syncs for whom: a lone client's writes are synced by the thread that serves it, and nobody
// else is kept waiting for a disk.
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <pthread.h>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "engine/store_impl.h"
#include "server/server.h"
#include "support/peer.h"
#include "tests/support/hooked_file_system.h"
#include "tests/support/scratch_dir.h"

namespace {

struct WatchedServer {
  kv::test::ScratchDir scratch;
  kv::test::HookedFileSystem fs;
  std::mutex mutex;
  std::string synced_by;
  std::function<void(const std::string& thread)> on_log_sync;  // guarded by mutex
  std::optional<kv::Store> store;
  std::unique_ptr<kv::server::Server> server;

  WatchedServer() {
    fs.skips_syncs = true;
    kv::Options options;
    options.merges_automatically = false;
    options.scrub_rate = 0;
    auto opened =
        kv::StoreImpl::open(fs, scratch.path() + "/db", options, kv::Background::kThreads);
    REQUIRE(opened.has_value());
    REQUIRE((*opened)->write(write_of("first")).has_value());  // there is an active segment now
    store = kv::StoreImpl::wrap(std::move(*opened));
    fs.on_sync = [this](const std::string& path) {
      note_sync(path);
      return kv::Result<void>();
    };
    kv::server::ServerOptions serving;
    serving.listen = "127.0.0.1:0";
    serving.threads = 1;
    auto bound = kv::server::Server::bind(serving);
    REQUIRE(bound.has_value());
    server = std::move(*bound);
    REQUIRE(server->start(*store).has_value());
  }
  ~WatchedServer() {
    server.reset();
    store.reset();
  }

  static kv::Write write_of(std::string_view key) {
    kv::Write write;
    write.key = key;
    write.value = "v";
    return write;
  }
  void note_sync(const std::string& path) {
    char name[16] = {};
    ::pthread_getname_np(::pthread_self(), name, sizeof name);
    const std::string thread(name);
    // Others make and seal segments.
    if (!path.ends_with(".seg") || (thread != "kv-reactor" && thread != "kv-log")) return;
    std::function<void(const std::string&)> hook;
    {
      const std::lock_guard lock(mutex);
      synced_by = thread;
      hook = on_log_sync;
    }
    if (hook) hook(thread);
  }
  // The thread whose sync the write waited for.
  std::string put(kv::test::Peer& client, const std::string& value = "v") {
    client.send("PUT 1 " + std::to_string(value.size()) + "\nk" + value);
    REQUIRE(client.read_line().starts_with("OK ver="));
    const std::lock_guard lock(mutex);
    return std::exchange(synced_by, {});
  }
  // Until its writes are synced by the thread that serves it. That has to see first that it is
  // alone, and that writes are quick: whatever stops the process for a while is a slow one.
  bool becomes_alone(kv::test::Peer& client) {
    constexpr int kTries = 1000;
    for (int i = 0; i < kTries; ++i) {
      if (put(client) == "kv-reactor") return true;
    }
    return false;
  }
};

}  // namespace

TEST_CASE_FIXTURE(WatchedServer, "a lone client's write is synced by the thread that serves it") {
  kv::test::Peer client(server->address());
  REQUIRE(becomes_alone(client));
  {
    kv::test::Peer other(server->address());
    other.send("PING\n");
    REQUIRE(other.read_line() == "OK\n");
    CHECK(put(client) == "kv-log");
    CHECK(put(other) == "kv-log");
    other.send("QUIT\n");
    REQUIRE(other.read_to_end() == "OK bye\n");
  }
  CHECK(becomes_alone(client));
  // One that sends many at a time does not wait for each.
  constexpr int kMany = 100;
  std::string many;
  for (int i = 0; i < kMany; ++i) many += "PUT 1 1\nkv";
  client.send(many);
  for (int i = 0; i < kMany; ++i) REQUIRE(client.read_line().starts_with("OK ver="));
  const std::lock_guard lock(mutex);
  CHECK(synced_by == "kv-log");
}

TEST_CASE_FIXTURE(WatchedServer, "a lone client's large values are left to the log's thread") {
  kv::test::Peer client(server->address());
  REQUIRE(becomes_alone(client));
  CHECK(put(client, std::string(100'000, 'v')) == "kv-log");
  CHECK(becomes_alone(client));
}

TEST_CASE_FIXTURE(WatchedServer, "replies go out before the sync of the write behind them") {
  kv::test::Peer client(server->address());
  REQUIRE(becomes_alone(client));
  std::atomic<int> syncs = 0;
  std::atomic<bool> is_reactor_held = false;
  std::promise<void> arrived;
  std::promise<void> opened;
  {
    const std::lock_guard lock(mutex);
    on_log_sync = [&](const std::string& thread) {
      if (++syncs != 2) return;
      is_reactor_held = thread == "kv-reactor";
      arrived.set_value();
      if (!is_reactor_held) opened.get_future().wait();
    };
  }
  client.send(
      "PUT 1 1\nka"
      "GET 1\nk"
      "PUT 1 1\nkb"
      "GET 1\nk");
  arrived.get_future().wait();
  CHECK_FALSE(is_reactor_held);
  CHECK(client.read_line().starts_with("OK ver="));
  CHECK(client.read_line().starts_with("VALUE 1 "));
  CHECK(client.read_line() == "a\n");
  CHECK(syncs == 2);
  opened.set_value();
  CHECK(client.read_line().starts_with("OK ver="));
  CHECK(client.read_line().starts_with("VALUE 1 "));
  CHECK(client.read_line() == "b\n");
  const std::lock_guard lock(mutex);
  on_log_sync = nullptr;
}
