#include "engine/key_arena.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <sys/mman.h>

#include "base/check.h"
#include "base/endian.h"

namespace kv::engine {

namespace {

// Marks a cell without an entry; a Place never has these bits.
constexpr std::uint64_t kFreeBits = ~std::uint64_t{1};
constexpr std::size_t kSizeAt = sizeof(std::uint64_t);

// Cells grow in steps of 2 bytes up to this, then of 1/8.
constexpr std::size_t kSmallCellMax = 256;
constexpr std::size_t kSmallStep = 2;
constexpr std::uint32_t kSmallClasses = kSmallCellMax / kSmallStep + 1;
constexpr std::uint32_t kStepsPerDoubling = 8;
// Slabs of large cells are larger, so that their numbers suffice for any number of keys.
constexpr std::size_t kLargeCell = 1024;
constexpr std::size_t kSlabSizeMax = 256 * 1024;
constexpr std::size_t kLargeSlabSizeMax = 4 * 1024 * 1024;
// Below this share of used cells, entries are moved together.
constexpr double kSparse = 0.6;

char* map_memory(std::size_t size) {
  void* const memory =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return static_cast<char*>(memory);
}

std::size_t whole_pages(std::size_t size) {
  constexpr std::size_t kPage = 4096;
  return (size + kPage - 1) / kPage * kPage;
}

}  // namespace

std::uint32_t KeyArena::size_class(std::size_t key_size) {
  const std::size_t needed = kHeaderSize + key_size;
  if (needed <= kSmallCellMax)
    return static_cast<std::uint32_t>((needed + kSmallStep - 1) / kSmallStep);
  std::uint32_t number = kSmallClasses;
  while (cell_size_of(number) < needed) ++number;
  return number;
}

std::size_t KeyArena::cell_size_of(std::uint32_t number) {
  if (number < kSmallClasses) return number * kSmallStep;
  const std::uint32_t step = number - kSmallClasses;
  const std::size_t base = kSmallCellMax << (step / kStepsPerDoubling);
  return base + base / kStepsPerDoubling * (step % kStepsPerDoubling + 1);
}

KeyArena::~KeyArena() {
  for (const Slab& slab : slabs_) {
    if (slab.memory != nullptr) {
      ::munmap(slab.memory, whole_pages(std::size_t{slab.capacity} * slab.cell_size));
    }
  }
}

KeyArena::SizeClass& KeyArena::class_at(std::uint32_t number) {
  if (classes_.size() <= number) classes_.resize(number + 1);
  return classes_[number];
}

std::uint32_t KeyArena::add_slab(std::uint32_t size_class, std::size_t cell_size,
                                 std::uint32_t capacity) {
  std::uint32_t number;
  if (free_slabs_.empty()) {
    KV_CHECK(slabs_.size() < kSlabsMax);
    number = static_cast<std::uint32_t>(slabs_.size());
    slabs_.emplace_back();
  } else {
    number = free_slabs_.back();
    free_slabs_.pop_back();
  }
  Slab& slab = slabs_[number];
  slab = Slab{};
  slab.memory = map_memory(whole_pages(cell_size * capacity));
  slab.cell_size = static_cast<std::uint32_t>(cell_size);
  slab.capacity = capacity;
  slab.size_class = size_class;
  bytes_ += whole_pages(cell_size * capacity);
  SizeClass& owner = class_at(size_class);
  owner.cells += capacity;
  owner.slabs += 1;
  return number;
}

void KeyArena::remove_slab(std::uint32_t number) {
  Slab& slab = slabs_[number];
  SizeClass& owner = classes_[slab.size_class];
  if (owner.victim == number) owner.victim = kNone;
  owner.cells -= slab.capacity;
  owner.slabs -= 1;
  if (slab.is_listed) std::erase(owner.with_room, number);
  const std::size_t size = whole_pages(std::size_t{slab.capacity} * slab.cell_size);
  ::munmap(slab.memory, size);
  bytes_ -= size;
  slab = Slab{};
  free_slabs_.push_back(number);
}

std::uint32_t KeyArena::slab_with_room(std::uint32_t number) {
  SizeClass& owner = class_at(number);
  while (!owner.with_room.empty()) {
    const std::uint32_t slab_number = owner.with_room.back();
    Slab& slab = slabs_[slab_number];
    if (slab_number != owner.victim && slab.live < slab.capacity) return slab_number;
    slab.is_listed = false;
    owner.with_room.pop_back();
  }
  const std::size_t cell_size = cell_size_of(number);
  // As much again as the class has, in whole pages.
  const std::size_t size = std::clamp(whole_pages(owner.cells * cell_size), whole_pages(cell_size),
                                      cell_size < kLargeCell ? kSlabSizeMax : kLargeSlabSizeMax);
  const std::uint32_t slab =
      add_slab(number, cell_size, static_cast<std::uint32_t>(size / cell_size));
  slabs_[slab].is_listed = true;
  classes_[number].with_room.push_back(slab);
  return slab;
}

KeyRef KeyArena::insert(std::string_view key, Place place) {
  const std::uint32_t number = size_class(key.size());
  const std::uint32_t slab_number = slab_with_room(number);
  Slab& slab = slabs_[slab_number];
  std::uint32_t index = slab.free_head;
  if (index != kNone) {
    slab.free_head =
        base::load_le<std::uint32_t>(slab.memory + std::size_t{index} * slab.cell_size + kSizeAt);
  } else {
    index = slab.fresh++;
  }
  slab.live += 1;
  classes_[number].live += 1;
  key_bytes_ += key.size();
  const auto ref = static_cast<KeyRef>(slab_number << kCellBits | index);
  char* const at = cell(ref);
  base::store_le(at, place.bits());
  base::store_le(at + kSizeAt, static_cast<std::uint16_t>(key.size() - 1));
  std::memcpy(at + kHeaderSize, key.data(), key.size());
  return ref;
}

std::uint32_t KeyArena::absorb(KeyArena&& other) {
  const auto shift = static_cast<std::uint32_t>(slabs_.size());
  KV_CHECK(slabs_.size() + other.slabs_.size() <= kSlabsMax);
  slabs_.insert(slabs_.end(), other.slabs_.begin(), other.slabs_.end());
  for (const std::uint32_t number : other.free_slabs_) free_slabs_.push_back(number + shift);
  for (std::uint32_t number = 0; number < other.classes_.size(); ++number) {
    const SizeClass& theirs = other.classes_[number];
    SizeClass& ours = class_at(number);
    for (const std::uint32_t slab : theirs.with_room) ours.with_room.push_back(slab + shift);
    ours.cells += theirs.cells;
    ours.live += theirs.live;
    ours.slabs += theirs.slabs;
    // A slab that was being emptied has room like any other.
    if (theirs.victim == kNone) continue;
    slabs_[theirs.victim + shift].is_listed = true;
    ours.with_room.push_back(theirs.victim + shift);
  }
  bytes_ += other.bytes_;
  key_bytes_ += other.key_bytes_;
  other.slabs_.clear();
  other.free_slabs_.clear();
  other.classes_.clear();
  other.bytes_ = 0;
  other.key_bytes_ = 0;
  return shift;
}

void KeyArena::erase(KeyRef ref) {
  const auto bits = static_cast<std::uint32_t>(ref);
  const std::uint32_t number = bits >> kCellBits;
  Slab& slab = slabs_[number];
  SizeClass& owner = classes_[slab.size_class];
  key_bytes_ -= key(ref).size();
  char* const at = cell(ref);
  base::store_le(at, kFreeBits);
  base::store_le(at + kSizeAt, slab.free_head);
  slab.free_head = bits & ((1u << kCellBits) - 1);
  slab.live -= 1;
  owner.live -= 1;
  if (slab.live == 0) return remove_slab(number);
  if (!slab.is_listed && number != owner.victim) {
    slab.is_listed = true;
    owner.with_room.push_back(number);
  }
}

std::string_view KeyArena::key(KeyRef ref) const {
  const char* const at = cell(ref);
  return {at + kHeaderSize, std::size_t{base::load_le<std::uint16_t>(at + kSizeAt)} + 1};
}

Place KeyArena::place(KeyRef ref) const {
  return Place::from_bits(base::load_le<std::uint64_t>(cell(ref)));
}

void KeyArena::set_place(KeyRef ref, Place place) { base::store_le(cell(ref), place.bits()); }

void KeyArena::choose_victim(SizeClass& owner) {
  // The emptiest of a few: looking at all would cost more than it saves.
  constexpr std::size_t kLook = 32;
  std::size_t looked = 0;
  for (auto at = owner.with_room.rbegin(); at != owner.with_room.rend() && looked < kLook;
       ++at, ++looked) {
    if (owner.victim == kNone || slabs_[*at].live < slabs_[owner.victim].live) owner.victim = *at;
  }
  if (owner.victim == kNone) return;
  owner.victim_cell = 0;
  slabs_[owner.victim].is_listed = false;
  std::erase(owner.with_room, owner.victim);
}

std::optional<KeyRef> KeyArena::sparse_entry(std::uint32_t number) {
  if (number >= classes_.size()) return std::nullopt;
  SizeClass& owner = classes_[number];
  const bool is_sparse = owner.slabs > 1 && static_cast<double>(owner.live) <
                                                kSparse * static_cast<double>(owner.cells);
  if (!is_sparse) return std::nullopt;
  if (owner.victim == kNone) choose_victim(owner);
  if (owner.victim == kNone) return std::nullopt;
  const Slab& slab = slabs_[owner.victim];
  for (; owner.victim_cell < slab.fresh; ++owner.victim_cell) {
    const auto ref = static_cast<KeyRef>(owner.victim << kCellBits | owner.victim_cell);
    if (place(ref).bits() != kFreeBits) {
      owner.victim_cell += 1;
      return ref;
    }
  }
  // What is left could not be moved; another slab may do better.
  Slab& given_up = slabs_[owner.victim];
  given_up.is_listed = true;
  owner.with_room.insert(owner.with_room.begin(), owner.victim);
  owner.victim = kNone;
  return std::nullopt;
}

}  // namespace kv::engine
