// kv start: the composition root of the server.

#include <csignal>
#include <ctime>
#include <filesystem>
#include <pthread.h>
#include <thread>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/detach.h"
#include "cli/lock_file.h"
#include "cli/quantity.h"
#include "cli/server_log.h"
#include "kv/store.h"
#include "kv/version.h"
#include "server/server.h"

namespace kv::cli {

namespace {

struct StartFlags {
  std::string data = "./kv-data";
  std::string listen = "127.0.0.1:7400";
  std::string sync = "disk";
  std::int64_t sync_interval_ms = 1000;
  std::uint32_t threads = 1;
  std::string segment_size = "128MiB";
  std::uint32_t open_segments = 512;
  std::uint32_t connections_max = 10'000;
  std::string memory_max = "256MiB";
  std::int64_t idle_timeout_s = 0;
  std::int64_t read_timeout_s = 30;
  std::string log_format = "text";
  std::string log_level = "info";
  std::string log_file;
  bool is_insecure = false;
  bool is_detached = false;
};

Sync sync_of(const std::string& name) {
  return name == "none" ? Sync::kNone : name == "interval" ? Sync::kInterval : Sync::kDisk;
}

std::string utc_now() {
  char text[32];
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

// Waits for the signals that end the server; returns what to exit with.
int wait_for_end(server::Server& server) {
  const sigset_t set = stop_signals();
  int signal = SIGHUP;
  while (signal == SIGHUP) sigwait(&set, &signal);
  server.stop(server::Server::Stop::kDrain);
  // A second signal cuts the drain short. The thread ends with the process.
  std::thread([&server, set] {
    int again = SIGHUP;
    while (again == SIGHUP) sigwait(&set, &again);
    server.stop(server::Server::Stop::kNow);
    server.wait();
    ::_exit(kExitInterrupted);
  }).detach();
  server.wait();
  return kExitOk;
}

void print_banner(const StartFlags& flags, const RecoveryStats& recovery, bool is_new,
                  const std::string& address) {
  say(fmt::format(
      "kv {}  data {}{}  recovered {} keys from {} segments ({} by hint) in {:.0f} ms\n",
      KV_VERSION, flags.data, is_new ? " (new)" : "", human_count(recovery.keys), recovery.segments,
      recovery.segments_by_hint, recovery.duration_ms));
  if (recovery.bytes_cut > 0)
    say(fmt::format("  cut {} bytes of a torn tail\n", recovery.bytes_cut));
  if (recovery.bytes_quarantined > 0) {
    say(fmt::format("  DAMAGE: {} bytes are unreadable; their keys answer CORRUPT, see the log\n",
                    recovery.bytes_quarantined));
  }
  say(fmt::format("  native     {}\n", address));
  say(fmt::format("  durability sync={}{}     stop: {}\n", flags.sync,
                  flags.sync == "disk"       ? " (group commit)"
                  : flags.sync == "interval" ? fmt::format(" (every {} ms)", flags.sync_interval_ms)
                                             : " (left to the system)",
                  flags.is_detached ? "kv stop --data " + flags.data : "Ctrl-C"));
  say("ready\n");
  std::fflush(stdout);
}

int fail_start(const StartFlags& flags, const Error& error) {
  if (error.code == Errc::kLocked) {
    const auto holder = find_holder(flags.data);
    complain(
        holder
            ? fmt::format(
                  "data directory {} is in use by kv pid {} on {} since {}; `kv attach --addr {}` "
                  "talks to it",
                  flags.data, holder->pid, holder->address, holder->since, holder->address)
            : describe(error));
    return kExitServerError;
  }
  std::string next;
  if (error.code == Errc::kNoSpace) next = "; make room and start again";
  if (error.code == Errc::kNewerFormat)
    next = "; start it with the kv that wrote it, or a newer one";
  if (error.code == Errc::kCorruption) next = "; restore the directory from a backup";
  if (error.cause == std::errc::permission_denied)
    next = "; name a directory you may write to with --data";
  if (error.cause == std::errc::address_in_use) next = "; --listen HOST:0 picks a free port";
  complain(describe(error) + next);
  const int code = exit_code_of(error);
  return code == kExitIntegrity                 ? code
         : error.code == Errc::kInvalidArgument ? kExitUsage
                                                : kExitServerError;
}

int serve(const StartFlags& flags, const std::function<void()>& is_ready) {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  server::ServerOptions server_options;
  server_options.listen = flags.listen;
  server_options.threads = flags.threads;
  server_options.connections_max = flags.connections_max;
  server_options.memory_max = *parse_size(flags.memory_max);
  server_options.idle_timeout = std::chrono::seconds(flags.idle_timeout_s);
  server_options.read_timeout = std::chrono::seconds(flags.read_timeout_s);
  server_options.sync = sync_of(flags.sync);
  auto server = server::Server::bind(server_options);
  if (!server) return fail_start(flags, server.error());
  if (!(*server)->is_loopback() && !flags.is_insecure) {
    complain(fmt::format(
        "{} can be reached from other machines and there are no users yet; listen on 127.0.0.1 or "
        "add --insecure",
        flags.listen));
    return kExitUsage;
  }

  std::unique_ptr<ServerLog> log;
  try {
    log = std::make_unique<ServerLog>(
        ServerLog::Settings{flags.log_file, flags.log_format == "json", flags.log_level});
  } catch (const std::exception& error) {
    complain(error.what());
    return kExitServerError;
  }
  const bool is_new = !std::filesystem::exists(flags.data + "/CURRENT");
  const std::string holder = holder_text({::getpid(), (*server)->address(), utc_now()});
  Options options;
  options.sync = server_options.sync;
  options.sync_interval = std::chrono::milliseconds(flags.sync_interval_ms);
  options.segment_size_max = *parse_size(flags.segment_size);
  options.open_segments_max = flags.open_segments;
  options.holder = holder;
  options.listener = log.get();
  auto store = Store::open(flags.data, options);
  if (!store) return fail_start(flags, store.error());

  if (auto started = (*server)->start(*store); !started) return fail_start(flags, started.error());
  print_banner(flags, store->stats().recovery, is_new, (*server)->address());
  is_ready();

  const int code = wait_for_end(**server);
  if (auto closed = store->close(); !closed) return fail_start(flags, closed.error());
  return code;
}

int run_start(const StartFlags& given) {
  StartFlags flags = given;
  if (!parse_size(flags.segment_size) || !parse_size(flags.memory_max)) {
    complain("--segment-size and --memory-max take a size such as 128MiB");
    return kExitUsage;
  }
  if (!flags.is_detached) return serve(flags, [] {});
  if (flags.log_file.empty()) {
    std::string data = flags.data;
    while (data.size() > 1 && data.back() == '/') data.pop_back();
    flags.log_file = data + ".log";
  }
  return run_detached(
      [&flags](const std::function<void()>& is_ready) { return serve(flags, is_ready); });
}

}  // namespace

void add_start(CLI::App& app, Common& /*common*/, Run& run) {
  auto flags = std::make_shared<StartFlags>();
  CLI::App* start = app.add_subcommand("start", "start the server");
  auto config = std::make_shared<std::string>();
  start->add_option("--config", *config, "read options from a file of name = value lines")
      ->envname("KV_CONFIG");
  const auto add = [&](const std::string& name, auto& value, const std::string& help) {
    std::string variable = "KV_" + name;
    for (char& c : variable)
      c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return start->add_option("--" + name, value, help)->envname(variable)->capture_default_str();
  };
  add("data", flags->data, "directory of the database");
  add("listen", flags->listen, "HOST:PORT; port 0 picks a free one");
  add("sync", flags->sync, "when a write is acknowledged: none, interval or disk")
      ->check(CLI::IsMember({"none", "interval", "disk"}));
  add("sync-interval-ms", flags->sync_interval_ms, "between syncs with --sync interval")
      ->check(CLI::Range(1, 3'600'000));
  add("threads", flags->threads, "reactor threads")->check(CLI::Range(1, 256));
  add("segment-size", flags->segment_size, "size at which the log goes on in a new segment");
  add("open-segments", flags->open_segments, "descriptors of segments kept open")
      ->check(CLI::PositiveNumber);
  add("connections-max", flags->connections_max, "clients at a time")->check(CLI::PositiveNumber);
  add("memory-max", flags->memory_max, "bytes of payloads and replies under way");
  add("idle-timeout-s", flags->idle_timeout_s,
      "close a connection that asks nothing for so long; 0: never")
      ->check(CLI::NonNegativeNumber);
  add("read-timeout-s", flags->read_timeout_s, "for the rest of a request to come")
      ->check(CLI::PositiveNumber);
  add("log-format", flags->log_format, "text or json")->check(CLI::IsMember({"text", "json"}));
  add("log-level", flags->log_level, "info, warning or err")
      ->check(CLI::IsMember({"info", "warning", "err"}));
  add("log-file", flags->log_file, "instead of stderr; with --detach DIR.log");
  start->add_flag("--insecure", flags->is_insecure,
                  "allow an address that other machines can reach");
  start->add_flag("--detach", flags->is_detached, "return when the server is ready");
  start->callback([=, &run] {
    if (!config->empty()) apply_config_file(*start, *config);
    run = [=] { return run_start(*flags); };
  });
}

}  // namespace kv::cli
