#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/place.h"

namespace kv::engine {

// Reference to an entry: slab number (17 bits) and cell in the slab (15 bits).
enum class KeyRef : std::uint32_t {};

// Where entries live: a key's bytes once, and its place. Cells of one size share slabs, the first
// of a page, later ones of up to 256 KiB (4 MiB for large keys), so that few keys take little; a
// slab without entries goes back to the system. There is room for 32 GiB of small
// entries, over a billion keys of 16 bytes.
//
//   cell:  place u64 | key size - 1 u16 | key
//
// One writer at a time, beside readers of entries that are not being changed (the index's lock).
class KeyArena {
 public:
  KeyArena() = default;
  ~KeyArena();
  KeyArena(const KeyArena&) = delete;
  KeyArena& operator=(const KeyArena&) = delete;

  KeyRef insert(std::string_view key, Place place);
  void erase(KeyRef ref);

  std::string_view key(KeyRef ref) const;
  Place place(KeyRef ref) const;
  void set_place(KeyRef ref, Place place);

  // The next entry to move out of a sparse slab, so that the slab gets empty; none when the slabs
  // are well filled. `cursor` remembers where the search stands; erase and insert may happen in
  // between.
  std::optional<KeyRef> sparse_entry(std::uint32_t size_class_of_key);
  static std::uint32_t size_class(std::size_t key_size);
  void prefetch(KeyRef ref) const { __builtin_prefetch(cell(ref)); }
  // Both ends of the entry, which may lie in two cache lines.
  void prefetch_whole(KeyRef ref) const {
    const auto bits = static_cast<std::uint32_t>(ref);
    const Slab& slab = slabs_[bits >> kCellBits];
    const char* const at =
        slab.memory + std::size_t{bits & ((1u << kCellBits) - 1)} * slab.cell_size;
    __builtin_prefetch(at);
    __builtin_prefetch(at + slab.cell_size - 1);
  }

  // Takes over all entries of `other`. Each of its references becomes the one moved() by what this
  // returns.
  std::uint32_t absorb(KeyArena&& other);
  static KeyRef moved(KeyRef ref, std::uint32_t slabs) {
    return static_cast<KeyRef>(static_cast<std::uint32_t>(ref) + (slabs << kCellBits));
  }

  std::uint64_t bytes() const { return bytes_; }          // taken from the system
  std::uint64_t key_bytes() const { return key_bytes_; }  // of the entries' keys

 private:
  static constexpr std::uint32_t kCellBits = 15;
  static constexpr std::size_t kSlabsMax = std::size_t{1} << (32 - kCellBits);
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr std::size_t kHeaderSize = sizeof(std::uint64_t) + sizeof(std::uint16_t);

  struct Slab {
    char* memory = nullptr;
    std::uint32_t cell_size = 0;
    std::uint32_t capacity = 0;  // cells
    std::uint32_t fresh = 0;     // cells from here on were never used
    std::uint32_t live = 0;
    std::uint32_t free_head = kNone;  // list through the free cells
    std::uint32_t size_class = 0;
    bool is_listed = false;  // in its class's list of slabs with room
  };
  struct SizeClass {
    std::vector<std::uint32_t> with_room;
    std::uint64_t cells = 0;  // capacity of its slabs
    std::uint64_t live = 0;
    std::uint32_t slabs = 0;
    std::uint32_t victim = kNone;  // slab that is being emptied: takes no new entries
    std::uint32_t victim_cell = 0;
  };

  static std::size_t cell_size_of(std::uint32_t size_class);
  const char* cell(KeyRef ref) const {
    const auto bits = static_cast<std::uint32_t>(ref);
    const Slab& slab = slabs_[bits >> kCellBits];
    return slab.memory + std::size_t{bits & ((1u << kCellBits) - 1)} * slab.cell_size;
  }
  char* cell(KeyRef ref) { return const_cast<char*>(std::as_const(*this).cell(ref)); }
  SizeClass& class_at(std::uint32_t number);
  std::uint32_t add_slab(std::uint32_t size_class, std::size_t cell_size, std::uint32_t capacity);
  void remove_slab(std::uint32_t number);
  std::uint32_t slab_with_room(std::uint32_t size_class);
  void choose_victim(SizeClass& size_class);

  std::vector<Slab> slabs_;
  std::vector<std::uint32_t> free_slabs_;  // numbers to use again
  std::vector<SizeClass> classes_;
  std::uint64_t bytes_ = 0;
  std::uint64_t key_bytes_ = 0;
};

}  // namespace kv::engine
