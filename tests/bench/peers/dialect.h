#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace kv::bench {

// One server's protocol from the client's side. Replies come in the order of the requests; one that
// is an error or makes no sense ends the program.
class Dialect {
 public:
  enum class Kind { kStored, kValue, kAbsent };
  struct Reply {
    std::size_t size = 0;  // of its bytes; 0: it is not whole yet
    Kind kind = Kind::kStored;
  };

  virtual ~Dialect() = default;
  virtual void add_get(std::string_view key, std::string& out) const = 0;
  virtual void add_put(std::string_view key, std::string_view value, std::string& out) const = 0;
  // The first reply in `input`; for kValue, `value` is set.
  virtual Reply parse(std::string_view input, std::string& value) const = 0;
};

std::unique_ptr<Dialect> resp_dialect();
std::unique_ptr<Dialect> memcached_dialect();  // its text protocol
std::unique_ptr<Dialect> etcd_dialect();       // JSON over HTTP, the gateway at /v3/kv

}  // namespace kv::bench
