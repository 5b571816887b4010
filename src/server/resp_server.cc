// RESP's commands about the connection and the server.

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "server/cluster_member.h"
#include "server/error_reply.h"
#include "server/glob.h"
#include "server/resp_conversation.h"

namespace kv::server {

using protocol::RespVersion;
using protocol::Verb;

namespace {

// What clients that ask for features by version get to hear.
constexpr std::string_view kRedisVersion = "7.0.0";

std::string upper(std::string_view text) {
  std::string out(text.substr(0, 32));
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

std::string_view appendfsync_of(Sync sync) {
  return sync == Sync::kDisk ? "always" : sync == Sync::kInterval ? "everysec" : "no";
}

std::vector<std::pair<std::string, std::string>> settings_of(const ServerOptions& options) {
  const auto idle_s =
      std::chrono::duration_cast<std::chrono::seconds>(options.idle_timeout).count();
  return {{"appendfsync", std::string(appendfsync_of(options.sync))},
          {"appendonly", "yes"},
          {"databases", "1"},
          {"maxclients", std::to_string(options.connections_max)},
          {"maxmemory", "0"},
          {"maxmemory-policy", "noeviction"},
          {"proto-max-bulk-len", std::to_string(options.limits.value_max)},
          {"save", ""},
          {"timeout", std::to_string(idle_s)}};
}

std::string info_text(const Stats& stats, const ServerOptions& options, bool is_primary) {
  return fmt::format(
      "# Server\r\nserver_name:kv\r\nkv_version:{}\r\nredis_version:{}\r\nredis_mode:standalone\r\n"
      "\r\n# Memory\r\nindex_bytes:{}\r\n"
      "\r\n# Persistence\r\nloading:0\r\naof_enabled:1\r\nappendfsync:{}\r\n"
      "aof_rewrite_in_progress:{}\r\ndisk_bytes:{}\r\nlive_bytes:{}\r\n"
      "\r\n# Replication\r\nrole:{}\r\nconnected_slaves:0\r\n"
      "\r\n# Keyspace\r\n{}",
      options.version, kRedisVersion, stats.index_bytes, appendfsync_of(options.sync),
      stats.merge.state == MergeState::kMerging ? 1 : 0, stats.disk_bytes, stats.live_bytes,
      is_primary ? "master" : "slave",
      stats.keys > 0 ? fmt::format("db0:keys={},expires=0,avg_ttl=0\r\n", stats.keys) : "");
}

// The sections asked for, by their names in lower case; none: all.
std::string chosen_sections(const std::string& text, const std::vector<std::string>& wanted) {
  const bool wants_all = wanted.empty() || std::ranges::any_of(wanted, [](const std::string& name) {
                           return name == "ALL" || name == "DEFAULT" || name == "EVERYTHING";
                         });
  if (wants_all) return text;
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = text.find("\r\n\r\n", at);
    end = end == std::string::npos ? text.size() : end + 4;
    const std::size_t name_end = text.find('\r', at);
    const std::string name = upper(std::string_view(text).substr(at + 2, name_end - at - 2));
    if (std::ranges::find(wanted, name) != wanted.end()) out += text.substr(at, end - at);
    at = end;
  }
  return out;
}

}  // namespace

class RespConversation::InfoTask final : public TaskOf<RespConversation> {
 public:
  InfoTask(const ConversationContext& context, Arguments sections, Time start)
      : backend_(context.backend),
        options_(context.options),
        is_primary_(server::is_primary(context.cluster)),
        start_(start) {
    for (const std::string_view section : sections) sections_.push_back(upper(section));
  }
  void run() override {
    text_ = chosen_sections(info_text(backend_.stats(), options_, is_primary_), sections_);
  }
  void finish_in(RespConversation& conversation) override {
    protocol::append_bulk(conversation.output_.text(), text_);
    conversation.count(Verb::kStats, start_);
  }

 private:
  const Backend& backend_;
  const ServerOptions& options_;
  const bool is_primary_;
  std::vector<std::string> sections_;
  const Time start_;
  std::string text_;
};

void RespConversation::ping(Arguments arguments) {
  if (arguments.size() > 2) return fail("wrong number of arguments for 'ping' command");
  if (arguments.size() == 2) return echo(arguments);
  answer([](std::string& out) { protocol::append_simple(out, "PONG"); });
}

void RespConversation::echo(Arguments arguments) {
  if (!try_hold_output(arguments[1].size())) return refuse_later(verb_, kRetryMemory);
  answer([&](std::string& out) { protocol::append_bulk(out, arguments[1]); });
}

void RespConversation::hello(Arguments arguments) {
  if (!is_my_turn()) return;
  std::optional<std::int64_t> version;
  if (arguments.size() > 1) {
    version = resp_integer(arguments[1]);
    if (!version) return fail("Protocol version is not an integer or out of range");
    if (*version != 2 && *version != 3) return fail("unsupported protocol version", "NOPROTO");
  }
  for (std::size_t i = 2; i < arguments.size();) {
    const std::string option = upper(arguments[i]);
    if (option == "AUTH" && i + 2 < arguments.size()) {
      return fail("no password is set on this server; connect without AUTH");
    }
    if (option != "SETNAME" || i + 1 >= arguments.size()) {
      return fail(fmt::format("Syntax error in HELLO option '{}'", option));
    }
    name_ = arguments[i + 1];
    i += 2;
  }
  if (version) version_ = *version == 3 ? RespVersion::k3 : RespVersion::k2;
  answer([this](std::string& out) {
    constexpr std::size_t kFields = 7;
    protocol::append_map(out, kFields, version_);
    const auto field = [&out](std::string_view name, std::string_view value) {
      protocol::append_bulk(out, name);
      protocol::append_bulk(out, value);
    };
    field("server", "kv");
    field("version", context_.options.version);
    protocol::append_bulk(out, "proto");
    protocol::append_integer(out, static_cast<std::int64_t>(version_));
    protocol::append_bulk(out, "id");
    protocol::append_integer(out, static_cast<std::int64_t>(id_));
    field("mode", "standalone");
    field("role", is_primary(context_.cluster) ? "master" : "replica");
    protocol::append_bulk(out, "modules");
    protocol::append_array(out, 0);
  });
}

void RespConversation::select(Arguments arguments) {
  const auto number = resp_integer(arguments[1]);
  if (!number) return fail("value is not an integer or out of range");
  if (*number != 0) return fail("DB index is out of range");
  answer([](std::string& out) { protocol::append_simple(out, "OK"); });
}

void RespConversation::quit(Arguments) {
  answer([](std::string& out) { protocol::append_simple(out, "OK"); });
  phase_ = Phase::kFinishing;
}

void RespConversation::reset(Arguments) {
  if (!is_my_turn()) return;
  version_ = RespVersion::k2;
  name_.clear();
  answer([](std::string& out) { protocol::append_simple(out, "RESET"); });
}

void RespConversation::client(Arguments arguments) {
  const std::string what = upper(arguments[1]);
  const std::size_t count = arguments.size();
  const auto ok = [this] { answer([](std::string& out) { protocol::append_simple(out, "OK"); }); };
  if (what == "SETINFO" && count == 4) return ok();
  if (what == "NO-EVICT" && count == 3) return ok();
  if (what == "SETNAME" && count == 3) {
    name_ = arguments[2].substr(0, 256);
    return ok();
  }
  if (what == "GETNAME" && count == 2) {
    return answer([this](std::string& out) {
      name_.empty() ? protocol::append_null(out, version_) : protocol::append_bulk(out, name_);
    });
  }
  if (what == "ID" && count == 2) {
    return answer([this](std::string& out) {
      protocol::append_integer(out, static_cast<std::int64_t>(id_));
    });
  }
  fail(fmt::format(
      "unknown subcommand or wrong number of arguments for '{}'. Try CLIENT GETNAME, ID, NO-EVICT, "
      "SETINFO or SETNAME.",
      arguments[1].substr(0, 128)));
}

void RespConversation::config(Arguments arguments) {
  if (upper(arguments[1]) != "GET" || arguments.size() < 3) {
    return fail("only CONFIG GET is supported; kv start takes the settings");
  }
  std::vector<std::pair<std::string, std::string>> found;
  for (auto& setting : settings_of(context_.options)) {
    const auto is_wanted = [&setting](std::string_view pattern) {
      return glob_matches(pattern.substr(0, 256), setting.first);
    };
    if (std::ranges::any_of(arguments.subspan(2), is_wanted)) found.push_back(std::move(setting));
  }
  answer([&](std::string& out) {
    protocol::append_map(out, found.size(), version_);
    for (const auto& [name, value] : found) {
      protocol::append_bulk(out, name);
      protocol::append_bulk(out, value);
    }
  });
}

void RespConversation::info(Arguments arguments) {
  if (!is_my_turn()) return;
  start_slow(std::make_unique<InfoTask>(context_, arguments.subspan(1), now_), verb_);
}

// A server alone has nobody to wait for.
void RespConversation::wait(Arguments arguments) {
  if (!is_my_turn()) return;
  if (!resp_integer(arguments[1]) || !resp_integer(arguments[2])) {
    return fail("value is not an integer or out of range");
  }
  answer([](std::string& out) { protocol::append_integer(out, 0); });
}

void RespConversation::bgrewriteaof(Arguments) {
  std::unique_ptr<MergeTask> nobody;
  if (!context_.slow_work.start_merge(id_, nobody, 0)) return refuse_later(verb_, kRetryQueue);
  answer([](std::string& out) {
    protocol::append_simple(out, "Background append only file rewriting started");
  });
}

}  // namespace kv::server
