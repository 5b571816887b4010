// Any bytes as a checkpoint: what opens must build to the same bytes again.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "format/checkpoint.h"

using namespace kv::format;

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string content(reinterpret_cast<const char*>(data), size);
  const auto reader = CheckpointReader::open(content);
  if (!reader) return 0;
  std::uint64_t keys = 0;
  std::string previous;
  auto slice = reader->slice(0, 1);
  for (CheckpointEntry entry; slice.next(entry); ++keys) {
    KV_CHECK(previous < entry.key);
    previous = entry.key;
    KV_CHECK((entry.place >> 44) < reader->head().segments.size());
  }
  KV_CHECK(keys == reader->head().keys);
  KV_CHECK(content.starts_with(encode_checkpoint_head(reader->head())));
  return 0;
}
