#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace kv::cli {

// What signals do to a server. SIGTERM or SIGINT ends it: at once while it is still opening its
// data, by a drain once it is ready, also one that has begun to open it again; a SIGINT during the
// drain ends the process at once. At once means no clean-up, which recovery is made for. The exit
// code is 0 after a SIGTERM, with which service managers ask for an end, and 130 after a SIGINT
// that ends it at once. SIGHUP calls `on_hangup`, in a thread of this class.
//
// Blocks these signals in the calling thread and in all that it starts later; so it is made before
// them.
class StopSignals {
 public:
  explicit StopSignals(std::function<void()> on_hangup);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // From here on a first SIGTERM or SIGINT asks for a drain.
  void server_is_ready();
  // Returns true when there has been one, and false after reopen().
  bool wait();
  // The server has to be opened again. From any thread.
  void reopen();
  // After wait() said so, once it is closed: until it is ready once more a signal ends it at once.
  // False: one has asked for its end meanwhile.
  bool may_reopen();

 private:
  enum class Phase { kOpening, kServing, kClosing, kReopening, kStopping, kOver };
  void watch();
  // Returns false when the watch is over.
  bool take(int signal);

  const std::function<void()> on_hangup_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Phase phase_ = Phase::kOpening;  // guarded by mutex_
  bool is_to_reopen_ = false;      // the same
  std::thread watcher_;
};

}  // namespace kv::cli
