#include "engine/log_window.h"

#include <algorithm>
#include <cstring>

namespace kv::engine {

Result<std::string_view> LogWindow::view(const LogSource& source, std::uint64_t offset,
                                         std::size_t length) {
  if (source.segment->id() != id_) {
    id_ = source.segment->id();
    size_ = 0;
    begin_call();
  }
  if (call_begin_ == UINT64_MAX) call_begin_ = offset;
  if (offset >= source.size) return std::string_view{};
  length = static_cast<std::size_t>(std::min<std::uint64_t>(length, source.size - offset));
  if (size_ == 0 || offset < begin_ || offset + length > end()) {
    if (auto filled = fill(source, offset, length); !filled) {
      size_ = 0;
      return tl::unexpected(std::move(filled).error());
    }
    if (offset >= end()) return std::string_view{};  // the file is shorter than it should be
    length = static_cast<std::size_t>(std::min<std::uint64_t>(length, end() - offset));
  }
  return std::string_view(bytes_.get() + (offset - begin_), length);
}

// Who reads on gets twice as much each time; who steps over long records gets little.
void LogWindow::choose_ahead(bool goes_on) {
  if (is_first_fill_) {
    ahead_ = kAheadStart;
  } else {
    ahead_ = goes_on ? std::min(2 * ahead_, kAheadMax) : kAheadMin;
  }
  is_first_fill_ = false;
}

// What is there already is not read again, and a little that is stepped over is read with the rest.
Result<void> LogWindow::fill(const LogSource& source, std::uint64_t offset, std::size_t length) {
  const bool goes_on = size_ > 0 && offset >= begin_ && offset <= end() + kAheadMin;
  choose_ahead(goes_on);
  const std::size_t kept = goes_on && offset < end() ? static_cast<std::size_t>(end() - offset) : 0;
  const auto wanted = static_cast<std::size_t>(
      std::min<std::uint64_t>(std::max(length, kept + ahead_), source.size - offset));
  const std::uint64_t end_wanted = offset + wanted;
  if (!goes_on) {
    size_ = 0;
    make_room(offset, wanted);
  } else if (end_wanted - begin_ > capacity_) {
    // Who asked how much there is to read comes back for it.
    const bool has_begin = call_begin_ >= begin_ && call_begin_ <= offset;
    const bool keeps_begin = has_begin && end_wanted - call_begin_ <= kAheadMax;
    const std::uint64_t from = std::min(keeps_begin ? call_begin_ : offset, end());
    make_room(from, static_cast<std::size_t>(end_wanted - from));
  }
  const auto to_read = static_cast<std::size_t>(end_wanted - end());
  auto got = source.file->read_at(end(), bytes_.get() + size_, to_read);
  if (!got) return tl::unexpected(std::move(got).error());
  size_ += *got;
  return {};
}

// For `wanted` bytes at `from`. Those of them that are there stay.
void LogWindow::make_room(std::uint64_t from, std::size_t wanted) {
  const std::size_t kept = size_ == 0 ? 0 : static_cast<std::size_t>(end() - from);
  const char* const old = bytes_.get() + (size_ == 0 ? 0 : from - begin_);
  if (wanted > capacity_) {
    const std::size_t capacity = std::max(wanted, kAheadMax);
    auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
    if (kept > 0) std::memcpy(bytes.get(), old, kept);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  } else if (kept > 0) {
    std::memmove(bytes_.get(), old, kept);
  }
  begin_ = from;
  size_ = kept;
}

void LogWindow::trim() {
  if (capacity_ <= kAheadMax) return;
  bytes_ = nullptr;
  capacity_ = 0;
  size_ = 0;
}

}  // namespace kv::engine
