#include "peer/snapshot.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/checksum.h"
#include "peer/layout.h"
#include "peer/log_entry.h"

namespace kv::peer {
namespace {

bool is_in_name(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
         c == '-' || c == '_';
}

// It becomes a path at the receiver, so it must not lead anywhere.
bool is_file_name(std::string_view name) {
  return !name.empty() && name.size() <= layout::kFileNameMax && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), is_in_name);
}

Parsed<std::vector<SnapshotFile>> read_files(FieldReader& in, std::uint32_t count) {
  // Before anything is allocated for them.
  if (count > in.rest().size() / layout::kFileSize) {
    return refuse(Fault::kMalformed, "SNAPSHOT_BEGIN: more files than bytes");
  }
  std::vector<SnapshotFile> files(count);
  for (SnapshotFile& file : files) {
    file.size = in.u64();
    file.hash = in.u64();
    file.name = in.bytes(in.u16());
  }
  if (!in.is_done() || !is_well_formed(files)) {
    return refuse(Fault::kMalformed, "SNAPSHOT_BEGIN: its list of files");
  }
  return files;
}

}  // namespace

raft::Message SnapshotBegin::message() const {
  return {
      .from = envelope.from,
      .to = envelope.to,
      .term = envelope.term,
      .body = raft::Snapshot{.point = point,
                             .config = std::make_shared<const raft::Config>(config_of(membership)),
                             .round = round}};
}

bool is_well_formed(const std::vector<SnapshotFile>& files) {
  std::set<std::string_view> names;
  return files.size() <= layout::kFilesMax &&
         std::all_of(files.begin(), files.end(), [&names](const SnapshotFile& file) {
           return is_file_name(file.name) && names.insert(file.name).second;
         });
}

const Envelope& SnapshotFrame::envelope() const {
  return std::visit([](const auto& one) -> const Envelope& { return one.envelope; }, body);
}

bool is_snapshot(FrameType type) {
  return type == FrameType::kSnapshotBegin || type == FrameType::kSnapshotChunk ||
         type == FrameType::kSnapshotEnd || type == FrameType::kSnapshotReply;
}

Parsed<SnapshotFrame> decode_snapshot(Frame frame) {
  KV_CHECK(is_snapshot(frame.type));
  SnapshotFrame out;
  out.payload = std::make_shared<const std::string>(std::move(frame.payload));
  const auto take = [&out](auto decoded) -> Parsed<SnapshotFrame> {
    if (!decoded) return tl::unexpected(std::move(decoded).error());
    out.body = std::move(*decoded);
    return std::move(out);
  };
  switch (frame.type) {
    case FrameType::kSnapshotBegin:
      return take(decode_snapshot_begin(*out.payload));
    case FrameType::kSnapshotChunk:
      return take(decode_snapshot_chunk(*out.payload));
    case FrameType::kSnapshotEnd:
      return take(decode_snapshot_end(*out.payload));
    default:
      return take(decode_snapshot_reply(*out.payload));
  }
}

void append_snapshot_begin(Gather& out, const SnapshotBegin& begin) {
  KV_CHECK(is_well_formed(begin.files));
  const std::string membership = format::encode_membership(begin.membership);
  FrameWriter frame(out, FrameType::kSnapshotBegin);
  append(frame, begin.envelope);
  frame.add(begin.point);
  frame.add(begin.round);
  frame.add(begin.snapshot_id);
  frame.add(static_cast<std::uint32_t>(membership.size()));
  frame.add(static_cast<std::uint32_t>(begin.files.size()));
  frame.copy(membership);
  for (const SnapshotFile& file : begin.files) {
    frame.add(file.size);
    frame.add(file.hash);
    frame.add(static_cast<std::uint16_t>(file.name.size()));
    frame.copy(file.name);
  }
  frame.finish();
}

void append_snapshot_chunk(Gather& out, const SnapshotChunk& chunk,
                           std::shared_ptr<const void> owner) {
  FrameWriter frame(out, FrameType::kSnapshotChunk);
  append(frame, chunk.envelope);
  frame.add(chunk.snapshot_id);
  frame.add(chunk.offset);
  frame.add(chunk.file);
  frame.add(base::crc32c(chunk.bytes));
  frame.refer(chunk.bytes, std::move(owner));
  frame.finish();
}

void append_snapshot_end(Gather& out, const SnapshotEnd& end) {
  FrameWriter frame(out, FrameType::kSnapshotEnd);
  append(frame, end.envelope);
  frame.add(end.snapshot_id);
  frame.add(end.bytes);
  frame.finish();
}

void append_snapshot_reply(Gather& out, const SnapshotReply& reply) {
  FrameWriter frame(out, FrameType::kSnapshotReply);
  append(frame, reply.envelope);
  frame.add(reply.snapshot_id);
  frame.add(reply.offset);
  frame.add(reply.file);
  frame.add(static_cast<std::uint8_t>(reply.state));
  frame.zeros(3);
  frame.finish();
}

Parsed<SnapshotBegin> decode_snapshot_begin(std::string_view payload) {
  FieldReader in(payload);
  SnapshotBegin begin;
  begin.envelope = read_envelope(in);
  begin.point = in.point();
  begin.round = in.u64();
  begin.snapshot_id = in.u64();
  const std::uint32_t membership_size = in.u32();
  const std::uint32_t count = in.u32();
  const auto membership = format::decode_membership(in.bytes(membership_size));
  if (!in.is_good() || !membership || begin.point.term > begin.envelope.term) {
    return refuse(Fault::kMalformed, "SNAPSHOT_BEGIN");
  }
  if (!config_of(*membership).is_well_formed()) {
    return refuse(Fault::kMalformed, "SNAPSHOT_BEGIN: a configuration that cannot be");
  }
  begin.membership = *membership;
  auto files = read_files(in, count);
  if (!files) return tl::unexpected(std::move(files).error());
  begin.files = std::move(*files);
  return begin;
}

Parsed<SnapshotChunk> decode_snapshot_chunk(std::string_view payload) {
  FieldReader in(payload);
  SnapshotChunk chunk;
  chunk.envelope = read_envelope(in);
  chunk.snapshot_id = in.u64();
  chunk.offset = in.u64();
  chunk.file = in.u32();
  const std::uint32_t crc = in.u32();
  chunk.bytes = in.bytes(in.rest().size());
  const bool is_sane = !chunk.bytes.empty() && chunk.bytes.size() <= layout::kChunkBytesMax &&
                       chunk.offset <= UINT64_MAX - chunk.bytes.size() &&
                       chunk.file < layout::kFilesMax;
  if (!in.is_done() || !is_sane) return refuse(Fault::kMalformed, "SNAPSHOT_CHUNK");
  if (base::crc32c(chunk.bytes) != crc) {
    return refuse(Fault::kPayloadDamaged, "SNAPSHOT_CHUNK: its bytes fail their checksum");
  }
  return chunk;
}

Parsed<SnapshotEnd> decode_snapshot_end(std::string_view payload) {
  FieldReader in(payload);
  SnapshotEnd end;
  end.envelope = read_envelope(in);
  end.snapshot_id = in.u64();
  end.bytes = in.u64();
  if (!in.is_done()) return refuse(Fault::kMalformed, "SNAPSHOT_END");
  return end;
}

Parsed<SnapshotReply> decode_snapshot_reply(std::string_view payload) {
  FieldReader in(payload);
  SnapshotReply reply;
  reply.envelope = read_envelope(in);
  reply.snapshot_id = in.u64();
  reply.offset = in.u64();
  reply.file = in.u32();
  reply.state = SnapshotReply::State{in.number<std::uint8_t>()};
  in.zeros(3);
  if (!in.is_done() || reply.state > SnapshotReply::State::kRefused) {
    return refuse(Fault::kMalformed, "SNAPSHOT_REPLY");
  }
  return reply;
}

}  // namespace kv::peer
