#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace kv::engine {

// Where the index's nodes of one size live: cells of slabs that go back to the system when they are
// empty. Nodes that are left scattered over many slabs keep all of them: sparse_node() names one
// after the other for its owner to move it, until the slabs are well filled again.
//
// take() and give() from any thread at a time; the owner alone calls sparse_node(). What still lies
// in the pool ends with it, without a destructor.
class NodePool {
 public:
  explicit NodePool(std::size_t node_size);  // 256 bytes to 4 KiB, a multiple of 8
  ~NodePool();
  NodePool(const NodePool&) = delete;
  NodePool& operator=(const NodePool&) = delete;

  void* take();  // not initialized
  void give(void* node);
  // The owner takes another cell, moves the node there, and gives this one; nullptr: no need.
  void* sparse_node();

  std::uint64_t bytes() const { return bytes_; }  // touched since they came from the system

 private:
  struct Slab;
  Slab* slab_with_room();
  void remove(Slab* slab);
  void choose_victim();
  void* cell(Slab* slab, std::size_t number) const;
  static Slab* slab_of(void* node);

  const std::size_t node_size_;
  const std::uint32_t capacity_;  // cells of a slab
  std::mutex mutex_;
  std::vector<Slab*> slabs_;
  std::vector<Slab*> with_room_;  // each once, and perhaps some that are full
  std::uint64_t live_ = 0;        // nodes
  Slab* victim_ = nullptr;        // slab that is being emptied: takes no nodes
  std::atomic<std::uint64_t> bytes_ = 0;
};

}  // namespace kv::engine
