#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kv/store.h"
#include "protocol/resp_reply.h"

namespace kv::server {

// A command that makes a value out of the one before, and its reply when that is done.
class RespUpdate : public ValueUpdate {
 public:
  // After a successful apply().
  virtual void reply(std::string& out, protocol::RespVersion version) const = 0;
};

// SET with NX, XX or GET, SETNX, GETSET.
struct SetRules {
  enum class Only { kAlways, kAbsent, kPresent };
  enum class Reply { kOk, kOldValue, kNumber };
  Only only = Only::kAlways;
  Reply reply = Reply::kOk;
};
std::unique_ptr<RespUpdate> make_set(std::string_view value, SetRules rules);
std::unique_ptr<RespUpdate> make_getdel();
// INCR, DECR and their BY.
std::unique_ptr<RespUpdate> make_increment(std::int64_t by);
std::unique_ptr<RespUpdate> make_append(std::string_view tail);

// A whole decimal number as RESP commands take it: no plus sign, no spaces, no leading zeros.
std::optional<std::int64_t> resp_integer(std::string_view text);

}  // namespace kv::server
