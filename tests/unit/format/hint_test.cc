#include "format/hint.h"

#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/checksum.h"
#include "base/endian.h"
#include "kv/options.h"
#include "tests/support/damage.h"
#include "tests/support/golden.h"

namespace {

using namespace kv::format;
using kv::Errc;

constexpr HintBinding kBinding{
    .segment = SegmentId{7},
    .salt = 0x1122334455667788,
    .segment_size = 4096,
    .first_sequence = 42,
    .last_sequence = 45,
    .records = 4,
    .end_chain = 0x01398a22a3225f89,
};
std::vector<HintEntry> three_entries() {
  return {
      {"apple", 43, 128, 0, RecordType::kDelete},
      {"banana", 45, 360, 6, RecordType::kPut},
      {"kiwi", 44, 240, 5, RecordType::kPut},
  };
}

std::string hint_of(const std::vector<HintEntry>& entries, const HintBinding& binding = kBinding) {
  HintBuilder builder(binding);
  for (const HintEntry& entry : entries) builder.add(entry);
  return std::move(builder).finish();
}

// Makes all checksums right again after a change.
std::string sign(std::string bytes) {
  const auto entries_size = kv::base::load_le<std::uint64_t>(bytes.data() + 72);
  const std::string_view parts = std::string_view(bytes).substr(kHintHeaderSize);
  const std::uint32_t entries_crc = kv::base::crc32c(parts.substr(0, entries_size));
  const std::uint32_t filter_crc = kv::base::crc32c(parts.substr(entries_size));
  kv::base::store_le(bytes.data() + 88, entries_crc);
  kv::base::store_le(bytes.data() + 92, filter_crc);
  kv::base::store_le(bytes.data() + 100, kv::base::crc32c({bytes.data(), 100}));
  return bytes;
}

void check_entries(const HintReader& opened, const std::vector<HintEntry>& entries) {
  HintReader reader = opened;
  CHECK(reader.count() == entries.size());
  HintEntry found;
  for (const HintEntry& entry : entries) {
    REQUIRE(reader.next(found));
    CHECK(found.key == entry.key);
    CHECK(found.sequence == entry.sequence);
    CHECK(found.offset == entry.offset);
    CHECK(found.value_size == entry.value_size);
    CHECK(found.type == entry.type);
    CHECK(filter_may_contain(reader.filter(), entry.key));
  }
  CHECK_FALSE(reader.next(found));
  CHECK_FALSE(reader.next(found));
}

Errc code_of(const std::string& content) {
  const auto reader = HintReader::open(content);
  REQUIRE_FALSE(reader);
  return reader.error().code;
}

}  // namespace

TEST_CASE("a hint has its golden bytes") {
  CHECK(kv::test::golden_difference("hint.hex", hint_of(three_entries())) == "");
  const std::string golden = kv::test::load_golden("hint.hex");
  const auto reader = HintReader::open(golden);
  REQUIRE(reader);
  CHECK(reader->binding() == kBinding);
  check_entries(*reader, three_entries());
}

TEST_CASE("a hint without entries is one of a segment without keys") {
  const std::string content = hint_of({});
  const auto reader = HintReader::open(content);
  REQUIRE(reader);
  CHECK(reader->binding() == kBinding);
  CHECK(reader->filter().empty());
  check_entries(*reader, {});
}

TEST_CASE("a slice of a hint holds exactly the entries of its range") {
  HintBinding binding = kBinding;
  binding.segment_size = 1 << 20;
  std::vector<std::string> keys;
  for (int i = 0; i < 5000; ++i) keys.push_back("k" + std::to_string(10'000 + 2 * i));
  HintBuilder builder(binding);
  for (const std::string& key : keys) builder.add({key, 42, 64, 0, RecordType::kPut});
  const std::string content = std::move(builder).finish();
  const auto reader = HintReader::open(content);
  REQUIRE(reader);
  CHECK(reader->sample() ==
        std::vector<std::string_view>{"k10000", "k12048", "k14096", "k16144", "k18192"});
  const std::vector<std::optional<std::string_view>> bounds = {
      std::nullopt, "a", "k10000", "k10001", "k12047", "k12048", "k12049", "k19998", "k2", "z"};
  for (const auto& start : bounds) {
    for (const auto& end : bounds) {
      HintReader slice = reader->slice(start, end);
      std::vector<std::string_view> expected;
      for (const std::string& key : keys) {
        if ((!start || key >= *start) && (!end || key < *end)) expected.push_back(key);
      }
      CHECK(slice.first_key() == (expected.empty() ? std::optional<std::string_view>()
                                                   : std::optional(expected.front())));
      CHECK(slice.last_key() == (expected.empty() ? std::optional<std::string_view>()
                                                  : std::optional(expected.back())));
      std::vector<std::string_view> found;
      HintEntry entry;
      while (slice.next(entry)) found.push_back(entry.key);
      CHECK(found == expected);
    }
  }
}

TEST_CASE("entries of any size come back, up to the far end of a large segment") {
  HintBinding binding = kBinding;
  binding.segment_size = std::uint64_t{32} * 1024 * 1024 * 1024;
  const std::string longest(kv::kKeySizeMax, '\xff');
  const std::string zero(1, '\0');
  const std::vector<HintEntry> entries = {
      {zero, 42, 64, kv::kValueSizeMax, RecordType::kPut},
      {"k", 45, binding.segment_size - 56, 7, RecordType::kPut},
      {longest, 44, 128, 0, RecordType::kPut},
  };
  const std::string content = hint_of(entries, binding);
  const auto reader = HintReader::open(content);
  REQUIRE(reader);
  check_entries(*reader, entries);
}

TEST_CASE("every flipped bit and every cut of a hint is corruption") {
  const std::string content = hint_of(three_entries());
  kv::test::each_flip(content, [](const std::string& damaged, auto) {
    CHECK(code_of(damaged) == Errc::kCorruption);
  });
  kv::test::each_cut(content,
                     [](const std::string& cut) { CHECK(code_of(cut) == Errc::kCorruption); });
  CHECK(code_of(content + std::string(1, '\0')) == Errc::kCorruption);
}

TEST_CASE("a hint of a later version is told as such") {
  std::string content = hint_of(three_entries());
  content[4] = 2;
  CHECK(code_of(sign(content)) == Errc::kNewerFormat);
}

TEST_CASE("keys out of order, or twice, are refused under right checksums") {
  HintBinding binding = kBinding;
  const auto with_keys = [&](const std::string& first, const std::string& second) {
    REQUIRE(first.size() == 12);
    std::string content = hint_of({{"aaaaaaaaaaaa", 42, 64, 0, RecordType::kPut},
                                   {"bbbbbbbbbbbb", 43, 128, 0, RecordType::kPut}},
                                  binding);
    content.replace(kHintHeaderSize + kHintEntryHeadSize, 12, first);
    content.replace(kHintHeaderSize + 2 * kHintEntryHeadSize + 12, 12, second);
    return sign(content);
  };
  CHECK(HintReader::open(with_keys("aaaaaaaaaaaa", "aaaaaaaaaaab")));
  CHECK(HintReader::open(with_keys("aaaaaaaaaaaa", "aaaaaaaa\xff   ")));
  CHECK(HintReader::open(with_keys(std::string(12, '\x7f'), std::string(12, '\x80'))));
  CHECK(code_of(with_keys("aaaaaaaaaaaa", "aaaaaaaaaaaa")) == Errc::kCorruption);
  CHECK(code_of(with_keys("aaaaaaaaaaab", "aaaaaaaaaaaa")) == Errc::kCorruption);
  CHECK(code_of(with_keys("baaaaaaaaaaa", "abbbbbbbbbbb")) == Errc::kCorruption);
  CHECK(code_of(with_keys(std::string(12, '\x80'), std::string(12, '\x7f'))) == Errc::kCorruption);
}

TEST_CASE("a key that begins another comes before it") {
  CHECK(HintReader::open(hint_of({{"a", 42, 64, 0, RecordType::kPut},
                                  {"aaaaaaaa", 42, 64, 0, RecordType::kPut},
                                  {"aaaaaaaaa", 42, 64, 0, RecordType::kPut}})));
}

TEST_CASE("an entry that cannot lie in the segment is refused under right checksums") {
  using enum RecordType;
  const std::vector<HintEntry> impossible = {
      {"", 42, 64, 0, kPut},
      {"key", 41, 64, 0, kPut},
      {"key", 46, 64, 0, kPut},
      {"key", 42, 56, 0, kPut},
      {"key", 42, 4096, 0, kPut},
      {"key", 42, 4048, 0, kPut},
      {"key", 42, 4040, 6, kPut},
      {"key", 42, 64, kv::kValueSizeMax, kPut},
      {"key", 42, 64, 1, kDelete},
      {"key", 42, 64, 0, kBatch},
      {"key", 42, 64, 0, RecordType{0}},
  };
  for (std::size_t i = 0; i < impossible.size(); ++i) {
    CAPTURE(i);
    CHECK(code_of(hint_of({impossible[i]})) == Errc::kCorruption);
  }
  CHECK(HintReader::open(hint_of({{"key", 45, 4040, 5, kPut}})));
}

TEST_CASE("sizes over the limits are refused under right checksums") {
  HintBinding binding = kBinding;
  binding.segment_size = std::uint64_t{1} << 32;
  const auto with_value = [&](std::uint32_t value_size) {
    return hint_of({{"key", 42, 64, value_size, RecordType::kPut}}, binding);
  };
  CHECK(HintReader::open(with_value(kv::kValueSizeMax)));
  CHECK(code_of(with_value(kv::kValueSizeMax + 1)) == Errc::kCorruption);

  const std::string longest(kv::kKeySizeMax, 'k');
  std::string content = hint_of({{longest, 42, 64, 0, RecordType::kPut}}, binding);
  CHECK(HintReader::open(content));
  content.insert(kHintHeaderSize + kHintEntryHeadSize, "k");
  kv::base::store_le(content.data() + 72, std::uint64_t{kHintEntryHeadSize + kv::kKeySizeMax + 1});
  kv::base::store_le(content.data() + kHintHeaderSize + 16, kv::kKeySizeMax + 1 + (1u << 24));
  CHECK(code_of(sign(content)) == Errc::kCorruption);
}

TEST_CASE("parts that do not fit their header are refused under right checksums") {
  const std::string content = hint_of(three_entries());
  const auto with = [&](std::size_t at, std::uint64_t number) {
    std::string changed = content;
    kv::base::store_le(changed.data() + at, number);
    kv::base::store_le(changed.data() + 100, kv::base::crc32c({changed.data(), 100}));
    return changed;
  };
  const std::uint64_t entries_size = 75;
  const std::uint64_t filter_size = 32;
  CHECK(HintReader::open(with(72, entries_size)));
  CHECK(code_of(with(64, 2)) == Errc::kCorruption);
  CHECK(code_of(with(64, ~std::uint64_t{0})) == Errc::kCorruption);
  CHECK(code_of(with(72, ~std::uint64_t{0})) == Errc::kCorruption);
  CHECK(code_of(with(72, entries_size + 1)) == Errc::kCorruption);
  CHECK(code_of(with(80, filter_size - 1)) == Errc::kCorruption);
  // Sizes that fit together only because their sum wraps around.
  std::string wrapping = with(72, entries_size + filter_size + 1);
  kv::base::store_le(wrapping.data() + 80, ~std::uint64_t{0});
  kv::base::store_le(wrapping.data() + 100, kv::base::crc32c({wrapping.data(), 100}));
  CHECK(code_of(wrapping) == Errc::kCorruption);
  // The filter's first bytes taken for an entry's, and an entry's last ones for the filter's.
  for (const std::uint64_t shift : {1u, 20u, 32u}) {
    CAPTURE(shift);
    std::string later = with(72, entries_size + shift);
    kv::base::store_le(later.data() + 80, filter_size - shift);
    CHECK(code_of(sign(later)) == Errc::kCorruption);
    std::string earlier = with(72, entries_size - shift);
    kv::base::store_le(earlier.data() + 80, filter_size + shift);
    CHECK(code_of(sign(earlier)) == Errc::kCorruption);
  }
  std::string larger_filter = content + std::string(32, '\0');
  kv::base::store_le(larger_filter.data() + 80, filter_size + 32);
  CHECK(code_of(sign(larger_filter)) == Errc::kCorruption);
  CHECK(code_of(with(96, std::uint64_t{1})) == Errc::kCorruption);  // a zero
}
