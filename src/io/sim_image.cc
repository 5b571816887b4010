#include "io/sim_image.h"

#include <algorithm>
#include <cstring>

namespace kv::io {

std::size_t SimImage::read(std::uint64_t offset, char* out, std::size_t size) const {
  if (offset >= size_) return 0;
  const auto total = static_cast<std::size_t>(std::min<std::uint64_t>(size, size_ - offset));
  for (std::size_t done = 0; done < total;) {
    const std::uint64_t at = offset + done;
    const auto piece =
        static_cast<std::size_t>(std::min<std::uint64_t>(total - done, kPageSize - at % kPageSize));
    const auto& page = pages_[at / kPageSize];
    if (page) {
      std::memcpy(out + done, page->data() + at % kPageSize, piece);
    } else {
      std::memset(out + done, 0, piece);
    }
    done += piece;
  }
  return total;
}

std::string SimImage::text() const {
  std::string bytes(static_cast<std::size_t>(size_), '\0');
  read(0, bytes.data(), bytes.size());
  return bytes;
}

void SimImage::write(std::uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) return;
  if (size_ < offset + bytes.size()) resize(offset + bytes.size());
  while (!bytes.empty()) {
    const auto piece =
        std::min(bytes.size(), static_cast<std::size_t>(kPageSize - offset % kPageSize));
    std::memcpy(writable(offset / kPageSize) + offset % kPageSize, bytes.data(), piece);
    offset += piece;
    bytes.remove_prefix(piece);
  }
}

void SimImage::resize(std::uint64_t size) {
  pages_.resize((size + kPageSize - 1) / kPageSize);
  const std::uint64_t used = size % kPageSize;
  if (size < size_ && used > 0 && pages_.back()) {
    std::memset(writable(pages_.size() - 1) + used, 0, kPageSize - used);
  }
  size_ = size;
}

char* SimImage::writable(std::uint64_t page) {
  std::shared_ptr<Page>& slot = pages_[page];
  if (!slot) {
    slot = std::make_shared<Page>();
    slot->fill('\0');
  } else if (slot.use_count() > 1) {
    slot = std::make_shared<Page>(*slot);
  }
  return slot->data();
}

}  // namespace kv::io
