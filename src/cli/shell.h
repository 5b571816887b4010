#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/console.h"
#include "cli/escape.h"
#include "kv/client.h"

namespace kv::cli {

// What a line of the interactive shell does; no terminal in it. Connects when it has to, also again
// after the connection was lost.
class Shell {
 public:
  explicit Shell(const Common& common) : common_(common) {}

  struct Outcome {
    std::string text;   // for stdout, without its last line end
    std::string error;  // for stderr
    int code = kExitOk;
    bool is_end = false;
  };
  Outcome run(std::string_view line);

  // Connects now, which run() does otherwise.
  Result<void> reach();

  // The server that the next request goes to, as far as that is known.
  const std::string& address() const { return client_ ? client_->address() : common_.address; }

  // What the last word of `line` could become: verbs first, then the options of the verb.
  static std::vector<std::string> completions(std::string_view line);

 private:
  using Words = std::vector<Word>;
  Outcome carry_out(const std::string& verb, const Words& words);
  Outcome put(const Words& words);
  Outcome get(const Words& words);
  Outcome wait(const Words& words);
  Outcome del(const Words& words);
  Outcome bput(const Words& words);
  Outcome range(const Words& words, bool is_prefix);
  Outcome ask_server(const std::string& verb, const Words& words);
  Outcome merge(const Words& words);
  Outcome inspect(const Words& words);
  Outcome cluster(const Words& words);
  Result<Client*> client();
  Outcome written(const std::string& fields, Version version);
  static Outcome failed(const Error& error);
  static Outcome usage(std::string_view text);

  const Common& common_;
  std::optional<Client> client_;
};

}  // namespace kv::cli
