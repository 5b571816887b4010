#include "server/dialect.h"

#include <cstring>

#include "base/check.h"
#include "protocol/foreign_protocol.h"
#include "server/native_conversation.h"
#include "server/resp_conversation.h"

namespace kv::server {

using protocol::RespParser;

std::unique_ptr<Conversation> make_conversation(Dialect dialect, ConversationContext& context,
                                                std::uint64_t id) {
  if (dialect == Dialect::kResp) {
    return std::make_unique<RespConversation>(context, id, RespParser::Inline::kAllowed);
  }
  return std::make_unique<NativeConversation>(context, id);
}

std::unique_ptr<Conversation> hear_first(std::string_view bytes, ConversationContext& context,
                                         std::uint64_t id) {
  if (!protocol::is_resp(bytes)) return nullptr;
  auto resp = std::make_unique<RespConversation>(context, id, RespParser::Inline::kRefused);
  // Both begin with the same receive buffer.
  const std::span<char> space = resp->buffer();
  KV_CHECK(space.size() >= bytes.size());
  std::memcpy(space.data(), bytes.data(), bytes.size());
  return resp;
}

}  // namespace kv::server
