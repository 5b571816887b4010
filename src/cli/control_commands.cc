// stop and status: by the lock of the data directory, so that no pid file can be stale.

#include <csignal>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/data_option.h"
#include "cli/lock_file.h"

namespace kv::cli {

namespace {

struct ControlFlags {
  std::string data = "./kv-data";
  bool is_pid_only = false;
  double wait_s = 30;
};

int no_server(const ControlFlags& flags, std::string_view next) {
  complain(fmt::format("no server has {} open; {}", flags.data, next));
  return kExitNoConnection;
}

// KV_ADDR is there for other commands; the flag is meant for this one.
int refuse_address(std::string_view command) {
  complain(
      fmt::format("--addr: {} goes by the directory that a server has open; `kv {} --data "
                  "DIR` names it",
                  command, command));
  return kExitUsage;
}

int run_stop(const Common& common, const ControlFlags& flags) {
  if (common.has_address_flag) return refuse_address("stop");
  const auto holder = find_holder(flags.data);
  if (!holder) return no_server(flags, "`kv stop --data DIR` stops that of another directory");
  if (!holder->is_server()) {
    complain(in_use_text(flags.data, *holder) + ", and by no server; wait until it is done");
    return kExitServerError;
  }
  if (::kill(holder->pid, SIGTERM) != 0) {
    complain(fmt::format("cannot signal pid {}", holder->pid));
    return kExitServerError;
  }
  if (!wait_until_free(flags.data, flags.wait_s)) {
    complain(fmt::format("pid {} is still draining after {} s", holder->pid, flags.wait_s));
    return kExitTryLater;
  }
  if (common.is_json) {
    say(nlohmann::json{{"stopped", holder->pid}}.dump() + "\n");
  } else if (!common.is_quiet) {
    say(fmt::format("stopped pid {}\n", holder->pid));
  }
  return kExitOk;
}

int run_status(const Common& common, const ControlFlags& flags) {
  if (common.has_address_flag) return refuse_address("status");
  const auto holder = find_holder(flags.data);
  if (!holder) {
    return no_server(flags, fmt::format("`kv start --data {}` starts one, --data DIR looks at "
                                        "another directory",
                                        flags.data));
  }
  if (flags.is_pid_only) {
    say(fmt::format("{}\n", holder->pid));
  } else if (common.is_json) {
    say(nlohmann::ordered_json{
            {"pid", holder->pid}, {"address", holder->address}, {"since", holder->since}}
            .dump() +
        "\n");
  } else {
    say(fmt::format("running: pid {}, {}, since {}, data {}\n", holder->pid, holder->address,
                    holder->since, flags.data));
  }
  return kExitOk;
}

}  // namespace

void add_control(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<ControlFlags>();
  CLI::App* stop = app.add_subcommand("stop", "stop the server of a data directory");
  const CLI::Option* stopped = add_data_option(*stop, flags->data, "directory of the database");
  stop->add_option("--wait-s", flags->wait_s, "how long to wait for it")->capture_default_str();
  stop->callback([=, &common, &run] {
    refuse_empty_variable(*stopped);
    run = [=, &common] { return run_stop(common, *flags); };
  });
  CLI::App* status =
      app.add_subcommand("status", "tell whether a server has a data directory open");
  const CLI::Option* looked_at = add_data_option(*status, flags->data, "directory of the database");
  status->add_flag("--pid", flags->is_pid_only, "print the pid alone");
  status->callback([=, &common, &run] {
    refuse_empty_variable(*looked_at);
    run = [=, &common] { return run_status(common, *flags); };
  });
}

}  // namespace kv::cli
