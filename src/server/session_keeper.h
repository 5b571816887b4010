#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "server/backend.h"
#include "server/cluster_member.h"

namespace kv::server {

// Has the store end sessions that were not used for `ttl`, in a thread of its own: now and then,
// and only while this server leads. The clocks that count are those of the leaders that carried the
// sessions' writes out; where they differ by more than `ttl`, a session ends too soon, which its
// client is told. stop() and wait() may be called from any thread; what is passed outlives it.
class SessionKeeper {
 public:
  SessionKeeper(Backend& backend, const ClusterMember* cluster, std::chrono::milliseconds ttl);
  ~SessionKeeper();

  void stop();
  void wait();

 private:
  void run();

  Backend& backend_;
  const ClusterMember* const cluster_;
  const std::chrono::milliseconds ttl_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool is_stopped_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace kv::server
