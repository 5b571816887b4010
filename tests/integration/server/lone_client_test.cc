// Who syncs for whom: a lone client's writes are synced by the thread that serves it, and nobody
// else is kept waiting for a disk.
#include <mutex>
#include <pthread.h>
#include <string>

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
  std::optional<kv::Store> store;
  std::unique_ptr<kv::server::Server> server;

  WatchedServer() {
    kv::Options options;
    options.merges_automatically = false;
    options.scrub_rate = 0;
    auto opened =
        kv::StoreImpl::open(fs, scratch.path() + "/db", options, kv::Background::kThreads);
    REQUIRE(opened.has_value());
    REQUIRE((*opened)->write(write_of("first")).has_value());  // there is an active segment now
    store = kv::StoreImpl::wrap(std::move(*opened));
    fs.on_sync = [this](const std::string& path) {
      char name[16] = {};
      ::pthread_getname_np(::pthread_self(), name, sizeof name);
      const std::lock_guard lock(mutex);
      if (path.ends_with(".seg")) synced_by = name;
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
  // The thread whose sync the write waited for.
  std::string put(kv::test::Peer& client) {
    client.send("PUT 1 1\nkv");
    REQUIRE(client.read_line().starts_with("OK ver="));
    const std::lock_guard lock(mutex);
    return std::exchange(synced_by, {});
  }
};

}  // namespace

TEST_CASE_FIXTURE(WatchedServer, "a lone client's write is synced by the thread that serves it") {
  kv::test::Peer client(server->address());
  REQUIRE(put(client) == "kv-reactor");
  {
    kv::test::Peer other(server->address());
    other.send("PING\n");
    REQUIRE(other.read_line() == "OK\n");
    CHECK(put(client) == "kv-log");
    CHECK(put(other) == "kv-log");
    other.send("QUIT\n");
    REQUIRE(other.read_to_end() == "OK bye\n");
  }
  std::string synced;
  for (int i = 0; i < 1000 && synced != "kv-reactor"; ++i) synced = put(client);
  CHECK(synced == "kv-reactor");  // now that the server has seen it go
  // One that sends many at a time does not wait for each.
  constexpr int kMany = 100;
  std::string many;
  for (int i = 0; i < kMany; ++i) many += "PUT 1 1\nkv";
  client.send(many);
  for (int i = 0; i < kMany; ++i) REQUIRE(client.read_line().starts_with("OK ver="));
  const std::lock_guard lock(mutex);
  CHECK(synced_by == "kv-log");
}
