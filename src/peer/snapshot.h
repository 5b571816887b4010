#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "format/membership.h"
#include "peer/envelope.h"
#include "peer/frame.h"
#include "peer/gather.h"
#include "raft/message.h"

namespace kv::peer {

// A raft::Snapshot travels as files: a list of them, then their bytes in chunks, file by file and
// from offset on, then the end. The receiver says where to begin, which is not the beginning when
// an earlier connection broke, and that all is verified and durable, or that it is not wanted.
// Every chunk counts as a word from the leader.
struct SnapshotFile {
  std::string name;  // of 1 to 64 letters, digits, '.', '-', '_', not '.' first; each once
  std::uint64_t size = 0;
  std::uint64_t hash = 0;  // of the content, as in backups; 0: not known, the content has checksums
  friend bool operator==(const SnapshotFile&, const SnapshotFile&) = default;
};

struct SnapshotBegin {
  Envelope envelope;
  raft::Point point;
  raft::Round round = 0;
  std::uint64_t snapshot_id = 0;  // the same for the same files at the same point
  format::Membership membership;  // who the members were there
  std::vector<SnapshotFile> files;
  friend bool operator==(const SnapshotBegin&, const SnapshotBegin&) = default;

  // For the receiver's core, once the files are there.
  raft::Message message() const;
};

struct SnapshotChunk {
  Envelope envelope;
  std::uint64_t snapshot_id = 0;
  std::uint32_t file = 0;  // its index in the list
  std::uint64_t offset = 0;
  std::string_view bytes;  // 1 B to 1 MiB
  friend bool operator==(const SnapshotChunk&, const SnapshotChunk&) = default;
};

struct SnapshotEnd {
  Envelope envelope;
  std::uint64_t snapshot_id = 0;
  std::uint64_t bytes = 0;  // of all files
  friend bool operator==(const SnapshotEnd&, const SnapshotEnd&) = default;
};

struct SnapshotReply {
  enum class State : std::uint8_t {
    kGoOn = 0,  // send from `offset` of `file` on; an index behind the last: only the end is missed
    kDone = 1,  // everything is verified and durable
    kRefused = 2,
  };
  Envelope envelope;
  std::uint64_t snapshot_id = 0;
  State state = State::kGoOn;
  std::uint32_t file = 0;
  std::uint64_t offset = 0;
  friend bool operator==(const SnapshotReply&, const SnapshotReply&) = default;
};

// One of the four, and what the bytes of a chunk lie in.
struct SnapshotFrame {
  std::variant<SnapshotBegin, SnapshotChunk, SnapshotEnd, SnapshotReply> body;
  std::shared_ptr<const std::string> payload;

  const Envelope& envelope() const;
};
bool is_snapshot(FrameType type);
// Of a frame of such a type.
Parsed<SnapshotFrame> decode_snapshot(Frame frame);

// Whether the list can be sent.
bool is_well_formed(const std::vector<SnapshotFile>& files);

void append_snapshot_begin(Gather& out, const SnapshotBegin& begin);
// `owner` keeps the bytes; none: they are copied.
void append_snapshot_chunk(Gather& out, const SnapshotChunk& chunk,
                           std::shared_ptr<const void> owner);
void append_snapshot_end(Gather& out, const SnapshotEnd& end);
void append_snapshot_reply(Gather& out, const SnapshotReply& reply);

Parsed<SnapshotBegin> decode_snapshot_begin(std::string_view payload);
// Its bytes lie in `payload`, and match their checksum.
Parsed<SnapshotChunk> decode_snapshot_chunk(std::string_view payload);
Parsed<SnapshotEnd> decode_snapshot_end(std::string_view payload);
Parsed<SnapshotReply> decode_snapshot_reply(std::string_view payload);

}  // namespace kv::peer
