#include <charconv>
#include <iterator>

#include <fmt/format.h>

#include "base/base64.h"
#include "dialect.h"
#include "fail.h"

namespace kv::bench {

namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kLength = "\r\nContent-Length: ";
constexpr std::string_view kValue = R"("value":")";

class EtcdDialect final : public Dialect {
 public:
  void add_get(std::string_view key, std::string& out) const override {
    add_post("range", fmt::format(R"({{"key":"{}"}})", base::base64(key)), out);
  }

  void add_put(std::string_view key, std::string_view value, std::string& out) const override {
    const std::string body =
        fmt::format(R"({{"key":"{}","value":"{}"}})", base::base64(key), base::base64(value));
    add_post("put", body, out);
  }

  Reply parse(std::string_view input, std::string& value) const override {
    const auto head_end = input.find(kHeadEnd);
    if (head_end == std::string_view::npos) return {};
    const std::string_view head = input.substr(0, head_end + 2);
    if (!head.starts_with("HTTP/1.1 200 ")) fail("etcd: " + std::string(input));
    const auto length = head.find(kLength);
    if (length == std::string_view::npos) fail("etcd: a reply of no stated length");
    std::size_t size = 0;
    std::from_chars(head.data() + length + kLength.size(), head.data() + head.size(), size);
    const std::size_t whole = head_end + kHeadEnd.size() + size;
    if (input.size() < whole) return {};
    const std::string_view body = input.substr(whole - size, size);
    if (body.find(R"("raft_term")") == std::string_view::npos) fail("etcd: " + std::string(body));
    const auto found = body.find(kValue);
    // A put is answered by a header alone, and so is the look-up of a key that is not there.
    if (found == std::string_view::npos) return {whole, Kind::kStored};
    const auto start = found + kValue.size();
    auto bytes = base::from_base64(body.substr(start, body.find('"', start) - start));
    if (!bytes) fail("etcd: a value is no base64");
    value = *std::move(bytes);
    return {whole, Kind::kValue};
  }

 private:
  static void add_post(std::string_view call, std::string_view body, std::string& out) {
    fmt::format_to(std::back_inserter(out),
                   "POST /v3/kv/{} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{}",
                   call, body.size(), body);
  }
};

}  // namespace

std::unique_ptr<Dialect> etcd_dialect() { return std::make_unique<EtcdDialect>(); }

}  // namespace kv::bench
