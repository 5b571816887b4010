#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "format/membership.h"
#include "sim/event_queue.h"

namespace kv::kvsim {

class Cluster;
class Machine;

// Looks on, after all that a machine does, and knows what was committed.
//
//   state machine safety   what a machine has applied is, record by record, what anybody had
//                          applied there before, and lies in its log as it did there
//   leader completeness    who leads has all that was committed in earlier terms
//   committed is durable   a majority of the voters, by a configuration that counts somewhere
//                          when it is first told, has it on their disks then
//   it stays so            what a machine's disk says is committed never goes back
//   replay                 what a start finds and applies again, and what a machine has then,
//   through
//                          merges and replaced states, is what the log up to there makes of it
class Oracle {
 public:
  explicit Oracle(Cluster& cluster, std::size_t machines) : cluster_(cluster), views_(machines) {}

  // The process is up, and its machine on.
  void look(const Machine& machine);
  // The same, for the first time in a life.
  void look_at_start(const Machine& machine);
  // What the log up to there makes of an empty store.
  std::map<std::string, std::string> content_at(std::uint64_t sequence) const;
  // Its disk is another one.
  void forget(const Machine& machine);
  std::uint64_t committed() const { return records_.size(); }
  // Whether that record, which is committed, wrote that; no value: it deleted the key.
  bool has_written(std::uint64_t sequence, const std::string& key,
                   const std::optional<std::string>& value) const;
  // 0: nothing is committed there.
  std::uint64_t term_of(std::uint64_t sequence) const;

 private:
  struct Record {
    std::uint64_t term = 0;
    std::uint64_t chain = 0;           // up to and with it
    std::uint64_t committed_term = 0;  // of who told it first; not lower than that of who committed
    std::size_t told_by = 0;
    std::vector<std::pair<std::string, std::string>> puts;
    std::vector<std::string> deletes;
  };
  // Of one machine.
  struct View {
    std::uint64_t compared = 0;  // up to here, in this life
    std::uint64_t led_term = 0;  // the last one in which its log was looked at
    std::uint64_t durable_commit = 0;
    std::optional<std::uint64_t> content_due;  // compared once that much is applied
    sim::Time next_content = 0;                // and then again
    std::map<std::string, std::string> content;
    std::uint64_t content_sequence = 0;
  };

  void compare(const Machine& machine, View& view);
  void check_leader(const Machine& machine, View& view);
  void check_durable(std::uint64_t sequence);
  bool has_majority(const format::Membership& membership, std::uint64_t sequence) const;
  void check_content(const Machine& machine, View& view);
  void extend(View& view, std::uint64_t sequence) const;
  void apply(const Record& record, std::map<std::string, std::string>& content) const;
  void check_commit(const Machine& machine, View& view);

  Cluster& cluster_;
  std::vector<View> views_;
  std::vector<Record> records_;  // that of sequence n at n - 1
};

}  // namespace kv::kvsim
