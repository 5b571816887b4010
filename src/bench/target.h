#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bench/key_names.h"
#include "bench/stamped_values.h"

namespace kv::bench {

// One answer of a server, or one item of a scan; the views are into the bytes that it was found in.
struct Answer {
  enum class Kind {
    kValue,
    kMissing,  // there is no such key
    kWritten,
    kItem,     // of a scan, whose end is still to come
    kEnd,      // of a scan
    kRefused,  // the server said why not, in `text`
    kNone,     // these bytes are no answer of this protocol; nothing behind them can be trusted
  };
  Kind kind = Kind::kNone;
  std::size_t size = 0;  // of the answer, in bytes
  std::string_view key;
  std::string_view value;
  bool has_more = false;  // kEnd: a limit stopped the scan
  std::string_view text;
  bool is_elsewhere = false;  // kRefused: as this server does not lead, stops, or lost its lead
};

// One protocol: how requests are spelled and answers are taken apart. No I/O. Constant after
// construction; appending allocates nothing once the string has grown. `key` and `stamp` as in
// StampedValues.
class Target {
 public:
  explicit Target(const KeyNames& names) : names_(names) {}
  virtual ~Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  virtual void append_get(std::string& out, std::uint32_t key) const = 0;
  virtual void append_put(std::string& out, std::uint32_t key, std::uint32_t value_size,
                          std::uint32_t stamp) const = 0;
  // Up to `count` keys from this one on; only where can_scan().
  virtual void append_scan(std::string& out, std::uint32_t key, std::uint32_t count) const = 0;
  virtual bool can_scan() const = 0;

  // The answer that `bytes` begin with. False: more bytes are needed.
  virtual bool parse(std::string_view bytes, Answer& answer) const = 0;

  const KeyNames& names() const { return names_; }
  const StampedValues& values() const { return values_; }

 private:
  const KeyNames names_;
  const StampedValues values_;
};

}  // namespace kv::bench
