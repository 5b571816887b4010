// Any bytes as a hint: what opens must build to the same bytes again. Each input is also tried with
// its checksums made right, to get at the checks behind them.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/checksum.h"
#include "base/endian.h"
#include "format/hint.h"

namespace {

using namespace kv::format;

void check_hint(std::string_view content) {
  auto reader = HintReader::open(content);
  if (!reader) return;
  HintBuilder builder(reader->binding());
  std::uint64_t count = 0;
  HintEntry entry;
  for (; reader->next(entry); ++count) {
    (void)filter_may_contain(reader->filter(), entry.key);  // any answer, but within bounds
    builder.add(entry);
  }
  KV_CHECK(count == reader->count());
  const std::string again = std::move(builder).finish();
  KV_CHECK(again.size() == content.size());
  // A filter is whatever its checksum says; only a builder's own has the bits of these keys.
  const std::size_t filter_at = content.size() - reader->filter().size();
  KV_CHECK(again.substr(kHintHeaderSize, filter_at - kHintHeaderSize) ==
           content.substr(kHintHeaderSize, filter_at - kHintHeaderSize));
  if (again.substr(filter_at) == content.substr(filter_at)) KV_CHECK(again == content);
}

std::string with_right_checksums(std::string content) {
  const std::string_view parts = std::string_view(content).substr(kHintHeaderSize);
  const auto stated = kv::base::load_le<std::uint64_t>(content.data() + 72);
  const std::size_t entries_size = std::min<std::uint64_t>(stated, parts.size());
  kv::base::store_le(content.data() + 88, kv::base::crc32c(parts.substr(0, entries_size)));
  kv::base::store_le(content.data() + 92, kv::base::crc32c(parts.substr(entries_size)));
  kv::base::store_le(content.data() + 100, kv::base::crc32c({content.data(), 100}));
  return content;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string content(reinterpret_cast<const char*>(data), size);
  check_hint(content);
  if (size >= kHintHeaderSize) check_hint(with_right_checksums(content));
  return 0;
}
