#include <charconv>
#include <iterator>

#include <fmt/format.h>

#include "dialect.h"
#include "fail.h"

namespace kv::bench {

namespace {

constexpr std::string_view kEnd = "END\r\n";

class MemcachedDialect final : public Dialect {
 public:
  void add_get(std::string_view key, std::string& out) const override {
    fmt::format_to(std::back_inserter(out), "get {}\r\n", key);
  }

  void add_put(std::string_view key, std::string_view value, std::string& out) const override {
    fmt::format_to(std::back_inserter(out), "set {} 0 0 {}\r\n", key, value.size());
    out += value;
    out += "\r\n";
  }

  // "VALUE key flags size", the value, "END".
  Reply parse(std::string_view input, std::string& value) const override {
    const auto end = input.find("\r\n");
    if (end == std::string_view::npos) return {};
    const std::string_view line = input.substr(0, end);
    if (line == "STORED") return {end + 2, Kind::kStored};
    if (line == "END") return {end + 2, Kind::kAbsent};
    if (!line.starts_with("VALUE ")) fail("memcached: " + std::string(line));
    std::size_t size = 0;
    std::from_chars(line.data() + line.rfind(' ') + 1, line.data() + line.size(), size);
    const std::size_t value_end = end + 2 + size + 2;
    if (input.size() < value_end + kEnd.size()) return {};
    if (input.substr(value_end, kEnd.size()) != kEnd) fail("memcached: no END after a value");
    value.assign(input, end + 2, size);
    return {value_end + kEnd.size(), Kind::kValue};
  }
};

}  // namespace

std::unique_ptr<Dialect> memcached_dialect() { return std::make_unique<MemcachedDialect>(); }

}  // namespace kv::bench
