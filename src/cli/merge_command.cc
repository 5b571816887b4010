// merge-now, merge-pause, merge-resume, merge-stop: when the server gives space back.

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/quantity.h"

namespace kv::cli {

namespace {

using Json = nlohmann::ordered_json;
using Action = MergeRequest::Action;

struct MergeFlags {
  bool waits = false;
  std::string rate;
};

Error not_understood() {
  return {Errc::kProtocol, "the server's answer to MERGE makes no sense", {}};
}

// The number in "merge: started\nnumber: 7".
std::uint64_t number_in(const std::string& text) {
  constexpr std::string_view kName = "\nnumber: ";
  const std::size_t at = text.find(kName);
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + kName.size(), nullptr, 10);
}

Result<Json> merge_stats(const Common& common, Client& client) {
  auto text = retried(common, [&] { return client.stats("json", "merge"); });
  if (!text) return tl::unexpected(std::move(text).error());
  const Json page = Json::parse(*text, nullptr, false);
  if (!page.is_object() || !page.contains("merge")) return tl::unexpected(not_understood());
  return page["merge"];
}

std::uint64_t number_of(const Json& stats, const char* name) {
  return stats.value(name, std::uint64_t{0});
}

int report(const Common& common, const Json& stats, double seconds) {
  const std::uint64_t read = number_of(stats, "merge_last_call_read");
  const std::uint64_t written = number_of(stats, "merge_last_call_written");
  const std::uint64_t freed = read > written ? read - written : 0;
  const bool was_stopped = stats.value("merge_last_call_stopped", false);
  const std::string problem = stats.value("merge_last_call_error", "");
  if (!problem.empty()) {
    complain("the merge failed: " + problem);
    return kExitServerError;
  }
  if (common.is_json) {
    say(Json{{"segments_read", number_of(stats, "merge_last_call_segments")},
             {"bytes_read", read},
             {"bytes_written", written},
             {"bytes_freed", freed},
             {"stopped", was_stopped},
             {"seconds", seconds}}
            .dump() +
        "\n");
  } else if (!common.is_quiet) {
    say(fmt::format("{}reclaimed {} in {:.1f} s\n", was_stopped ? "stopped; " : "",
                    human_bytes(static_cast<double>(freed)), seconds));
  }
  return kExitOk;
}

// Asks how far the merge is until it has ended, and draws a bar meanwhile.
int wait_for(const Common& common, Client& client, std::uint64_t number) {
  constexpr std::chrono::milliseconds kBetween{50};
  const auto start = std::chrono::steady_clock::now();
  Progress progress(common.is_quiet);
  for (;;) {
    auto stats = merge_stats(common, client);
    if (!stats) {
      progress.clear();
      return fail(stats.error());
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    if (number_of(*stats, "merge_calls_ended") >= number) {
      progress.clear();
      return report(common, *stats, taken.count());
    }
    progress.show_merge(number_of(*stats, "merge_bytes_done"),
                        number_of(*stats, "merge_bytes_total"));
    std::this_thread::sleep_for(kBetween);
  }
}

int run_merge_now(const Common& common, const MergeFlags& flags) {
  auto client = connect_to_first(common);
  if (!client) return fail_to_connect(client.error());
  MergeRequest request;
  if (!flags.rate.empty()) request.rate_max = *parse_size(flags.rate);
  auto begun = retried(common, [&] { return client->merge(request); });
  if (!begun) return fail(begun.error());
  const std::uint64_t number = number_in(*begun);
  if (number == 0) return fail(not_understood());
  if (flags.waits) return wait_for(common, *client, number);
  const bool has_joined = begun->starts_with("merge: joined");
  if (common.is_json) {
    say(Json{{"number", number}, {"joined", has_joined}}.dump() + "\n");
  } else if (!common.is_quiet) {
    say(fmt::format("{}; `kv stats merge` tells how it goes on\n",
                    has_joined ? "a merge is under way already" : "merging"));
  }
  return kExitOk;
}

int run_action(const Common& common, Action action, const char* done) {
  auto client = connect_to_first(common);
  if (!client) return fail_to_connect(client.error());
  MergeRequest request;
  request.action = action;
  auto answer = retried(common, [&] { return client->merge(request); });
  if (!answer) return fail(answer.error());
  if (common.is_json) {
    say(Json{{"merge", done}}.dump() + "\n");
  } else if (!common.is_quiet) {
    say(fmt::format("merges {}\n", done));
  }
  return kExitOk;
}

}  // namespace

void add_merge(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<MergeFlags>();
  CLI::App* now = app.add_subcommand("merge-now", "give the space of dead records back now");
  now->add_flag("--wait", flags->waits, "return when it is done");
  now->add_option("--rate", flags->rate, "bytes a second at most, as 20MiB")
      ->check([](const std::string& text) {
        return parse_size(text).value_or(0) > 0 ? "" : text + " is no size such as 20MiB";
      });
  now->callback(
      [=, &common, &run] { run = [=, &common] { return run_merge_now(common, *flags); }; });
  const auto add = [&](const char* name, const char* help, Action action, const char* done) {
    app.add_subcommand(name, help)->callback([=, &common, &run] {
      run = [=, &common] { return run_action(common, action, done); };
    });
  };
  add("merge-pause", "have the server start no merge by itself", Action::kPause, "paused");
  add("merge-resume", "end a pause of merges", Action::kResume, "resumed");
  add("merge-stop", "end the merge that merge-now began", Action::kStop, "stopping");
}

}  // namespace kv::cli
