#include "cli/shell.h"

#include <algorithm>

#include "cli/escape.h"
#include "cli/quantity.h"
#include "cli/shell_grammar.h"
#include "cli/write_ack.h"

namespace kv::cli {

namespace {

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

// What BPUT takes in front of its pairs, whether the value is right or not.
bool is_write_level(const Word& word) {
  const auto option = option_of(word);
  return option && (option->first == "sync" || option->first == "ack");
}

}  // namespace

std::vector<std::string> Shell::completions(std::string_view line) {
  std::vector<std::string> out;
  const std::size_t first_end = line.find(' ');
  const std::string verb = upper(std::string(line.substr(0, first_end)));
  const std::string_view word = line.substr(line.find_last_of(' ') + 1);
  for (const VerbOptions& one : verbs()) {
    if (first_end == std::string_view::npos) {
      if (std::string_view(one.verb).starts_with(verb)) out.emplace_back(one.verb);
    } else if (one.verb == verb) {
      for (const char* option : one.options) {
        if (std::string_view(option).starts_with(word)) out.emplace_back(option);
      }
    }
  }
  return out;
}

Result<Client*> Shell::client() {
  if (!client_) {
    auto connected = connect(common_);
    if (!connected) return tl::unexpected(std::move(connected).error());
    client_ = std::move(*connected);
  }
  return &*client_;
}

Result<void> Shell::reach() {
  auto connected = client();
  if (!connected) return tl::unexpected(std::move(connected).error());
  return {};
}

Shell::Outcome Shell::failed(const Error& error) {
  return {"", describe(error), exit_code_of(error), false};
}

Shell::Outcome Shell::usage(std::string_view text) {
  return {"", fmt::format("usage: {}", text), kExitUsage, false};
}

Shell::Outcome Shell::written(const std::string& fields, Version version) {
  const auto epoch = client_->local_ack_epoch();
  if (!epoch) return {fmt::format("OK {}", fields), "", kExitOk, false};
  return {
      fmt::format("OK {} ack=local epoch={}\n{}", fields, *epoch, local_ack_text(version, *epoch)),
      "", kExitOk, false};
}

Shell::Outcome Shell::run(std::string_view line) {
  const auto words = split_words(line);
  if (!words)
    return {"", "a quote that does not end, or an escape that is none; try HELP", kExitUsage,
            false};
  if (words->empty()) return {};
  return carry_out(upper(words->front().text), {words->begin() + 1, words->end()});
}

Shell::Outcome Shell::carry_out(const std::string& verb, const Words& words) {
  if (verb == "HELP") return {std::string(shell_help()), "", kExitOk, false};
  if (verb == "QUIT" || verb == "EXIT") return {"", "", kExitOk, true};
  if (verb == "PUT") return put(words);
  if (verb == "GET") return get(words);
  if (verb == "DEL") return del(words);
  if (verb == "BPUT") return bput(words);
  if (verb == "RANGE" || verb == "PREFIX") return range(words, verb == "PREFIX");
  if (verb == "STATS" || verb == "PING") return ask_server(verb, words);
  if (verb == "WAIT") return wait(words);
  if (verb == "MERGE") return merge(words);
  if (verb == "INSPECT") return inspect(words);
  if (verb == "CLUSTER") return cluster(words);
  return {"", fmt::format("unknown verb {}; HELP lists them", shown(verb)), kExitUsage, false};
}

Shell::Outcome Shell::ask_server(const std::string& verb, const Words& words) {
  if (words.size() > (verb == "STATS" ? 1 : 0)) {
    return usage(verb == "STATS" ? "STATS [section]" : verb);
  }
  auto connected = client();
  if (!connected) return failed(connected.error());
  Client& to = **connected;
  if (verb == "PING") {
    auto answered = to.ping();
    return answered ? Outcome{"OK", "", kExitOk, false} : failed(answered.error());
  }
  auto text = to.stats("text", words.empty() ? "" : words[0].text);
  return text ? Outcome{*text, "", kExitOk, false} : failed(text.error());
}

Shell::Outcome Shell::merge(const Words& words) {
  constexpr const char* kUsage = "MERGE [rate=BYTES], MERGE pause|resume|stop";
  MergeRequest request;
  for (const Word& word : words) {
    const bool is_alone = words.size() == 1;
    if (is_alone && word.text == "pause") {
      request.action = MergeRequest::Action::kPause;
    } else if (is_alone && word.text == "resume") {
      request.action = MergeRequest::Action::kResume;
    } else if (is_alone && word.text == "stop") {
      request.action = MergeRequest::Action::kStop;
    } else if (const auto rate = word.text.starts_with("rate=") ? parse_size(word.text.substr(5))
                                                                : std::nullopt) {
      request.rate_max = *rate;
    } else {
      return usage(kUsage);
    }
  }
  auto connected = client();
  if (!connected) return failed(connected.error());
  auto text = (*connected)->merge(request);
  return text ? Outcome{*text, "", kExitOk, false} : failed(text.error());
}

Shell::Outcome Shell::inspect(const Words& words) {
  if (words.size() != 1) return usage("INSPECT key");
  auto connected = client();
  if (!connected) return failed(connected.error());
  auto text = (*connected)->inspect(words[0].text);
  return text ? Outcome{*text, "", kExitOk, false} : failed(text.error());
}

Shell::Outcome Shell::cluster(const Words& words) {
  const bool is_transfer = !words.empty() && words[0].text == "transfer";
  const auto node = words.size() == 2 ? number_of(words[1].text) : 0;
  if (words.size() > 2 || is_transfer == words.empty() || !node) {
    return usage("CLUSTER [transfer [NODE]]");
  }
  auto connected = client();
  if (!connected) return failed(connected.error());
  if (is_transfer) {
    auto begun = (*connected)->transfer(*node);
    return begun ? Outcome{"transfer: begun", "", kExitOk, false} : failed(begun.error());
  }
  auto text = (*connected)->stats("text", "replication");
  return text ? Outcome{*text, "", kExitOk, false} : failed(text.error());
}

Shell::Outcome Shell::put(const Words& words) {
  constexpr const char* kUsage =
      "PUT key value [if=absent|present|VERSION] [sync=none|interval|disk] [ack=majority|local]";
  if (words.size() < 2) return usage(kUsage);
  WriteOptions options;
  for (std::size_t i = 2; i < words.size(); ++i) {
    const auto option = option_of(words[i]);
    if (!option || !take_write_option(*option, options)) return usage(kUsage);
  }
  auto connected = client();
  if (!connected) return failed(connected.error());
  auto version = (*connected)->put(words[0].text, words[1].text, options);
  if (!version) return failed(version.error());
  return written(fmt::format("ver={}", *version), *version);
}

Shell::Outcome Shell::get(const Words& words) {
  constexpr const char* kUsage = "GET key [max_stale_ms=N] [min_ver=N [timeout_ms=1000]]";
  if (words.empty()) return usage(kUsage);
  ReadOptions level;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto option = option_of(words[i]);
    const auto number = option ? number_of(option->second) : std::nullopt;
    if (!number || !take_level_option(option->first, *number, level)) return usage(kUsage);
  }
  auto connected = client();
  if (!connected) return failed(connected.error());
  auto value = (*connected)->get(words[0].text, level);
  if (!value) return failed(value.error());
  if (!*value) return {"NOT_FOUND", "", kExitNotFound, false};
  return {shown((*value)->bytes), "", kExitOk, false};
}

Shell::Outcome Shell::wait(const Words& words) {
  constexpr const char* kUsage = "WAIT [ver=N [epoch=E]] [timeout_ms=1000]";
  Version version = 0;
  std::uint64_t epoch = 0;
  std::uint64_t patience_ms = 1000;
  for (const Word& word : words) {
    const auto option = option_of(word);
    const auto number = option ? number_of(option->second) : std::nullopt;
    if (!number || *number == 0) return usage(kUsage);
    if (option->first == "ver") {
      version = *number;
    } else if (option->first == "epoch") {
      epoch = *number;
    } else if (option->first == "timeout_ms") {
      patience_ms = *number;
    } else {
      return usage(kUsage);
    }
  }
  if (epoch > 0 && version == 0) return usage(kUsage);
  auto connected = client();
  if (!connected) return failed(connected.error());
  auto reached = (*connected)
                     ->wait(version, std::chrono::milliseconds(patience_ms),
                            epoch > 0 ? std::optional(epoch) : std::nullopt);
  if (!reached) return failed(reached.error());
  return {fmt::format("OK ver={}", *reached), "", kExitOk, false};
}

Shell::Outcome Shell::del(const Words& words) {
  WriteOptions options;
  constexpr const char* kUsage =
      "DEL key [if=VERSION] [sync=none|interval|disk] [ack=majority|local]";
  if (words.empty()) return usage(kUsage);
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto option = option_of(words[i]);
    if (!option || !take_write_option(*option, options)) return usage(kUsage);
  }
  auto connected = client();
  if (!connected) return failed(connected.error());
  auto version = (*connected)->del(words[0].text, options);
  if (!version) return failed(version.error());
  if (!*version) return {"NOT_FOUND", "", kExitNotFound, false};
  return written(fmt::format("ver={}", **version), **version);
}

Shell::Outcome Shell::bput(const Words& words) {
  constexpr const char* kUsage =
      "BPUT [sync=none|interval|disk] [ack=majority|local] key value [key value ...]; a key that "
      "reads like an option stands in quotes";
  WriteOptions options;
  std::size_t first = 0;  // behind the options
  for (; first < words.size() && is_write_level(words[first]); ++first) {
    if (!take_write_option(*option_of(words[first]), options)) return usage(kUsage);
  }
  const std::size_t count = words.size() - first;
  if (count == 0 || count % 2 != 0) return usage(kUsage);
  Batch batch;
  for (std::size_t i = first; i < words.size(); i += 2) {
    // Of an option at the wrong place nobody would learn that it did not count.
    if (is_write_level(words[i])) return usage(kUsage);
    batch.put(words[i].text, words[i + 1].text);
  }
  auto connected = client();
  if (!connected) return failed(connected.error());
  auto version = (*connected)->write(batch, options);
  if (!version) return failed(version.error());
  return written(fmt::format("count={} ver={}", count / 2, *version), *version);
}

Shell::Outcome Shell::range(const Words& words, bool is_prefix) {
  const char* const help = is_prefix ? "PREFIX prefix [limit=20] [rev=1] [keys=1]"
                                     : "RANGE [start [end]] [limit=20] [rev=1] [keys=1]";
  RangeOptions options;
  options.limit = 20;
  ReadOptions level;
  std::vector<std::string> bounds;
  for (const Word& word : words) {
    const auto option = option_of(word);
    if (!option) {
      bounds.push_back(word.text);
      continue;
    }
    const auto number = number_of(option->second);
    if (!number || (!take_range_option(option->first, *number, options) &&
                    !take_level_option(option->first, *number, level))) {
      return usage(help);
    }
  }
  if (is_prefix ? bounds.size() != 1 : bounds.size() > 2) return usage(help);
  if (is_prefix) {
    const RangeOptions range = prefix_range(bounds[0]);
    options.start = range.start;
    options.end = range.end;
  } else {
    if (!bounds.empty()) options.start = bounds[0];
    if (bounds.size() > 1) options.end = bounds[1];
  }
  auto connected = client();
  if (!connected) return failed(connected.error());
  Outcome out;
  auto count = (*connected)
                   ->range(
                       options,
                       [&](Item& item) {
                         out.text += options.is_keys_only ? shown(item.key) + "\n"
                                                          : fmt::format("{}\t{}\n", shown(item.key),
                                                                        shown(item.value));
                         return true;
                       },
                       level);
  if (!count) return failed(count.error());
  out.text += fmt::format("({} key{}{})", *count, *count == 1 ? "" : "s",
                          *count == options.limit ? ", there may be more: limit=" : "");
  return out;
}

}  // namespace kv::cli
