#pragma once

#include <cstddef>

#include "format/membership.h"
#include "format/record.h"
#include "format/state_fingerprint.h"
#include "kv/options.h"

namespace kv::peer::layout {

// Bytes of payloads, or of the part in front of what varies. docs/peer-protocol.md has the tables.
inline constexpr std::size_t kHelloSize = 96;  // and an address
inline constexpr std::size_t kGoodbyeSize = 4;
inline constexpr std::size_t kGoodbyeTextMax = 500;

inline constexpr std::size_t kMessageSize = 24;  // from, to, term: before each message's own
inline constexpr std::size_t kPrevoteRequestSize = kMessageSize + 16;
inline constexpr std::size_t kPrevoteReplySize = kMessageSize + 16;
inline constexpr std::size_t kVoteRequestSize = kMessageSize + 24;
inline constexpr std::size_t kVoteReplySize = kMessageSize + 8;
inline constexpr std::size_t kAppendSize = kMessageSize + 64;
inline constexpr std::size_t kAppendReplySize = kMessageSize + 72;
inline constexpr std::size_t kReadRequestSize = kMessageSize + 8;
inline constexpr std::size_t kReadReplySize = kMessageSize + 24;
inline constexpr std::size_t kTimeoutNowSize = kMessageSize + 8;

inline constexpr std::size_t kSnapshotBeginSize = kMessageSize + 48;
inline constexpr std::size_t kFileSize = 18;  // and its name
inline constexpr std::size_t kFileNameMax = 64;
inline constexpr std::size_t kFilesMax = 65'536;
inline constexpr std::size_t kSnapshotBeginSizeMax =
    kSnapshotBeginSize + format::kConfigSizeMax + kFilesMax * (kFileSize + kFileNameMax);
inline constexpr std::size_t kSnapshotChunkSize = kMessageSize + 24;
inline constexpr std::size_t kChunkBytesMax = 1024 * 1024;
inline constexpr std::size_t kSnapshotEndSize = kMessageSize + 16;
inline constexpr std::size_t kSnapshotReplySize = kMessageSize + 24;

inline constexpr std::size_t kRecordRequestSize = kMessageSize + 16;  // and the key
inline constexpr std::size_t kRecordReplySize = kMessageSize + 16;    // and the record, if found
inline constexpr std::size_t kPutSizeMax =
    (format::kRecordHeaderSize + kKeySizeMax + kValueSizeMax + format::kRecordAlignment - 1) /
    format::kRecordAlignment * format::kRecordAlignment;
inline constexpr std::size_t kFingerprintSize =
    kMessageSize + 32 + format::StateFingerprint::kBuckets * sizeof(std::uint64_t);
inline constexpr std::size_t kFingerprintReplySize = kMessageSize + 24;

}  // namespace kv::peer::layout
