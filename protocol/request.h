#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.h"
#include "kv/options.h"

namespace kv::protocol {

enum class Verb {
  kHello,
  kPing,
  kPut,
  kGet,
  kDel,
  kBput,
  kRange,
  kPrefix,
  kStats,
  kMerge,
  kInspect,
  kVerify,
  kBackup,
  kCluster,
  kWait,
  kSession,
  kHelp,
  kQuit
};

// MERGE: do=
enum class MergeAction { kNow, kPause, kResume, kStop };

// CLUSTER: do=
enum class ClusterAction { kStatus, kTransfer, kAdd, kRemove, kCampaign, kCompare };

// One request, taken apart. Views point into the parser and hold until its next call, or as long as
// `payload_owner` lives where it is set (large payloads).
struct Request {
  Verb verb = Verb::kPing;
  std::string_view tag;    // without '@'; empty: none
  std::string_view key;    // PUT GET DEL INSPECT; PREFIX: the prefix; RANGE: start; PING: the echo
  std::string_view value;  // PUT; RANGE: end
  bool has_echo = false;   // PING with a payload
  std::vector<std::pair<std::string_view, std::string_view>> pairs;  // BPUT
  std::shared_ptr<const void> payload_owner;

  // Options, checked and with their defaults filled in.
  Condition condition;                           // PUT DEL: if=
  std::optional<Ack> ack;                        // PUT DEL BPUT: ack=
  std::uint64_t epoch = 0;                       // WAIT: epoch=; 0: none given
  std::optional<Sync> sync;                      // PUT DEL BPUT: sync=
  std::uint64_t session = 0;                     // PUT DEL BPUT: session=; 0: none given
  std::uint64_t number = 0;                      // the same: req=
  std::uint64_t done_below = 0;                  // the same: done_below=
  std::uint64_t limit = 0;                       // RANGE PREFIX: capped at Limits::range_limit_max
  std::uint64_t bytes_max = 0;                   // RANGE PREFIX: max_bytes=; 0: none given
  bool is_reverse = false;                       // rev=1
  bool is_keys_only = false;                     // keys=1
  bool is_json = false;                          // STATS INSPECT VERIFY BACKUP CLUSTER: fmt=json
  std::string_view section;                      // STATS: section=
  bool is_wait = false;                          // MERGE: wait=1
  bool is_copy = false;                          // BACKUP: copy=1
  std::uint64_t rate_max = 0;                    // MERGE VERIFY BACKUP: rate=; bytes a second
  MergeAction merge_action = MergeAction::kNow;  // MERGE: do=
  ClusterAction cluster_action = ClusterAction::kStatus;  // CLUSTER: do=
  std::optional<std::uint64_t> node_id;                   // CLUSTER: node=
  base::Uuid node_uuid;                                   // CLUSTER do=add: uuid=
  std::string_view peer_address;                          // CLUSTER do=add: peer=
  std::string_view client_address;                        // CLUSTER do=add: client=
  bool is_forced = false;                                 // CLUSTER do=remove: force=1
  std::uint64_t hello_version = 1;                        // HELLO: v=
  std::uint64_t stale_max_ms = 0;   // GET RANGE PREFIX: max_stale_ms=; 0: none given
  std::uint64_t min_version = 0;    // GET RANGE PREFIX: min_ver=; WAIT: ver=; 0: none given
  std::uint64_t timeout_ms = 1000;  // of those
};

}  // namespace kv::protocol
