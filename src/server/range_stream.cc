#include "server/range_stream.h"

#include "protocol/reply.h"
#include "server/error_reply.h"

namespace kv::server {

RangeStream::State RangeStream::produce(std::string& out, std::size_t size_min,
                                        std::uint64_t size_max, ReadMode mode) {
  const std::size_t before = out.size();
  for (std::size_t made = 0; made < size_min; made = out.size() - before) {
    if (made > 0 && made + cursor_->read_size() > size_max) return State::kGoesOn;
    auto step = cursor_->next(mode);
    if (!step) {
      // What was sent so far is right, but the client must not take it for the whole range.
      append_aborted(out, tag_, step.error());
      has_failed_ = true;
      return State::kEnded;
    }
    if (*step == Cursor::Step::kWouldBlock) return State::kWouldBlock;
    if (*step == Cursor::Step::kEnd) {
      protocol::append_end(out, tag_, count_, cursor_->has_more());
      return State::kEnded;
    }
    const Item& item = cursor_->item();
    if (is_keys_only_) {
      protocol::append_key(out, tag_, item.key);
    } else {
      protocol::append_item(out, tag_, item.key, item.value, item.version);
    }
    count_ += 1;
  }
  return State::kGoesOn;
}

}  // namespace kv::server
