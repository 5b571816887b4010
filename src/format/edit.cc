#include "format/edit.h"

#include <optional>

#include <fmt/format.h>

#include "base/endian.h"
#include "format/damage.h"

namespace kv::format {
namespace {

// On disk for ever: a type is never given another meaning, a field never added to one.
enum class EditType : std::uint8_t {
  kEnd = 0,  // no edit: the padding behind the last one of a frame
  kAddSegment = 1,
  kSealSegment = 2,
  kQuarantine = 3,
  kMergeSegments = 4,
  kSequenceFloor = 5,
  kSegmentFloor = 6,
  kCutSegment = 7,
  kLogFloor = 8,
};

class Encoder {
 public:
  explicit Encoder(std::string& out) : out_(out) {}

  void operator()(const AddSegment& edit) {
    put(EditType::kAddSegment);
    put(edit.id);
    base::append_le(out_, static_cast<std::uint8_t>(edit.kind));
    base::append_le(out_, edit.salt);
  }
  void operator()(const SealSegment& edit) {
    put(EditType::kSealSegment);
    put(edit.id);
    base::append_le(out_, edit.size);
    base::append_le(out_, edit.records);
    base::append_le(out_, edit.first_sequence);
    base::append_le(out_, edit.last_sequence);
    base::append_le(out_, edit.end_chain);
  }
  void operator()(const Quarantine& edit) {
    put(EditType::kQuarantine);
    put(edit.id);
    base::append_le(out_, edit.offset);
    base::append_le(out_, edit.size);
    base::append_le(out_, edit.first_sequence);
    base::append_le(out_, edit.last_sequence);
    base::append_le(out_, static_cast<std::uint8_t>(edit.is_blind));
  }
  void operator()(const MergeSegments& edit) {
    put(EditType::kMergeSegments);
    put(edit.inputs);
    put(edit.outputs);
    base::append_le(out_, edit.tombstone_floor);
  }
  void operator()(const SequenceFloor& edit) {
    put(EditType::kSequenceFloor);
    base::append_le(out_, edit.sequence);
  }
  void operator()(const SegmentFloor& edit) {
    put(EditType::kSegmentFloor);
    base::append_le(out_, edit.next_segment);
  }
  void operator()(const CutSegment& edit) {
    put(EditType::kCutSegment);
    put(edit.id);
    base::append_le(out_, edit.size);
    base::append_le(out_, edit.last_sequence);
  }
  void operator()(const LogFloor& edit) {
    put(EditType::kLogFloor);
    base::append_le(out_, edit.term);
    base::append_le(out_, edit.sequence);
    base::append_le(out_, edit.chain);
  }

 private:
  void put(EditType type) { base::append_le(out_, static_cast<std::uint8_t>(type)); }
  void put(SegmentId id) { base::append_le(out_, number(id)); }
  void put(const std::vector<SegmentId>& ids) {
    base::append_le(out_, static_cast<std::uint32_t>(ids.size()));
    for (const SegmentId id : ids) put(id);
  }

  std::string& out_;
};

// Takes fields off the front of a text; a field that is not all there, or holds what is never
// written, leaves is_good() false for good.
class Decoder {
 public:
  explicit Decoder(std::string_view& bytes) : bytes_(bytes) {}

  bool is_good() const { return is_good_; }

  std::uint8_t u8() { return take<std::uint8_t>(); }
  std::uint64_t u64() { return take<std::uint64_t>(); }
  SegmentId id() { return SegmentId{take<std::uint32_t>()}; }
  bool flag() {
    const std::uint8_t value = u8();
    is_good_ = is_good_ && value <= 1;
    return value == 1;
  }
  SegmentKind kind() {
    const auto value = static_cast<SegmentKind>(u8());
    is_good_ = is_good_ && value <= SegmentKind::kMerged;
    return value;
  }
  std::vector<SegmentId> ids() {
    const auto count = take<std::uint32_t>();
    // Believed only as far as there are bytes.
    is_good_ = is_good_ && count <= bytes_.size() / sizeof(std::uint32_t);
    std::vector<SegmentId> list;
    if (!is_good_) return list;
    list.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) list.push_back(id());
    return list;
  }

 private:
  template <class T>
  T take() {
    is_good_ = is_good_ && bytes_.size() >= sizeof(T);
    if (!is_good_) return 0;
    const T value = base::load_le<T>(bytes_.data());
    bytes_.remove_prefix(sizeof(T));
    return value;
  }

  std::string_view& bytes_;
  bool is_good_ = true;
};

// Nothing for a type this version does not know. Braces evaluate from left to right, so the order
// of the fields is the order on disk.
std::optional<Edit> decode_fields(EditType type, Decoder& in) {
  switch (type) {
    case EditType::kAddSegment:
      return AddSegment{in.id(), in.kind(), in.u64()};
    case EditType::kSealSegment:
      return SealSegment{in.id(), in.u64(), in.u64(), in.u64(), in.u64(), in.u64()};
    case EditType::kQuarantine:
      return Quarantine{in.id(), in.u64(), in.u64(), in.u64(), in.u64(), in.flag()};
    case EditType::kMergeSegments:
      return MergeSegments{in.ids(), in.ids(), in.u64()};
    case EditType::kSequenceFloor:
      return SequenceFloor{in.u64()};
    case EditType::kSegmentFloor:
      return SegmentFloor{in.u64()};
    case EditType::kCutSegment:
      return CutSegment{in.id(), in.u64(), in.u64()};
    case EditType::kLogFloor:
      return LogFloor{in.u64(), in.u64(), in.u64()};
    case EditType::kEnd:
      break;
  }
  return std::nullopt;
}

}  // namespace

void encode_edit(std::string& out, const Edit& edit) { std::visit(Encoder(out), edit); }

Result<Edit> decode_edit(std::string_view& bytes) {
  Decoder in(bytes);
  const std::uint8_t type = in.u8();
  if (!in.is_good()) return corruption("an edit without a type");
  auto edit = decode_fields(static_cast<EditType>(type), in);
  if (!edit) return newer_format(fmt::format("edit type {} is unknown to this program", type));
  if (!in.is_good()) return corruption(fmt::format("edit of type {} is malformed", type));
  return *std::move(edit);
}

}  // namespace kv::format
