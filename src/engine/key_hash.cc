#include "engine/key_hash.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <random>

#include "base/check.h"
#include "base/checksum.h"

namespace kv::engine {

namespace {

std::uint64_t random_seed() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}
const std::uint64_t seed = random_seed();

}  // namespace

std::uint64_t hash_key(std::string_view key) { return base::hash64(key, seed); }

std::uint64_t KeyHash::hash_of(KeyRef ref) const { return hash_key(arena_.key(ref)); }

KeyHash::Page* KeyHash::new_page(std::size_t part, std::uint8_t depth, std::uint32_t low_bits) {
  auto* page = new (pages_.take()) Page;
  page->depth = depth;
  page->part = static_cast<std::uint8_t>(part);
  page->low_bits = low_bits;
  return page;
}

void KeyHash::resize(Part& part, std::size_t size) {
  directory_bytes_ -= part.directory.capacity() * sizeof(void*);
  part.directory.resize(size);
  part.directory.shrink_to_fit();
  directory_bytes_ += part.directory.capacity() * sizeof(void*);
}

std::size_t KeyHash::find_tag(const Page& page, std::uint8_t tag, std::size_t from) {
  const auto* const begin = page.tags.data();
  const void* const found = std::memchr(begin + from, tag, page.count - from);
  if (found == nullptr) return page.count;
  return static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - begin);
}

void KeyHash::prefetch(std::span<const std::uint64_t> hashes) const {
  KV_CHECK(hashes.size() <= kPrefetchMax);
  std::array<const KeyRef*, kPrefetchMax> found;
  constexpr std::size_t kLine = 64;
  for (const std::uint64_t hash : hashes) {
    const auto* const page = reinterpret_cast<const char*>(page_of(hash));
    __builtin_prefetch(page);
    __builtin_prefetch(page + kLine);  // the tags reach into it
  }
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    const Page* const page = page_of(hashes[i]);
    const std::size_t at = page == nullptr ? 0 : find_tag(*page, tag_of(hashes[i]), 0);
    found[i] = page == nullptr || at == page->count ? nullptr : &page->refs[at];
    __builtin_prefetch(found[i]);
  }
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    if (found[i] != nullptr) arena_.prefetch(*found[i]);
  }
}

std::optional<KeyRef> KeyHash::find(std::string_view key, std::uint64_t hash,
                                    absl::FunctionRef<void()> meanwhile) const {
  const Page* const page = page_of(hash);
  if (page == nullptr) return std::nullopt;
  const std::uint8_t tag = tag_of(hash);
  std::size_t i = find_tag(*page, tag, 0);
  if (i < page->count) {
    arena_.prefetch(page->refs[i]);
    meanwhile();
  }
  for (; i < page->count; i = find_tag(*page, tag, i + 1)) {
    if (arena_.key(page->refs[i]) == key) return page->refs[i];
  }
  return std::nullopt;
}

std::optional<std::size_t> KeyHash::position(const Page& page, KeyRef ref, std::uint8_t tag) {
  for (std::size_t i = find_tag(page, tag, 0); i < page.count; i = find_tag(page, tag, i + 1)) {
    if (page.refs[i] == ref) return i;
  }
  return std::nullopt;
}

void KeyHash::insert(KeyRef ref, std::uint64_t hash) {
  Part& part = parts_[part_of(hash)];
  if (part.directory.empty()) {
    resize(part, 1);
    part.directory[0] = new_page(part_of(hash), 0, 0);
    part.deepest = 1;
  }
  while (part.directory[slot_of(part, hash)]->count == kSlots) split(part, hash);
  Page& page = *part.directory[slot_of(part, hash)];
  page.tags[page.count] = tag_of(hash);
  page.refs[page.count] = ref;
  page.count += 1;
}

void KeyHash::split(Part& part, std::uint64_t hash) {
  Page* const old = part.directory[slot_of(part, hash)];
  KV_CHECK(old->depth < kDepthMax);
  if (old->depth == part.depth) {
    const std::size_t size = part.directory.size();
    resize(part, 2 * size);
    std::copy_n(part.directory.begin(), size,
                part.directory.begin() + static_cast<std::ptrdiff_t>(size));
    part.depth += 1;
    part.deepest = 0;
  }
  const std::uint64_t bit = std::uint64_t{1} << old->depth;
  old->depth += 1;
  Page* const fresh =
      new_page(old->part, old->depth, static_cast<std::uint32_t>(old->low_bits | bit));
  if (old->depth == part.depth) part.deepest += 2;
  std::uint8_t kept = 0;
  for (std::size_t i = 0; i < old->count; ++i) {
    Page& target = (hash_of(old->refs[i]) & bit) != 0 ? *fresh : *old;
    std::uint8_t& at = &target == old ? kept : fresh->count;
    target.tags[at] = old->tags[i];
    target.refs[at] = old->refs[i];
    at += 1;
  }
  old->count = kept;
  point_to(part, fresh);
}

void KeyHash::build_part(std::size_t number, std::span<Entry> entries) {
  if (entries.empty()) return;
  std::vector<Page*> pages;
  build_pages(entries, number, 0, 0, pages);
  Part& part = parts_[number];
  KV_CHECK(part.directory.empty());
  for (const Page* page : pages) part.depth = std::max(part.depth, page->depth);
  resize(part, std::size_t{1} << part.depth);
  for (Page* page : pages) {
    if (page->depth == part.depth) part.deepest += 1;
    point_to(part, page);
  }
}

void KeyHash::build_pages(std::span<Entry> entries, std::size_t part, std::uint8_t depth,
                          std::uint32_t low_bits, std::vector<Page*>& out) {
  if (entries.size() <= kSlots) {
    Page* const page = new_page(part, depth, low_bits);
    for (const Entry& entry : entries) {
      page->tags[page->count] = tag_of(entry.hash);
      page->refs[page->count] = entry.ref;
      page->count += 1;
    }
    out.push_back(page);
    return;
  }
  KV_CHECK(depth < kDepthMax);
  const std::uint32_t bit = std::uint32_t{1} << depth;
  const auto middle = std::partition(entries.begin(), entries.end(),
                                     [bit](const Entry& entry) { return (entry.hash & bit) == 0; });
  const auto zeros = static_cast<std::size_t>(middle - entries.begin());
  const auto deeper = static_cast<std::uint8_t>(depth + 1);
  build_pages(entries.first(zeros), part, deeper, low_bits, out);
  build_pages(entries.subspan(zeros), part, deeper, low_bits | bit, out);
}

// Every place of the directory that ends in the page's bits is the page's.
void KeyHash::point_to(Part& part, Page* page) {
  const std::size_t step = std::size_t{1} << page->depth;
  for (std::size_t i = page->low_bits; i < part.directory.size(); i += step)
    part.directory[i] = page;
}

void KeyHash::move_sparse_page() {
  auto* const from = static_cast<Page*>(pages_.sparse_node());
  if (from == nullptr) return;
  Page* const to = new (pages_.take()) Page(*from);
  point_to(parts_[to->part], to);
  pages_.give(from);
}

void KeyHash::erase(KeyRef ref, std::uint64_t hash) {
  Part& part = parts_[part_of(hash)];
  Page& page = *part.directory[slot_of(part, hash)];
  const auto at = position(page, ref, tag_of(hash));
  KV_CHECK(at.has_value());
  page.count -= 1;
  page.tags[*at] = page.tags[page.count];
  page.refs[*at] = page.refs[page.count];
  if (page.count < kJoinMax) join(part, hash);
  move_sparse_page();
}

// Joins the page with the one it was split from, as long as both are sparse.
void KeyHash::join(Part& part, std::uint64_t hash) {
  for (;;) {
    Page* const page = part.directory[slot_of(part, hash)];
    if (page->depth == 0) return;
    const std::uint64_t bit = std::uint64_t{1} << (page->depth - 1);
    Page* const buddy = part.directory[slot_of(part, hash) ^ bit];
    if (buddy->depth != page->depth || page->count + buddy->count > kJoinMax) return;
    std::copy_n(buddy->tags.begin(), buddy->count, page->tags.begin() + page->count);
    std::copy_n(buddy->refs.begin(), buddy->count, page->refs.begin() + page->count);
    page->count = static_cast<std::uint8_t>(page->count + buddy->count);
    if (page->depth == part.depth) part.deepest -= 2;
    page->depth -= 1;
    page->low_bits &= static_cast<std::uint32_t>(bit - 1);
    point_to(part, page);
    pages_.give(buddy);
    if (part.deepest > 0 || part.depth == 0) continue;
    part.depth -= 1;
    resize(part, std::size_t{1} << part.depth);
    for (std::size_t i = 0; i < part.directory.size(); ++i) {
      const Page* const one = part.directory[i];
      if (one->depth == part.depth) part.deepest += 1;
    }
  }
}

void KeyHash::replace(KeyRef from, KeyRef to, std::uint64_t hash) {
  Part& part = parts_[part_of(hash)];
  Page& page = *part.directory[slot_of(part, hash)];
  const auto at = position(page, from, tag_of(hash));
  KV_CHECK(at.has_value());
  page.refs[*at] = to;
}

}  // namespace kv::engine
