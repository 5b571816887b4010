#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/uuid.h"
#include "kv/options.h"
#include "raft/types.h"
#include "sim/event_queue.h"

namespace kv::kvsim {

class Cluster;
class Machine;
class Oracle;

// Looks on beside the Oracle, at what has to hold whatever is committed; and holds what clients
// were told against what the Oracle knows. Terms are Raft's: Ongaro's thesis, figure 3.2.
//
//   ElectionSafety     one leader in a term
//   OneVote            a disk has one vote in a term, across restarts, too; terms never fall on it
//   LogMatching        records with one term and number end logs with one chain
//   LeaderAppendOnly   who leads takes nothing of its log back
//   Monotone           term, commit and applied never fall in one life of a process
//   Damaged            who had more than it has does not campaign
//   OneLease           no two machines may take themselves for the leader by their clocks at once
//   Answers            what is acknowledged is committed, with its version; what is read was
//                      written by the record whose version was told, which is committed
//   LocalAnswers       what one disk acknowledged and the log does not have in the end went with a
//                      change of the leader, and all of a term's within one window
//   Bounded            what is on the way to each peer, the reads that wait and the open files
class Invariants {
 public:
  Invariants(Cluster& cluster, std::size_t machines) : cluster_(cluster), views_(machines) {}

  // After the Oracle did. The process is up, and its machine on.
  void look(const Machine& machine);
  void look_at_start(const Machine& machine);
  // Its disk is another one.
  void forget(const Machine& machine);

  // What a client heard: the record with that version wrote that.
  struct Answer {
    std::size_t machine = 0;
    Version version = 0;
    std::string key;
    std::optional<std::string> value = std::nullopt;  // none: it is gone
    bool is_of_former_life = false;
  };
  void told(Answer answer) { answers_.push_back(std::move(answer)); }
  struct LocalAnswer {
    raft::Term term = 0;
    Version version = 0;
    sim::Time time = 0;
  };
  void told(const LocalAnswer& answer) { local_answers_.push_back(answer); }
  // All are whole and have one log.
  void check_end();
  std::uint64_t lost_local_answers() const { return lost_local_answers_; }

 private:
  struct View {
    // Of the disk.
    raft::Term durable_term = 0;
    raft::NodeId vote = raft::kNoNode;
    // Of this life.
    raft::Term term = 0;
    raft::Seq commit = 0;
    raft::Seq applied = 0;
    raft::Term led = 0;  // the last one, with the end of the log then
    raft::Point led_last;
  };

  void check_election(const Machine& machine, View& view);
  void check_vote(const Machine& machine, View& view);
  void check_log(const Machine& machine);
  void check_progress(const Machine& machine, View& view);
  void check_leases();
  void check_bounds(const Machine& machine);
  void check_answers(const Machine& machine);
  void check_answer(const Answer& answer);
  void check_local_answers();

  Cluster& cluster_;
  std::vector<View> views_;
  std::map<raft::Term, std::pair<std::size_t, base::Uuid>> leaders_;
  std::map<std::pair<raft::Term, raft::Seq>, std::uint64_t> chains_;
  std::vector<Answer> answers_;  // that were not yet held against the log
  std::vector<LocalAnswer> local_answers_;
  std::uint64_t lost_local_answers_ = 0;
};

}  // namespace kv::kvsim
