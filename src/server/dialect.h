#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "server/conversation.h"

namespace kv::server {

// What a listener's connections speak.
enum class Dialect {
  kNative,
  kNativeOrResp,  // RESP if the first byte is that of a RESP array, "*", which begins nothing
                  // native
  kResp,          // with inline commands
};

// kNativeOrResp begins as native; see hear_first().
std::unique_ptr<Conversation> make_conversation(Dialect dialect, ConversationContext& context,
                                                std::uint64_t id);

// The first bytes of a kNativeOrResp connection, which lie in its conversation's buffer. When they
// are RESP, returns the conversation that goes on in its place, with the bytes in its buffer; else
// null.
std::unique_ptr<Conversation> hear_first(std::string_view bytes, ConversationContext& context,
                                         std::uint64_t id);

}  // namespace kv::server
