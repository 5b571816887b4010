#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/store_impl.h"
#include "format/members_file.h"
#include "io/file_system.h"
#include "node/base_place.h"
#include "node/replica_listener.h"
#include "node/send_window.h"
#include "peer/snapshot.h"
#include "raft/core.h"

namespace kv::node {

// A leader's part in bringing members up that need records from below its floor: the files of its
// state, which stay pinned meanwhile, in pieces, as fast as the member says that it wrote them and
// no faster than a bound; over a slow network little at a time (SendWindow). What is lost on the
// way is found out by silence: then the beginning is sent again, and the member says where to go
// on.
//
// Memory: SendWindow::kMax of bytes for each member, and the list of files. Reads are made aside.
// The thread of its replica. A crash, or the end of the leadership, ends everything; the next
// leader begins anew.
class BaseSender {
 public:
  // `rate`: bytes a second, to each member.
  BaseSender(StoreImpl& store, ReplicaListener& listener, std::uint64_t seed, std::uint64_t rate);

  // What the core wants sent, and the members at that point. It takes the place of what was sent to
  // that member before.
  void begin(const raft::Message& wanted, const format::MembersFile& members,
             const raft::Instant& now);
  void receive(const peer::SnapshotReply& reply, const raft::Instant& now);
  // Goes on, and tells the core what came to an end. A few times per heartbeat.
  void work(raft::Core& core, const raft::Instant& now);

  // Records behind what is being sent are wanted next: the floor has to stay.
  bool is_busy() const { return !sessions_.empty(); }
  // Which share of the bytes a member has; none: nothing is being sent to it.
  std::optional<double> share(raft::NodeId peer) const;

 private:
  // One member's; shared with the job that reads for it.
  struct Session {
    Session(const std::vector<peer::SnapshotFile>& files, std::uint64_t election_us)
        : places(files), window(election_us) {}
    peer::SnapshotBegin begin;
    engine::BaseFiles base;
    std::array<std::string, kBaseHeads> heads;
    std::vector<std::string> paths;  // of the segments
    BasePlaces places;
    BasePlace next;            // to be sent
    BasePlace acked;           // the member has what lies before
    bool is_answered = false;  // it said where to begin
    bool is_reading = false;
    SendWindow window;
    double credit = 0;  // bytes that may be sent
    raft::Instant worked;
    raft::Instant heard;
    raft::Instant asked;
    // It is over; told to the core at that time, so that another attempt is not made at once.
    std::optional<raft::Instant> over;
    std::uint64_t pause_us = 0;
    // The job's.
    std::unique_ptr<io::File> file;
    std::uint32_t file_number = 0;
  };
  using Sessions = std::map<raft::NodeId, std::shared_ptr<Session>>;
  struct Piece;

  void ask(Session& session, const raft::Instant& now);
  void pump(const std::shared_ptr<Session>& session, const raft::Instant& now);
  void send_piece(Session& session, std::uint64_t size, std::string_view bytes,
                  std::shared_ptr<const void> owner);
  void read_piece(const std::shared_ptr<Session>& session, std::uint64_t size);
  static Result<void> read(io::FileSystem& fs, Session& session, BasePlace place,
                           std::string& bytes);
  void finish(Session& session, const raft::Instant& now);
  void fail(Session& session, std::string cause, const raft::Instant& now);
  void tell(const Session& session, BaseNews::Kind kind, std::string cause = {});

  StoreImpl& store_;
  ReplicaListener& listener_;
  const double rate_;
  std::uint64_t next_id_;
  raft::Instant now_;
  Sessions sessions_;
};

}  // namespace kv::node
