#pragma once

#include <cstdint>

#include "server/read_level.h"

namespace kv::server {

// Before a member of a cluster answers a read it makes sure that it leads still, or it might tell
// what is old already (ReadIndex: thesis 6.4). One such round serves all conversations of a reactor
// that asked meanwhile. Some reads need none: where the leader holds a lease, or where less was
// asked for. The reactor's thread.
class ReadRounds {
 public:
  virtual ~ReadRounds() = default;
  // Whether what the store has now is enough for a read that was received before this call.
  virtual bool covers(const ReadLevel& level) = 0;
  // Whether the store is whole: see ClusterMember. Once a round has ended well it is.
  virtual bool is_whole() const = 0;
  // Conversation::reads_confirmed() tells it how a round ended that begins after this call, or that
  // the store has the version that was asked for.
  virtual void join(std::uint64_t conversation, const ReadLevel& level) = 0;
};

}  // namespace kv::server
