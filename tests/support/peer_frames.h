#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/checksum.h"
#include "peer/fingerprint.h"
#include "peer/frame_reader.h"
#include "peer/hello.h"
#include "peer/message.h"
#include "peer/record_copy.h"
#include "peer/snapshot.h"

namespace kv::test {

// A frame with right checksums around any payload.
inline std::string framed(peer::FrameType type, std::string_view payload) {
  char head[peer::kFrameHeaderSize];
  peer::encode_frame_header(
      {type, static_cast<std::uint32_t>(payload.size()), base::crc32c(payload)}, head);
  return std::string(head, sizeof head).append(payload);
}

// What a reader makes of bytes that come in pieces which end at `cuts`.
struct Reading {
  std::vector<peer::Frame> frames;
  std::optional<peer::FrameError> error;
};
inline void feed(peer::FrameReader& reader, std::string_view bytes, Reading& reading) {
  while (!bytes.empty() && !reading.error) {
    auto frame = reader.take(bytes);
    if (!frame) {
      reading.error = frame.error();
    } else if (*frame) {
      reading.frames.push_back(std::move(**frame));
    }
  }
}
inline Reading read_frames(std::string_view bytes, const std::vector<std::size_t>& cuts = {}) {
  peer::FrameReader reader;
  Reading reading;
  std::size_t at = 0;
  for (const std::size_t cut : cuts) {
    feed(reader, bytes.substr(at, cut - at), reading);
    at = cut;
  }
  feed(reader, bytes.substr(at), reading);
  return reading;
}

// The records of an append that came in, to be sent on.
inline std::vector<peer::SentRecord> sent_again(const peer::Received& received) {
  std::vector<peer::SentRecord> records;
  for (const peer::ReceivedRecord& record : received.records) {
    records.push_back({record.header, record.body, received.payload});
  }
  return records;
}

// Decodes a frame and encodes what it says; the fault when it is refused.
inline peer::Parsed<std::string> encoded_again(peer::Frame frame) {
  using peer::FrameType;
  peer::Gather out;
  const auto with = [&out](const auto& decoded, auto append) -> peer::Parsed<std::string> {
    if (!decoded) return tl::unexpected(decoded.error());
    append(out, *decoded);
    return out.joined();
  };
  switch (frame.type) {
    case FrameType::kHello:
      return with(peer::decode_hello(frame.payload), peer::append_hello);
    case FrameType::kHelloOk:
      return with(peer::decode_hello(frame.payload), peer::append_hello_ok);
    case FrameType::kGoodbye:
      return with(peer::decode_goodbye(frame.payload), peer::append_goodbye);
    case FrameType::kSnapshotBegin:
      return with(peer::decode_snapshot_begin(frame.payload), peer::append_snapshot_begin);
    case FrameType::kSnapshotChunk:
      return with(peer::decode_snapshot_chunk(frame.payload),
                  [](peer::Gather& to, const peer::SnapshotChunk& chunk) {
                    peer::append_snapshot_chunk(to, chunk, nullptr);
                  });
    case FrameType::kSnapshotEnd:
      return with(peer::decode_snapshot_end(frame.payload), peer::append_snapshot_end);
    case FrameType::kSnapshotReply:
      return with(peer::decode_snapshot_reply(frame.payload), peer::append_snapshot_reply);
    case FrameType::kRecordRequest:
      return with(peer::decode_record_request(frame.payload), peer::append_record_request);
    case FrameType::kRecordReply:
      return with(peer::decode_record_reply(frame.payload),
                  [](peer::Gather& to, const peer::RecordReply& reply) {
                    peer::append_record_reply(to, reply, nullptr);
                  });
    case FrameType::kFingerprint:
    case FrameType::kFingerprintReply:
      return with(peer::decode_fingerprint(frame), [](peer::Gather& to, const auto& decoded) {
        if (const auto* one = std::get_if<peer::Fingerprint>(&decoded.body)) {
          peer::append_fingerprint(to, *one);
        } else {
          peer::append_fingerprint_reply(to, std::get<peer::FingerprintReply>(decoded.body));
        }
      });
    default:
      return with(peer::decode_message(std::move(frame)),
                  [](peer::Gather& to, const peer::Received& received) {
                    peer::append_message(to, received.message, sent_again(received));
                  });
  }
}

}  // namespace kv::test
