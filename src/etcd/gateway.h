#pragma once

#include <string>
#include <string_view>

#include "etcd/request.h"

namespace kv::etcd {

// The JSON that etcd's gateway (/v3/..., since etcd 3.4) takes and gives: protobuf's mapping, with
// keys and values in base64 and 64-bit numbers as text.
//
// What comes in is not trusted: whatever is not as expected is a reply of kind kFailed that says
// what is wrong. A value under the key that is no claim of ours is one that names nobody.
class Gateway {
 public:
  explicit Gateway(std::string key) : key_(std::move(key)) {}

  static std::string_view path(const Request& request);
  std::string body(const Request& request) const;
  // What an answer with that status and body says to that request.
  static Reply reply(const Request& request, unsigned status, std::string_view body);

 private:
  std::string key_;
};

// {"node_id":1,"addr":"HOST:PORT","term":7,"seq":9}, the last two of who leads. A person may leave
// out all but the first.
std::string text_of(const Claim& claim);
Claim parse_claim(std::string_view text);

}  // namespace kv::etcd
