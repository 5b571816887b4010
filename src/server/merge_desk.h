#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "server/backend.h"

namespace kv::server {

// Which merge a request began or joined.
struct MergeTicket {
  std::uint64_t number = 0;  // counts up from 1
  bool has_joined = false;   // it was under way
};

// The merges that clients ask for: one at a time, on a thread of its own, since one may take
// minutes. Who asks meanwhile joins the one under way. Any thread; `backend` outlives it.
class MergeDesk {
 public:
  using Done = std::function<void(const Result<MergeSummary>& outcome)>;
  struct Report {
    std::uint64_t begun = 0;
    std::uint64_t ended = 0;
    MergeSummary last;       // of the one that ended last
    std::string last_error;  // empty: it went well
  };

  explicit MergeDesk(Backend& backend) : backend_(backend), thread_([this] { work(); }) {}
  ~MergeDesk();
  MergeDesk(const MergeDesk&) = delete;
  MergeDesk& operator=(const MergeDesk&) = delete;

  // At most `rate_max` bytes a second, 0: no limit; that of the one under way stays. `done` may be
  // null; it is called once, on the desk's thread, or on the caller's after stop().
  MergeTicket start(std::uint64_t rate_max, Done done);
  // Ends the merge under way within moments, and refuses others with kClosed.
  void stop();
  Report report() const;

 private:
  void work();

  Backend& backend_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_. A merge is under way while `begun` and `ended` differ.
  Report report_;
  std::uint64_t rate_max_ = 0;
  std::vector<Done> waiting_;
  bool is_stopped_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace kv::server
