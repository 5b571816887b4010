#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "io/file_system.h"
#include "io/sim_content.h"
#include "io/sim_disk.h"
#include "io/sim_machine.h"
#include "io/sim_operation.h"
#include "io/sim_random.h"

namespace kv::io {

// A file system in memory that can lose power at any operation, fail, run full and rot. The same
// operations after the same seed have the same outcome.
//
// What is written lies in the page cache until the file is synced, and a name that was created,
// renamed or removed until its folder is; folders alone are durable at once. When the power goes,
// every operation fails until restart(), which decides what the disk kept:
//  - the operation under way: not at all, in part (a write) or as a whole,
//  - unsynced writes: each sector of each write kept, lost or torn at any byte, in any order,
//  - the size: that after any number of the unsynced writes and truncates; what the size says and
//    no write filled is zero,
//  - names: each change kept or lost, but never one after a lost one to the same name.
// Locks and open files end; their handles fail for ever.
//
// A sync that fails behaves as Linux does: what it should have written is clean, reads as if it was
// there, and is never written again; the next crash loses it.
//
// Any thread. Outlives its files and locks.
class SimFileSystem final : public FileSystem {
 public:
  explicit SimFileSystem(std::uint64_t seed = 0) : seed_(seed), random_(seed) {}
  SimFileSystem(SimDisk disk, std::uint64_t seed)
      : seed_(seed), random_(seed), disk_(std::move(disk)) {}

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& dir) override;
  Result<bool> exists(const std::string& path) override;
  Result<void> create_dir(const std::string& dir) override;
  Result<void> sync_dir(const std::string& dir) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path, std::string_view text) override;
  Result<std::unique_ptr<FileLock>> lock_shared(const std::string& path) override;
  Result<void> link(const std::string& from, const std::string& to) override;  // refuses
  Result<Space> space(const std::string& dir) override;
  std::uint64_t wall_clock_ms() const override { return clock_ ? clock_() : 0; }
  // Told by the seed, and by what the disk has been through: a copy of a disk does not see again,
  // on another machine, what was drawn before.
  std::uint64_t random_bits() override;

  // The power goes during the change that follows `changes` more of them (reads are no changes), or
  // now, or during the operation for which the hook says so. The hook is told of every operation,
  // reads too, and must not call back.
  void lose_power_after(std::uint64_t changes);
  void lose_power();
  void keep_power();  // takes back lose_power_after()
  // A program that does not outlive a failed read, as what it would do then is nobody's business,
  // has still to come to its end in the simulation: from now on, whenever the power is gone, reads
  // and looks go on as if it were not, and only changes fail.
  void let_reads_outlive_power();
  void set_hook(SimMachine::Hook hook);
  // With what `mode` and `variant` let survive. The machine must be off.
  void restart(CrashMode mode, std::uint64_t variant = 0);
  bool is_on() const;
  // Handles that are open, and files that have a name.
  std::size_t open_files() const;
  std::size_t files() const;
  // How many were made so far, by all boots: changes alone, and with all that only reads or looks.
  std::uint64_t changes() const;
  std::uint64_t operations() const;
  // The operation in which the power went.
  std::string last_words() const;

  // Faults stay planned across restarts.
  void plan(SimFault fault);
  void clear_faults();
  // While a test looks at what programs have, faults neither strike nor count.
  void hold_faults(bool are_held);
  // Bytes that all files together may have.
  void set_capacity(std::uint64_t bytes);
  // Rot: inverts the bits of `mask` in one byte of a file, on the disk and in memory.
  void flip(const std::string& path, std::uint64_t offset, char mask);
  // Takes rot back: on the disk and in memory, which may not be alike.
  void put_byte(const std::string& path, std::uint64_t offset, char byte);

  // Milliseconds; set before a program runs. Without one it is always 0.
  void set_clock(std::function<std::uint64_t()> clock) { clock_ = std::move(clock); }

  // What the machine holds, to go back to or to start other machines with. Restoring turns it off,
  // as if the power had gone when the copy was made: restart() is next.
  SimDisk disk() const;
  void restore(SimDisk disk);

 private:
  friend class SimFile;
  friend class SimLock;
  // Of a file handle or lock: what it stands for, and when it was made.
  struct Handle {
    SimInode inode;
    std::uint64_t boot;
  };

  // Under mutex_:
  Result<void> look(const std::string& context);
  Result<void> need_folder_of(const std::string& path, const std::string& context) const;
  Result<void> change(const SimCall& call, const SimChange& change, std::uint64_t boot);
  Result<void> write_part(const SimCall& call, const SimChange& change, std::uint64_t size,
                          Error error);
  std::uint64_t free_bytes() const;
  void close(const Handle& handle);

  const std::uint64_t seed_;
  std::function<std::uint64_t()> clock_;

  // Guarded by mutex_.
  mutable std::mutex mutex_;
  SimRandom random_;
  SimMachine machine_;
  SimDisk disk_;
  std::multiset<SimInode> open_;
  std::set<SimInode> locked_;
  std::uint64_t capacity_ = std::uint64_t{1} << 40;
  std::uint64_t draws_ = 0;  // of random_bits()
};

}  // namespace kv::io
