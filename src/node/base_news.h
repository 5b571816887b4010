#pragma once

#include <cstdint>
#include <string>

#include "raft/types.h"

namespace kv::node {

// What happens to a state that goes to another member as files, or comes from one: for a log.
struct BaseNews {
  enum class Kind : std::uint8_t {
    kSending,
    kSent,     // the member has it
    kNotSent,  // see `cause`; if it still needs it, it is sent again
    kReceiving,
    kReceived,  // the node has to be opened again, and begins with that state
    kNotReceived,
  };
  Kind kind = Kind::kSending;
  raft::NodeId peer = raft::kNoNode;
  raft::Seq seq = 0;  // the state as of that record
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t bytes_done = 0;
  std::string cause;
};

}  // namespace kv::node
