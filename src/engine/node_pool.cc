#include "engine/node_pool.h"

#include <algorithm>
#include <array>
#include <bit>
#include <new>
#include <sys/mman.h>

#include "base/check.h"

namespace kv::engine {

namespace {

// A slab lies at a multiple of its size, so that a node's address tells its slab.
constexpr std::size_t kSlabSize = 256 * 1024;
constexpr std::size_t kNodeSizeMin = 256;
constexpr std::size_t kNodeSizeMax = 4096;
constexpr std::size_t kWordBits = 64;
constexpr std::size_t kWords = kSlabSize / kNodeSizeMin / kWordBits;
// Below this share of used cells, nodes are moved together.
constexpr double kSparse = 0.6;

void* map_slab() {
  // Twice as much holds a whole one somewhere; the rest goes back.
  void* const all =
      ::mmap(nullptr, 2 * kSlabSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) throw std::bad_alloc();
  char* const begin = static_cast<char*>(all);
  const std::size_t in_front =
      (kSlabSize - reinterpret_cast<std::uintptr_t>(begin) % kSlabSize) % kSlabSize;
  if (in_front > 0) ::munmap(begin, in_front);
  ::munmap(begin + in_front + kSlabSize, kSlabSize - in_front);
  return begin + in_front;
}

}  // namespace

struct NodePool::Slab {
  std::uint32_t live = 0;
  std::uint32_t fresh = 0;  // cells from here on were never used
  std::uint32_t number = 0;
  bool is_listed = false;  // in with_room_
  std::array<std::uint64_t, kWords> used{};
};

NodePool::NodePool(std::size_t node_size)
    : node_size_(node_size),
      capacity_(static_cast<std::uint32_t>((kSlabSize - sizeof(Slab)) / node_size)) {
  KV_CHECK(node_size >= kNodeSizeMin && node_size <= kNodeSizeMax && node_size % 8 == 0);
}

NodePool::~NodePool() {
  for (Slab* const slab : slabs_) ::munmap(slab, kSlabSize);
}

void* NodePool::cell(Slab* slab, std::size_t number) const {
  return reinterpret_cast<char*>(slab) + sizeof(Slab) + number * node_size_;
}

NodePool::Slab* NodePool::slab_of(void* node) {
  char* const at = static_cast<char*>(node);
  return reinterpret_cast<Slab*>(at - reinterpret_cast<std::uintptr_t>(at) % kSlabSize);
}

NodePool::Slab* NodePool::slab_with_room() {
  while (!with_room_.empty()) {
    Slab* const slab = with_room_.back();
    if (slab->live < capacity_) return slab;
    slab->is_listed = false;
    with_room_.pop_back();
  }
  Slab* const slab = new (map_slab()) Slab;
  slab->number = static_cast<std::uint32_t>(slabs_.size());
  slab->is_listed = true;
  slabs_.push_back(slab);
  with_room_.push_back(slab);
  bytes_ += sizeof(Slab);
  return slab;
}

void* NodePool::take() {
  const std::lock_guard lock(mutex_);
  Slab* const slab = slab_with_room();
  std::size_t word = 0;
  while (~slab->used[word] == 0) ++word;
  const auto bit = static_cast<std::size_t>(std::countr_one(slab->used[word]));
  slab->used[word] |= std::uint64_t{1} << bit;
  const std::size_t number = word * kWordBits + bit;
  if (number >= slab->fresh) {
    slab->fresh = static_cast<std::uint32_t>(number + 1);
    bytes_ += node_size_;
  }
  slab->live += 1;
  live_ += 1;
  return cell(slab, number);
}

void NodePool::give(void* node) {
  const std::lock_guard lock(mutex_);
  Slab* const slab = slab_of(node);
  const std::size_t number =
      static_cast<std::size_t>(static_cast<char*>(node) - static_cast<char*>(cell(slab, 0))) /
      node_size_;
  const std::uint64_t bit = std::uint64_t{1} << number % kWordBits;
  KV_CHECK((slab->used[number / kWordBits] & bit) != 0);
  slab->used[number / kWordBits] &= ~bit;
  slab->live -= 1;
  live_ -= 1;
  if (slab->live == 0 && slabs_.size() > 1) return remove(slab);
  if (slab->is_listed || slab == victim_) return;
  slab->is_listed = true;
  with_room_.push_back(slab);
}

void NodePool::remove(Slab* slab) {
  if (slab == victim_) victim_ = nullptr;
  if (slab->is_listed) std::erase(with_room_, slab);
  slabs_[slab->number] = slabs_.back();
  slabs_[slab->number]->number = slab->number;
  slabs_.pop_back();
  bytes_ -= sizeof(Slab) + slab->fresh * node_size_;
  ::munmap(slab, kSlabSize);
}

void NodePool::choose_victim() {
  // The emptiest of a few: looking at all would cost more than it saves.
  constexpr std::size_t kLook = 32;
  const std::size_t looked = std::min(kLook, with_room_.size());
  const auto emptiest =
      std::min_element(with_room_.end() - static_cast<std::ptrdiff_t>(looked), with_room_.end(),
                       [](const Slab* a, const Slab* b) { return a->live < b->live; });
  if (emptiest == with_room_.end()) return;
  victim_ = *emptiest;
  victim_->is_listed = false;
  with_room_.erase(emptiest);
}

void* NodePool::sparse_node() {
  const std::lock_guard lock(mutex_);
  const auto cells = static_cast<double>(slabs_.size() * capacity_);
  if (slabs_.size() < 2 || static_cast<double>(live_) >= kSparse * cells) return nullptr;
  if (victim_ == nullptr) choose_victim();
  if (victim_ == nullptr) return nullptr;
  for (std::size_t word = 0; word < kWords; ++word) {
    if (victim_->used[word] == 0) continue;
    return cell(victim_,
                word * kWordBits + static_cast<std::size_t>(std::countr_zero(victim_->used[word])));
  }
  return nullptr;
}

}  // namespace kv::engine
