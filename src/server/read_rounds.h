#pragma once

#include <cstdint>

namespace kv::server {

// Before a member of a cluster answers a read it makes sure that it leads still, or it might tell
// what is old already (ReadIndex: thesis 6.4). One such round serves all conversations of a reactor
// that asked meanwhile. The reactor's thread.
class ReadRounds {
 public:
  virtual ~ReadRounds() = default;
  // Conversation::reads_confirmed() tells it how a round ended that begins after this call.
  virtual void join(std::uint64_t conversation) = 0;
};

}  // namespace kv::server
