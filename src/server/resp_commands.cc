// The commands of RESP that the server knows.

#include <algorithm>
#include <array>

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include "server/resp_conversation.h"

namespace kv::server {

using protocol::RespVersion;
using protocol::Verb;

std::span<const RespConversation::Command> RespConversation::commands() {
  using Self = RespConversation;
  static constexpr std::array kCommands = {
      Command{"append", 3, Verb::kPut, &Self::append, "write denyoom fast", 1, 1, 1},
      Command{"bgrewriteaof", 1, Verb::kMerge, &Self::bgrewriteaof, "admin noscript"},
      Command{"client", -2, Verb::kPing, &Self::client, "noscript loading stale"},
      Command{"command", -1, Verb::kHelp, &Self::command, "loading stale"},
      Command{"config", -2, Verb::kStats, &Self::config, "admin noscript loading stale"},
      Command{"dbsize", 1, Verb::kStats, &Self::dbsize, "readonly fast"},
      Command{"decr", 2, Verb::kPut, &Self::decr, "write denyoom fast", 1, 1, 1},
      Command{"decrby", 3, Verb::kPut, &Self::decrby, "write denyoom fast", 1, 1, 1},
      Command{"del", -2, Verb::kDel, &Self::del, "write", 1, -1, 1},
      Command{"echo", 2, Verb::kPing, &Self::echo, "fast"},
      Command{"exists", -2, Verb::kGet, &Self::exists, "readonly fast", 1, -1, 1},
      Command{"get", 2, Verb::kGet, &Self::get, "readonly fast", 1, 1, 1},
      Command{"getdel", 2, Verb::kDel, &Self::getdel, "write fast", 1, 1, 1},
      Command{"getset", 3, Verb::kPut, &Self::getset, "write denyoom fast", 1, 1, 1},
      Command{"hello", -1, Verb::kHello, &Self::hello, "noscript loading stale fast no_auth"},
      Command{"incr", 2, Verb::kPut, &Self::incr, "write denyoom fast", 1, 1, 1},
      Command{"incrby", 3, Verb::kPut, &Self::incrby, "write denyoom fast", 1, 1, 1},
      Command{"info", -1, Verb::kStats, &Self::info, "loading stale"},
      Command{"mget", -2, Verb::kGet, &Self::mget, "readonly fast", 1, -1, 1},
      Command{"mset", -3, Verb::kBput, &Self::mset, "write denyoom", 1, -1, 2},
      Command{"ping", -1, Verb::kPing, &Self::ping, "fast"},
      Command{"quit", -1, Verb::kQuit, &Self::quit, "noscript loading stale fast no_auth"},
      Command{"reset", 1, Verb::kPing, &Self::reset, "noscript loading stale fast no_auth"},
      Command{"scan", -2, Verb::kRange, &Self::scan, "readonly"},
      Command{"select", 2, Verb::kPing, &Self::select, "loading stale fast"},
      Command{"set", -3, Verb::kPut, &Self::set, "write denyoom", 1, 1, 1},
      Command{"setnx", 3, Verb::kPut, &Self::setnx, "write denyoom fast", 1, 1, 1},
      Command{"strlen", 2, Verb::kGet, &Self::strlen, "readonly fast", 1, 1, 1},
      Command{"type", 2, Verb::kGet, &Self::type, "readonly fast", 1, 1, 1},
      Command{"wait", 3, Verb::kPing, &Self::wait, "noscript"},
  };
  return kCommands;
}

const RespConversation::Command* RespConversation::find_command(std::string_view name) {
  static const auto* const by_name = [] {
    auto* const map = new absl::flat_hash_map<std::string_view, const Command*>;  // never destroyed
    for (const Command& command : commands()) map->emplace(command.name, &command);
    return map;
  }();
  std::array<char, 16> lower;
  if (name.size() > lower.size()) return nullptr;
  std::transform(name.begin(), name.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const auto found = by_name->find(std::string_view(lower.data(), name.size()));
  return found == by_name->end() ? nullptr : found->second;
}

// As COMMAND INFO of Redis 6 tells it.
void RespConversation::append_command(std::string& out, const Command& command) {
  protocol::append_array(out, 6);
  protocol::append_bulk(out, command.name);
  protocol::append_integer(out, command.arity);
  const auto flags =
      static_cast<std::size_t>(1 + std::count(command.flags.begin(), command.flags.end(), ' '));
  protocol::append_array(out, flags);
  for (std::string_view rest = command.flags; !rest.empty();) {
    const std::size_t size = std::min(rest.find(' '), rest.size());
    protocol::append_simple(out, rest.substr(0, size));
    rest.remove_prefix(std::min(size + 1, rest.size()));
  }
  protocol::append_integer(out, command.first_key);
  protocol::append_integer(out, command.last_key);
  protocol::append_integer(out, command.key_step);
}

void RespConversation::command(Arguments arguments) {
  if (arguments.size() == 1) {
    return answer([](std::string& out) {
      protocol::append_array(out, commands().size());
      for (const Command& one : commands()) append_command(out, one);
    });
  }
  std::string what(arguments[1]);
  for (char& c : what) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (what == "COUNT" && arguments.size() == 2) {
    return answer([](std::string& out) {
      protocol::append_integer(out, static_cast<std::int64_t>(commands().size()));
    });
  }
  if (what == "LIST" && arguments.size() == 2) {
    return answer([](std::string& out) {
      protocol::append_array(out, commands().size());
      for (const Command& one : commands()) protocol::append_bulk(out, one.name);
    });
  }
  if (what == "DOCS") {  // none are kept here; redis-cli does without
    return answer([this](std::string& out) { protocol::append_map(out, 0, version_); });
  }
  if (what == "INFO") {
    const Arguments names = arguments.subspan(2);
    return answer([&](std::string& out) {
      protocol::append_array(out, names.size());
      for (const std::string_view name : names) {
        const Command* const found = find_command(name);
        if (found != nullptr) {
          append_command(out, *found);
        } else {
          out += version_ == RespVersion::k3 ? "_\r\n" : "*-1\r\n";
        }
      }
    });
  }
  fail(fmt::format("unknown subcommand '{}'. Try COMMAND COUNT, DOCS, INFO or LIST.",
                   arguments[1].substr(0, 128)));
}

}  // namespace kv::server
