#include "cluster/peer_link.h"

#include <array>
#include <optional>
#include <string>
#include <utility>

#include <asio/read.hpp>
#include <asio/write.hpp>
#include <doctest/doctest.h>

using asio::ip::tcp;
using kv::cluster::PeerLink;
using kv::peer::Goodbye;
using kv::peer::Hello;
using kv::peer::Reason;

namespace {

const kv::base::Uuid kCluster{7, 7};

kv::peer::Gather frame_of(std::size_t size) {
  kv::peer::Gather frame;
  kv::peer::FrameWriter writer(frame, kv::peer::FrameType::kAppend);
  writer.copy(std::string(size, 'a'));
  writer.finish();
  return frame;
}

// Node 1's link to node 2, and node 2's side of it, in one thread.
struct Linked {
  Linked() {
    kv::format::Member member;
    member.node_id = 2;
    member.peer_address = "127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
    const auto hello = [] {
      Hello own;
      own.cluster_id = kCluster;
      own.node_id = kv::raft::NodeId{1};
      own.node_uuid = {1, 1};
      return own;
    };
    link.emplace(io, member, PeerLink::Questions{hello, [](const auto&) { return true; }}, log);
    link->start();
  }
  template <class Condition>
  void run_until(Condition condition) {
    while (!condition()) io.run_one();
  }
  // The link's next attempt; its HELLO is left unread.
  void accept() {
    bool is_there = false;
    far = tcp::socket(io);
    acceptor.async_accept(far, [&](const asio::error_code& error) {
      REQUIRE(!error);
      is_there = true;
    });
    run_until([&] { return is_there; });
  }
  void say(const kv::peer::Gather& frame) { asio::write(far, asio::buffer(frame.joined())); }
  void let_in() {
    Hello answer;
    answer.cluster_id = kCluster;
    answer.node_id = kv::raft::NodeId{2};
    answer.node_uuid = {1, 2};
    kv::peer::Gather frame;
    append_hello_ok(frame, answer);
    say(frame);
    run_until([&] { return link->is_open(); });
  }

  asio::io_context io;
  tcp::acceptor acceptor{io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  tcp::socket far{io};
  kv::server::EventLog log{{}};
  std::optional<PeerLink> link;
};

}  // namespace

TEST_CASE_FIXTURE(Linked, "what waits goes with the lead, and what the system has of it as well") {
  accept();
  let_in();
  constexpr std::size_t kMuch = std::size_t{24} << 20;
  link->send(frame_of(kMuch));
  link->forget_backlog();
  CHECK_FALSE(link->is_open());
  std::string bytes(kMuch, '\0');
  asio::error_code error;
  const std::size_t size = asio::read(far, asio::buffer(bytes), error);
  CHECK(error == asio::error::connection_reset);
  CHECK(size < kMuch);
  accept();
  let_in();  // it goes on with the next
}

TEST_CASE_FIXTURE(Linked, "a little that waits is worth no new connection") {
  accept();
  let_in();
  link->send(frame_of(1000));
  link->forget_backlog();
  CHECK(link->is_open());
}

TEST_CASE_FIXTURE(Linked,
                  "whether the member takes this node for one is known by what it said last") {
  CHECK_FALSE(link->is_shut());
  accept();
  for (const auto reason : {Reason::kNotAMember, Reason::kReplaced}) {
    kv::peer::Gather frame;
    append_goodbye(frame, Goodbye{reason, "none of us"});
    say(frame);
    run_until([&] { return link->is_shut(); });
    accept();
    CHECK(link->is_shut());
    let_in();
    CHECK_FALSE(link->is_shut());
  }
  kv::peer::Gather frame;
  append_goodbye(frame, Goodbye{Reason::kStopping, "back soon"});
  say(frame);
  run_until([&] { return !link->is_open(); });
  CHECK_FALSE(link->is_shut());
}
