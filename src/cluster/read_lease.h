#pragma once

#include <mutex>
#include <optional>

#include "raft/clock.h"
#include "raft/types.h"

namespace kv::cluster {

// Until when a leader may answer reads without asking anybody: a majority has promised to elect
// nobody else before (thesis 6.4.1), and what is committed is known. Whoever looks while it holds,
// after a read came in, and reads when the store has that much, reads what is linearizable, however
// late: nobody can have been told of anything newer before the look.
//
// It trusts that no member's clock runs faster than another's by a tenth, and that no machine is
// halted without its clocks noticing, as a hypervisor can do. A process that is stopped, or a
// machine that is suspended, is noticed.
//
// Threads: any.
class ReadLease {
 public:
  void give(const raft::Instant& until, raft::Seq commit) {
    const std::lock_guard lock(mutex_);
    until_ = until;
    commit_ = commit;
  }
  void end() {
    const std::lock_guard lock(mutex_);
    until_.reset();
  }
  // What the store has to have; none: it does not hold.
  std::optional<raft::Seq> look(const raft::Instant& now) const {
    const std::lock_guard lock(mutex_);
    if (!until_ || now.boot_us >= until_->boot_us || now.raw_us >= until_->raw_us) return {};
    return commit_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<raft::Instant> until_;
  raft::Seq commit_ = 0;
};

}  // namespace kv::cluster
