#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/uuid.h"
#include "peer/frame.h"
#include "peer/gather.h"
#include "raft/types.h"

namespace kv::peer {

// The first frame each way: HELLO from who connected, HELLO_OK or GOODBYE from who accepted.
// Whoever does not like what the other says of itself closes: another cluster, or a node under a
// name that another disk has, would do harm.
struct Hello {
  std::uint16_t version_min = kProtocolVersion;  // of HELLO_OK: both the one that is spoken
  std::uint16_t version_max = kProtocolVersion;
  base::Uuid cluster_id;
  raft::NodeId node_id = raft::kNoNode;
  base::Uuid node_uuid;
  raft::NodeId to = raft::kNoNode;  // who the sender takes the receiver for; kNoNode: unknown
  raft::Point last;                 // of its log
  raft::Seq floor = 0;              // records above it can be had from it
  raft::Seq commit = 0;             // as far as it knows
  // Where the sender hears other members: who is behind may not know it yet, and has to answer.
  // Empty: it does not say.
  std::string address = {};
  friend bool operator==(const Hello&, const Hello&) = default;
};

// Why a connection ends. Also what a later version adds is read, as this is said before both know
// which version they speak.
enum class Reason : std::uint16_t {
  kOtherCluster = 1,
  kOtherNode = 2,   // the receiver is not who the sender takes it for
  kReplaced = 3,    // the cluster knows the node under another uuid: its disk was wiped
  kNotAMember = 4,  // or not any more
  kNoVersion = 5,   // none that both speak
  kBadFrame = 6,    // see Fault
  kStopping = 7,
};
const char* name_of(Reason reason);

struct Goodbye {
  Reason reason = Reason::kStopping;
  std::string text;  // for people; at most layout::kGoodbyeTextMax bytes, the rest is cut off
  friend bool operator==(const Goodbye&, const Goodbye&) = default;
};

void append_hello(Gather& out, const Hello& hello);
void append_hello_ok(Gather& out, const Hello& hello);
void append_goodbye(Gather& out, const Goodbye& goodbye);
// Of a HELLO or HELLO_OK.
Parsed<Hello> decode_hello(std::string_view payload);
Parsed<Goodbye> decode_goodbye(std::string_view payload);

// The highest version that this program and the other one speak.
std::optional<std::uint16_t> common_version(const Hello& other);

}  // namespace kv::peer
