#include "peer/hello.h"

#include <algorithm>

#include "format/membership.h"
#include "peer/field_reader.h"
#include "peer/layout.h"

namespace kv::peer {
namespace {

void append(Gather& out, FrameType type, const Hello& hello) {
  FrameWriter frame(out, type);
  frame.add(hello.version_min);
  frame.add(hello.version_max);
  frame.zeros(4);
  frame.add(hello.cluster_id);
  frame.add(hello.node_id);
  frame.add(hello.node_uuid);
  frame.add(hello.to);
  frame.add(hello.last);
  frame.add(hello.floor);
  frame.add(hello.commit);
  frame.copy(hello.address);
  frame.finish();
}

}  // namespace

const char* name_of(Reason reason) {
  switch (reason) {
    case Reason::kOtherCluster:
      return "another cluster";
    case Reason::kOtherNode:
      return "another node";
    case Reason::kReplaced:
      return "replaced";
    case Reason::kNotAMember:
      return "not a member";
    case Reason::kNoVersion:
      return "no common version";
    case Reason::kBadFrame:
      return "bad frame";
    case Reason::kStopping:
      return "stopping";
  }
  return "unknown";
}

void append_hello(Gather& out, const Hello& hello) { append(out, FrameType::kHello, hello); }
void append_hello_ok(Gather& out, const Hello& hello) { append(out, FrameType::kHelloOk, hello); }

void append_goodbye(Gather& out, const Goodbye& goodbye) {
  FrameWriter frame(out, FrameType::kGoodbye);
  frame.add(static_cast<std::uint16_t>(goodbye.reason));
  frame.zeros(2);
  frame.copy(std::string_view(goodbye.text).substr(0, layout::kGoodbyeTextMax));
  frame.finish();
}

Parsed<Hello> decode_hello(std::string_view payload) {
  FieldReader in(payload);
  Hello hello;
  hello.version_min = in.u16();
  hello.version_max = in.u16();
  in.zeros(4);
  hello.cluster_id = in.uuid();
  hello.node_id = in.node();
  hello.node_uuid = in.uuid();
  hello.to = in.node();
  hello.last = in.point();
  hello.floor = in.u64();
  hello.commit = in.u64();
  hello.address = in.bytes(in.rest().size());
  const bool is_sane = hello.version_min >= 1 && hello.version_min <= hello.version_max &&
                       !hello.cluster_id.is_nil() && hello.node_id != raft::kNoNode &&
                       !hello.node_uuid.is_nil() &&
                       (hello.address.empty() || format::is_address(hello.address));
  if (!in.is_done() || !is_sane) return refuse(Fault::kMalformed, "HELLO");
  return hello;
}

Parsed<Goodbye> decode_goodbye(std::string_view payload) {
  FieldReader in(payload);
  Goodbye goodbye;
  goodbye.reason = static_cast<Reason>(in.u16());
  in.zeros(2);
  goodbye.text = in.bytes(in.rest().size());
  if (!in.is_done()) return refuse(Fault::kMalformed, "GOODBYE");
  return goodbye;
}

std::optional<std::uint16_t> common_version(const Hello& other) {
  if (other.version_min > kProtocolVersion) return std::nullopt;
  return std::min(other.version_max, kProtocolVersion);
}

}  // namespace kv::peer
