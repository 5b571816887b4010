// The items of a BPUT: each a line with two lengths, a key and a value.

#include <fmt/format.h>

#include "protocol/parser_state.h"
#include "protocol/reply.h"

namespace kv::protocol {

namespace {

// Blank lines in front of an item stand in the middle of what is kept. A few may stay there; more
// are taken out, or a client that sends nothing else would fill the memory.
constexpr std::size_t kBlanksKeptMax = 64;

}  // namespace

RequestParser::State::Step RequestParser::State::begin_batch(std::uint64_t count) {
  if (count > limits.batch_max) {
    return fatal("BATCH_TOO_LARGE", fmt::format("max={}", limits.batch_max),
                 "send several batches");
  }
  if (count == 0) refuse("BAD_ARG", "arg=count", "a batch has at least 1 item");
  item_count = count;
  mode = Mode::kBatch;
  if (is_refused) start_dropping(0);
  return Step::kGoOn;
}

RequestParser::State::Step RequestParser::State::take_item_header() {
  if (items_seen == item_count) return finish_batch();
  std::string_view bytes = in.bytes().substr(done);
  if (const std::size_t blanks = scanned == 0 ? blank_size(bytes) : 0; blanks > 0) {
    if (blanks > kBlanksKeptMax || blanks == bytes.size()) {
      in.erase(done, blanks);
    } else {
      done += blanks;
    }
    bytes = in.bytes().substr(done);
  }
  if (bytes.empty() || bytes == "\r") return Step::kNeedBytes;
  const std::size_t found = bytes.find('\n', scanned);
  const std::size_t line_size = found == std::string_view::npos ? bytes.size() : found + 1;
  if (found == std::string_view::npos && line_size <= limits.subheader_max) {
    scanned = line_size;
    return Step::kNeedBytes;
  }
  scanned = 0;
  return begin_item(bytes.substr(0, found), line_size);
}

RequestParser::State::Step RequestParser::State::begin_item(std::string_view line,
                                                            std::size_t line_size) {
  const auto item = [this] { return fmt::format("item={}", items_seen + 1); };
  if (line_size > limits.subheader_max ||
      !parse_subheader(without_cr(line), item_key, item_value)) {
    return fatal("BAD_HEADER", item(),
                 "an item begins with a line of two lengths, its key's and its value's");
  }
  done += line_size;
  batch_bytes += item_key + item_value;
  if (batch_bytes > limits.batch_bytes_max) {
    goodbye = Farewell::kDrainBriefly;
    return fatal("BATCH_TOO_LARGE", fmt::format("max_bytes={} {}", limits.batch_bytes_max, item()),
                 "send several batches");
  }
  if (item_key == 0) refuse("EMPTY_KEY", item(), "a key has at least 1 byte");
  if (item_key > limits.key_max) {
    refuse("KEY_TOO_LARGE", fmt::format("max={} {}", limits.key_max, item()), "use a shorter key");
  }
  if (item_value > limits.value_max) {
    refuse("VALUE_TOO_LARGE", fmt::format("max={} {}", limits.value_max, item()),
           "split the value");
  }
  if (is_refused) start_dropping(item_key + item_value);
  mode = Mode::kBatchItem;
  return Step::kGoOn;
}

RequestParser::State::Step RequestParser::State::take_item() {
  if (is_refused) {
    if (!drop()) return Step::kNeedBytes;
  } else {
    const Item item{done, static_cast<std::size_t>(item_key), static_cast<std::size_t>(item_value)};
    const std::size_t end = done + item.key_size + item.value_size;
    if (in.bytes().size() < end) return Step::kNeedBytes;
    items.push_back(item);
    done = end;
  }
  items_seen += 1;
  mode = Mode::kBatch;
  return Step::kGoOn;
}

RequestParser::State::Step RequestParser::State::finish_batch() {
  if (is_refused) {
    in.consume(done);
    reset_request();
    return Step::kRefused;
  }
  const std::string_view bytes = in.bytes();
  for (const Item& item : items) {
    request.pairs.emplace_back(bytes.substr(item.at, item.key_size),
                               bytes.substr(item.at + item.key_size, item.value_size));
  }
  deliver(done);
  return Step::kRequest;
}

}  // namespace kv::protocol
