#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>

#include "engine/commit_pipeline.h"
#include "engine/space_guard.h"
#include "io/file_system.h"
#include "kv/event.h"
#include "kv/store.h"

namespace kv::engine {

// Asks the disk again and again how full it is, and tells the pipeline what it may take, and
// whoever merges that room is wanted. Recovers by itself.
//
// Threads: run() is its own; everything else from any.
class SpaceWatch {
 public:
  struct Settings {
    std::uint64_t reserve = 0;  // bytes; 0: SpaceGuard::default_reserve()
    std::uint64_t segment_size_max = 0;
    std::function<void(bool)> on_full;  // told when the disk gets full, and when it no longer is
  };
  SpaceWatch(Settings settings, io::FileSystem& fs, std::string dir, CommitPipeline& pipeline,
             EventListener* listener);

  // Looks once. A disk that does not tell is taken as it was.
  void look();
  // Looks ten times a second, until stop().
  void run();
  void stop();

  SpaceStats stats() const;

 private:
  const Settings settings_;
  io::FileSystem& fs_;
  const std::string dir_;
  CommitPipeline& pipeline_;
  EventListener* const listener_;

  // Guarded by mutex_.
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  SpaceGuard guard_;
  io::Space space_;
  bool is_stopped_ = false;
};

}  // namespace kv::engine
