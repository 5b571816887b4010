#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/incoming.h"
#include "engine/store_impl.h"
#include "format/members_file.h"
#include "node/base_place.h"
#include "node/replica_listener.h"
#include "peer/snapshot.h"
#include "raft/core.h"

namespace kv::node {

// The other side of BaseSender: takes the files of a leader's state, one leader's at a time, piece
// by piece in order; what comes in another order is not taken, and answered with where to go on.
// When all is verified and durable, `on_complete` decides what becomes of it.
//
// Nothing of the node's own state changes. Whatever goes wrong, and a full disk is part of that,
// the files go, the leader hears that they are not wanted now, and for a while no others are taken.
//
// Memory: SendWindow::kMax, and the list of files. Writes, syncs and checks are made aside. The
// thread of its replica.
class BaseReceiver {
 public:
  // The state is there: what for the core, what to put in place if that says so, and who the
  // members were. False: it is not wanted. The error: not now.
  struct Arrived {
    const raft::Message& message;
    const format::ManifestState& segments;
    const format::MembersFile& members;
  };
  using Complete = std::function<Result<bool>(const Arrived&)>;
  BaseReceiver(StoreImpl& store, ReplicaListener& listener, Complete on_complete)
      : store_(store), listener_(listener), on_complete_(std::move(on_complete)) {}

  void receive(const peer::SnapshotFrame& frame, const raft::Core& core, const raft::Instant& now);
  // Gives up what a leader that leads no more began.
  void work(const raft::Core& core, const raft::Instant& now);
  // Which share of the bytes is there; none: nothing comes.
  std::optional<double> share() const;

 private:
  // Shared with the jobs that write it.
  struct Transfer {
    Transfer(peer::SnapshotBegin what, engine::DataDirectory& dir)
        : begin(std::move(what)), places(begin.files), incoming(dir) {}
    const peer::SnapshotBegin begin;
    const BasePlaces places;
    BasePlace taken;    // pieces up to here are on their way to the disk
    BasePlace written;  // and up to here there
    bool is_finishing = false;
    std::atomic<bool> is_over = false;
    // The jobs'. Behind one that failed the others, which may be asked for by then, do nothing.
    bool has_failed = false;
    std::array<std::string, kBaseHeads> heads;
    format::MembersFile members;
    engine::Incoming incoming;
  };
  using Shared = std::shared_ptr<Transfer>;

  void begin(const peer::SnapshotBegin& begin, const raft::Core& core, const raft::Instant& now);
  void take(const peer::SnapshotChunk& chunk, const std::shared_ptr<const void>& owner);
  void end(const peer::SnapshotEnd& end);
  void complete(const Shared& transfer);
  static Result<void> write(Transfer& transfer, BasePlace place, std::string_view bytes);
  static Result<void> take_heads(Transfer& transfer);
  void run(const Shared& transfer, std::function<Result<void>()> job, std::function<void()> done);
  void reply(const peer::SnapshotBegin& to, peer::SnapshotReply::State state);
  void fail(const Error& error);
  void fail(std::string cause);  // no other one is taken for a while
  void abandon(std::string cause);
  void tell(BaseNews::Kind kind, std::string cause = {});

  StoreImpl& store_;
  ReplicaListener& listener_;
  const Complete on_complete_;
  raft::Instant now_;
  std::optional<raft::Instant> failed_;
  Shared transfer_;
};

}  // namespace kv::node
