// Any bytes as a backup's list, and the same with the checksum made right: what opens must build to
// the same bytes again.

#include <cstddef>
#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "base/check.h"
#include "base/checksum.h"
#include "format/backup_list.h"

using namespace kv::format;

namespace {

void check(const std::string& text) {
  const auto list = decode_backup_list(text);
  if (list) KV_CHECK(encode_backup_list(*list) == text);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check(text);
  check(text + fmt::format("checksum {:08x}\n", kv::base::crc32c(text)));
  return 0;
}
