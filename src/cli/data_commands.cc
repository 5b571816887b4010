// put, get and del.

#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/escape.h"
#include "cli/json_text.h"
#include "cli/read_level.h"
#include "cli/value_argument.h"
#include "cli/write_ack.h"

namespace kv::cli {

namespace {

struct WriteFlags {
  bool if_absent = false;
  std::uint64_t if_version = 0;
  std::string sync;
  std::string ack;

  void add_to(CLI::App& command, bool is_put) {
    CLI::Option* const version =
        command.add_option("--if-version", if_version, "only if the key has this version")
            ->check(at_least_one);
    if (is_put)
      command.add_flag("--if-absent", if_absent, "only if the key is not there")->excludes(version);
    command.add_option("--sync", sync, "ask for more than the server's: none, interval or disk")
        ->check(CLI::IsMember({"none", "interval", "disk"}));
    add_ack(command, ack);
  }
  WriteOptions options() const {
    WriteOptions out;
    if (if_absent) out.condition.kind = Condition::Kind::kAbsent;
    if (if_version > 0) out.condition = {Condition::Kind::kVersion, if_version};
    if (sync == "none") out.sync = Sync::kNone;
    if (sync == "interval") out.sync = Sync::kInterval;
    if (sync == "disk") out.sync = Sync::kDisk;
    out.ack = ack_of(ack);
    return out;
  }
};

// A write was done; `version` and `epoch` are of the newest that only the leader's disk has, if
// any.
void say_done(const Common& common, nlohmann::ordered_json json, Version version,
              std::optional<std::uint64_t> epoch) {
  if (common.is_json) {
    if (epoch) json.update({{"ack", "local"}, {"epoch", *epoch}});
    say(json.dump() + "\n");
  } else if (!common.is_quiet) {
    say(epoch ? fmt::format("OK, {}\n", local_ack_text(version, *epoch)) : "OK\n");
  }
}

int run_put(const Common& common, const std::string& key, const std::string& argument,
            const WriteFlags& flags) {
  auto value = value_of_argument(argument, kValueSizeMax);
  if (!value) {
    complain(describe(value.error()));
    return kExitUsage;
  }
  auto client = connect(common);
  if (!client) return fail_to_connect(client.error());
  auto version = retried(common, [&] { return client->put(key, *value, flags.options()); });
  if (!version) return fail(version.error());
  say_done(common, {{"version", *version}}, *version, client->local_ack_epoch());
  return kExitOk;
}

struct GetFlags {
  ReadLevelFlags level;
  bool is_raw = false;
  bool is_hex = false;
  bool with_version = false;
};

int run_get(const Common& common, const std::string& key, const GetFlags& flags) {
  auto client = connect(common);
  if (!client) return fail_to_connect(client.error());
  auto found = retried(common, [&] { return client->get(key, flags.level.options()); });
  if (!found) return fail(found.error());
  if (!*found) {
    complain("key not found: " + in_quotes(key));
    return kExitNotFound;
  }
  const Value& value = **found;
  if (common.is_json) {
    say(json_of(key, &value.bytes, value.version) + "\n");
    return kExitOk;
  }
  if (flags.with_version) say(fmt::format("ver={} ", value.version));
  if (flags.is_hex) {
    std::string text;
    text.reserve(2 * value.bytes.size() + 1);
    for (const char c : value.bytes) {
      fmt::format_to(std::back_inserter(text), "{:02x}", static_cast<unsigned char>(c));
    }
    say(text + "\n");
  } else if (stdout_is_terminal() && !flags.is_raw) {
    say(shown(value.bytes) + "\n");
  } else {
    say(value.bytes);
  }
  return kExitOk;
}

int run_del(const Common& common, const std::vector<std::string>& keys, const WriteFlags& flags) {
  auto client = connect(common);
  if (!client) return fail_to_connect(client.error());
  std::uint64_t deleted = 0;
  // Of the last delete, or of the last that only the leader's disk has.
  Version newest = 0;
  std::optional<std::uint64_t> local_epoch;
  int code = kExitOk;
  for (const std::string& key : keys) {
    auto version = retried(common, [&] { return client->del(key, flags.options()); });
    if (!version) return fail(version.error());
    if (*version) {
      deleted += 1;
      const auto epoch = client->local_ack_epoch();
      if (epoch || !local_epoch) newest = **version;
      if (epoch) local_epoch = epoch;
    } else {
      if (!common.is_quiet) complain("key not found: " + in_quotes(key));
      code = kExitNotFound;
    }
  }
  if (deleted > 0 || common.is_json) {
    nlohmann::ordered_json json{{"deleted", deleted}};
    if (deleted > 0) json["version"] = newest;
    say_done(common, std::move(json), newest, local_epoch);
  }
  return code;
}

}  // namespace

void add_data(CLI::App& app, Common& common, Run& run) {
  auto key = std::make_shared<std::string>();
  auto value = std::make_shared<std::string>();
  auto keys = std::make_shared<std::vector<std::string>>();
  auto flags = std::make_shared<WriteFlags>();
  auto get_flags = std::make_shared<GetFlags>();

  CLI::App* put = app.add_subcommand("put", "store a value under a key");
  put->add_option("key", *key)->required();
  put->add_option("value", *value, "the value; - reads stdin, @FILE a file")->required();
  flags->add_to(*put, true);
  put->callback(
      [=, &common, &run] { run = [=, &common] { return run_put(common, *key, *value, *flags); }; });

  CLI::App* get = app.add_subcommand("get", "print the value of a key");
  get->add_option("key", *key)->required();
  get->add_flag("--raw", get_flags->is_raw, "the bytes as they are, on a terminal too");
  get->add_flag("--hex", get_flags->is_hex, "in hexadecimal");
  get->add_flag("--with-version", get_flags->with_version, "print the version in front");
  get_flags->level.add_to(*get);
  get->callback(
      [=, &common, &run] { run = [=, &common] { return run_get(common, *key, *get_flags); }; });

  CLI::App* del = app.add_subcommand("del", "delete keys");
  del->add_option("key", *keys)->required();
  flags->add_to(*del, false);
  del->callback(
      [=, &common, &run] { run = [=, &common] { return run_del(common, *keys, *flags); }; });
}

}  // namespace kv::cli
