// What a test does to the simulated machine; sim_file_system.cc has what programs do on it.

#include "base/check.h"
#include "io/sim_file_system.h"

namespace kv::io {

void SimFileSystem::lose_power_after(std::uint64_t changes) {
  const std::lock_guard guard(mutex_);
  machine_.lose_power_after(changes);
}

void SimFileSystem::lose_power() {
  const std::lock_guard guard(mutex_);
  machine_.lose_power();
}

void SimFileSystem::keep_power() {
  const std::lock_guard guard(mutex_);
  machine_.keep_power();
}

void SimFileSystem::let_reads_outlive_power() {
  const std::lock_guard guard(mutex_);
  machine_.let_reads_outlive_power();
}

void SimFileSystem::set_hook(SimMachine::Hook hook) {
  const std::lock_guard guard(mutex_);
  machine_.set_hook(std::move(hook));
}

void SimFileSystem::restart(CrashMode mode, std::uint64_t variant) {
  const std::lock_guard guard(mutex_);
  machine_.restart();
  SimRandom luck(seed_, variant);
  disk_.crash(mode, luck);
  open_.clear();
  locked_.clear();
}

std::size_t SimFileSystem::open_files() const {
  const std::lock_guard guard(mutex_);
  return open_.size();
}

std::size_t SimFileSystem::files() const {
  const std::lock_guard guard(mutex_);
  return disk_.names().files().size();
}

bool SimFileSystem::is_on() const {
  const std::lock_guard guard(mutex_);
  return machine_.is_on();
}

std::uint64_t SimFileSystem::changes() const {
  const std::lock_guard guard(mutex_);
  return machine_.changes();
}

std::uint64_t SimFileSystem::operations() const {
  const std::lock_guard guard(mutex_);
  return machine_.operations();
}

std::string SimFileSystem::last_words() const {
  const std::lock_guard guard(mutex_);
  return machine_.last_words();
}

void SimFileSystem::plan(SimFault fault) {
  const std::lock_guard guard(mutex_);
  machine_.plan(std::move(fault));
}

void SimFileSystem::clear_faults() {
  const std::lock_guard guard(mutex_);
  machine_.clear_faults();
}

void SimFileSystem::hold_faults(bool are_held) {
  const std::lock_guard guard(mutex_);
  machine_.hold_faults(are_held);
}

void SimFileSystem::set_capacity(std::uint64_t bytes) {
  const std::lock_guard guard(mutex_);
  capacity_ = bytes;
}

void SimFileSystem::flip(const std::string& path, std::uint64_t offset, char mask) {
  const std::lock_guard guard(mutex_);
  const SimInode inode = disk_.names().find(path);
  KV_CHECK(inode != kNoInode);
  disk_.content(inode).flip(offset, mask);
}

void SimFileSystem::put_byte(const std::string& path, std::uint64_t offset, char byte) {
  const std::lock_guard guard(mutex_);
  const SimInode inode = disk_.names().find(path);
  KV_CHECK(inode != kNoInode);
  disk_.content(inode).put(offset, byte);
}

SimDisk SimFileSystem::disk() const {
  const std::lock_guard guard(mutex_);
  return disk_;
}

void SimFileSystem::restore(SimDisk disk) {
  const std::lock_guard guard(mutex_);
  machine_.lose_power();
  disk_ = std::move(disk);
}

}  // namespace kv::io
