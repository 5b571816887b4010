// Any bytes as a manifest: what decodes must encode to the same bytes again, and its state must be
// built again by its own edits. Each input is also tried with its checksums made right, to get at
// what lies behind them.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/checksum.h"
#include "base/endian.h"
#include "format/manifest.h"

namespace {

using namespace kv::format;
using kv::base::load_le;
using kv::base::store_le;

// The frames, decoded one edit after the other and encoded again.
std::string encode_again(std::string_view frames, std::uint64_t manifest_number) {
  std::string again;
  while (!frames.empty()) {
    const auto size = load_le<std::uint32_t>(frames.data() + 4);
    std::string_view payload = frames.substr(kFrameHeadSize, size);
    std::vector<Edit> edits;
    while (!payload.empty() && payload.front() != '\0') {
      auto edit = decode_edit(payload);
      KV_CHECK(edit.has_value());
      edits.push_back(*std::move(edit));
    }
    append_edits(again, edits, manifest_number);
    frames.remove_prefix(kFrameHeadSize + size);
  }
  return again;
}

void check_manifest(std::string_view content) {
  const auto found = decode_manifest(content);
  if (!found) return;
  KV_CHECK(found->valid_size >= kManifestHeaderSize);
  KV_CHECK(found->valid_size <= content.size());
  const std::string_view valid = content.substr(0, found->valid_size);
  const std::string header =
      encode_manifest_header(found->manifest_number, found->database_id_hash);
  KV_CHECK(header + encode_again(valid.substr(kManifestHeaderSize), found->manifest_number) ==
           valid);

  ManifestState state;
  for (const Edit& edit : found->state.edits()) KV_CHECK(state.apply(edit).has_value());
  KV_CHECK(state == found->state);
  // What counts is the same without the torn tail.
  const auto without_tail = decode_manifest(valid);
  KV_CHECK(without_tail.has_value());
  KV_CHECK(without_tail->state == state);
}

std::string with_right_checksums(std::string content) {
  store_le(content.data() + 60, kv::base::crc32c({content.data(), 60}));
  const std::uint32_t number_crc = kv::base::crc32c({content.data() + 8, 8});
  std::size_t at = kManifestHeaderSize;
  while (content.size() - at >= kFrameHeadSize) {
    const auto size = load_le<std::uint32_t>(content.data() + at + 4);
    if (content.size() - at - kFrameHeadSize < size) break;
    const std::string_view checked(content.data() + at + 4, sizeof size + size);
    store_le(content.data() + at, kv::base::crc32c_extend(number_crc, checked));
    at += kFrameHeadSize + size;
  }
  return content;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string content(reinterpret_cast<const char*>(data), size);
  check_manifest(content);
  if (size >= kManifestHeaderSize) check_manifest(with_right_checksums(content));
  return 0;
}
