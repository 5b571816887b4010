#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/batch.h"
#include "kv/options.h"
#include "kv/result.h"
#include "kv/store.h"
#include "kv/version.h"

namespace kv {

struct ClientOptions {
  std::string address = "127.0.0.1:7400";  // HOST:PORT
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds timeout{5000};  // of one request, from its first byte to its last
};

// The ERR a server answered (Errc::kServer and friends), taken apart.
struct ServerError {
  std::string code;    // e.g. "TRY_LATER"; switch on this, never on the text
  bool maybe_applied;  // the outcome is unknown
  std::string fields;  // "retry_ms=25 reason=queue"
  std::string text;
};

// A connection to one server. Blocking calls, and a pipeline for many at once. One thread at a
// time. A call that fails for the connection's sake (kUnavailable, kTimeout, kUnknownOutcome)
// closes it; the next call connects again.
class Client {
 public:
  [[nodiscard]] static Result<Client> connect(const ClientOptions& options = {});
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  [[nodiscard]] Result<Version> put(std::string_view key, std::string_view value,
                                    const WriteOptions& options = {});
  [[nodiscard]] Result<std::optional<Value>> get(std::string_view key);
  [[nodiscard]] Result<std::optional<Version>> del(std::string_view key,
                                                   const WriteOptions& options = {});
  // Puts only, as BPUT carries.
  [[nodiscard]] Result<Version> write(const Batch& batch, const WriteOptions& options = {});

  // Calls `visit` for each item as it arrives, asking for further pages until the range or its
  // limit ends; `visit` returns false to stop. Memory stays bounded by one item.
  [[nodiscard]] Result<std::uint64_t> range(const RangeOptions& options,
                                            const std::function<bool(Item&)>& visit);
  [[nodiscard]] Result<std::string> stats(std::string_view format = "text",
                                          std::string_view section = "");
  [[nodiscard]] Result<std::string> hello();  // the reply's fields, "v=1 server=kv/0.1.0 ..."
  [[nodiscard]] Result<std::string> help();
  [[nodiscard]] Result<void> ping();

  // Pipelining: requests are queued, sent in few writes, and answered in order by drain().
  class Pipeline;
  Pipeline pipeline();

  const std::optional<ServerError>& last_server_error() const;

 private:
  struct State;
  explicit Client(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Outlived by its client. Do not mix with the client's own calls before drain().
class Client::Pipeline {
 public:
  void put(std::string_view key, std::string_view value, const WriteOptions& options = {});
  void get(std::string_view key);
  void del(std::string_view key);
  void write(const Batch& batch, const WriteOptions& options = {});
  struct Reply {
    Version version = 0;
    std::optional<std::string> value;  // of a GET that found its key
    bool was_found = true;
  };
  // Sends what is queued and returns one entry per request, in order.
  [[nodiscard]] std::vector<Result<Reply>> drain();

 private:
  friend class Client;
  explicit Pipeline(Client& client);
  Client& client_;
};

}  // namespace kv
