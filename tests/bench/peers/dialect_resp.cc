#include <charconv>
#include <iterator>

#include <fmt/format.h>

#include "dialect.h"
#include "fail.h"

namespace kv::bench {

namespace {

class RespDialect final : public Dialect {
 public:
  void add_get(std::string_view key, std::string& out) const override {
    fmt::format_to(std::back_inserter(out), "*2\r\n$3\r\nGET\r\n${}\r\n{}\r\n", key.size(), key);
  }

  void add_put(std::string_view key, std::string_view value, std::string& out) const override {
    fmt::format_to(std::back_inserter(out), "*3\r\n$3\r\nSET\r\n${}\r\n{}\r\n${}\r\n", key.size(),
                   key, value.size());
    out += value;
    out += "\r\n";
  }

  Reply parse(std::string_view input, std::string& value) const override {
    const auto end = input.find("\r\n");
    if (end == std::string_view::npos) return {};
    const std::string_view line = input.substr(0, end);
    if (line == "+OK") return {end + 2, Kind::kStored};
    if (line == "$-1") return {end + 2, Kind::kAbsent};
    if (!line.starts_with('$')) fail("resp: " + std::string(line));
    std::size_t size = 0;
    std::from_chars(line.data() + 1, line.data() + line.size(), size);
    const std::size_t whole = end + 2 + size + 2;
    if (input.size() < whole) return {};
    value.assign(input, end + 2, size);
    return {whole, Kind::kValue};
  }
};

}  // namespace

std::unique_ptr<Dialect> resp_dialect() { return std::make_unique<RespDialect>(); }

}  // namespace kv::bench
