#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace kv::etcd {

using LeaseId = std::int64_t;   // 0: none
using Revision = std::int64_t;  // of etcd's store; 0: none

// What stands under the key: who may lead, and once it does, since when.
struct Claim {
  std::uint64_t node_id = 0;  // 0: what stands there names nobody
  std::string address = {};   // for clients
  std::uint64_t term = 0;     // 0: it does not lead yet
  std::uint64_t seq = 0;      // committed when that was written
  friend bool operator==(const Claim&, const Claim&) = default;
};

struct Key {
  Claim claim;
  LeaseId lease = 0;  // 0: it stays until somebody deletes it
  Revision modified = 0;
  friend bool operator==(const Key&, const Key&) = default;
};

// One question to etcd.
struct Request {
  enum class Kind : std::uint8_t {
    kGrant,      // a lease of `ttl`
    kKeepAlive,  // `lease` begins anew
    kRevoke,     // `lease` ends, and with it every key under it
    kPut,        // `claim` under `lease`, if the key is still as of `modified`; 0: if there is none
    kLook,       // what stands there
  };
  Kind kind = Kind::kLook;
  std::uint64_t number = 0;  // ascending; its reply has the same
  LeaseId lease = 0;
  std::chrono::seconds ttl{0};
  Revision modified = 0;
  Claim claim = {};
};

struct Reply {
  enum class Kind : std::uint8_t {
    kDone,
    kNoLease,  // etcd does not know that lease (any more)
    kFailed,   // it did not answer, or something else; whether it was done is not known
  };
  Kind kind = Kind::kFailed;
  std::uint64_t number = 0;
  LeaseId lease = 0;            // kGrant
  std::chrono::seconds ttl{0};  // kGrant, kKeepAlive
  bool has_put = false;         // kPut
  Revision revision = 0;        // kPut: of the key, if it was put
  std::optional<Key> key = {};  // kLook, and kPut if it was not; none: there is none
  std::string cause = {};       // kFailed
};

}  // namespace kv::etcd
