#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "format/membership.h"
#include "format/record.h"
#include "raft/config.h"
#include "raft/entry.h"
#include "raft/request.h"

namespace kv::peer {

// Records as the core knows them, and back. The core's `digest` holds, with the size, all that the
// log's hash chain takes from a record beside its term and sequence: so the chain is the one that
// segments have (format::extend_chain), and nobody needs the record's bytes to extend it.
raft::Payload payload_of(const format::RecordHeader& header);
// Of a record that continues the log; its chain, and of a kConfig record its config, not filled in.
raft::Entry entry_of(const format::RecordHeader& header);
// What the chain needs of it; key_crc and timestamp are not known. Not of a kConfig entry that the
// core made itself, whose bytes it does not know.
format::RecordHeader header_of(const raft::Entry& entry);
// For raft::Log. `known`: the members whose addresses go into a configuration that the core made;
// every member of such an entry is among them. Not used for others.
std::uint64_t extend_chain(std::uint64_t chain, const raft::Entry& entry,
                           std::span<const format::Member> known);

// The value of the record that a kConfig entry of the core becomes. None: a member that it has is
// not known.
std::optional<format::Membership> membership_of(const raft::Config& config,
                                                std::span<const format::Member> known);
raft::Config config_of(const format::Membership& membership);

}  // namespace kv::peer
