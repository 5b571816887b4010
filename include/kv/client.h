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
  // HOST:PORT, an IPv6 host in brackets; of a cluster better several of its servers,
  // "a:7400,b:7400".
  std::string address = "127.0.0.1:7400";
  std::chrono::milliseconds connect_timeout{5000};
  // The longest silence while a request is sent or its reply awaited. A large value on a slow line
  // takes as long as it takes.
  std::chrono::milliseconds timeout{5000};
  // How long, from the first failure on, a call looks for a server of a cluster that carries it
  // out. A try that has begun then is not cut short. 0: not at all.
  std::chrono::milliseconds retry_for{10'000};
  // Writes, but those of a pipeline, are requests of a session: one whose outcome is not known is
  // sent again, under the same number, until there is an answer or retry_for is over, and whatever
  // comes of its copies, it is carried out once. Such a write waits for the majority of a cluster.
  bool has_session = false;
};

// How new has to be what a read of a member of a cluster tells; at most one of the two. Neither: it
// is linearizable, it sees all that was acknowledged before.
struct ReadOptions {
  std::chrono::milliseconds stale_max{0};  // it sees all that was acknowledged so long ago; 0: not
  Version min_version = 0;                 // it sees all up to this version; 0: not
  std::chrono::milliseconds patience{1000};  // how long to wait for that; 1 ms .. 10 s
};

// What the server is to do about merges; see Store::merge, pause_merges and the like.
struct MergeRequest {
  enum class Action { kNow, kPause, kResume, kStop };
  Action action = Action::kNow;
  bool waits = false;  // kNow: until it is done, which ClientOptions::timeout must allow for
  std::uint64_t rate_max = 0;  // kNow: bytes a second; 0: no limit
};

// The ERR a server answered, taken apart; the Errc of the call is what most callers need.
struct ServerError {
  std::string code;    // e.g. "TRY_LATER"; switch on this, never on the text
  bool maybe_applied;  // the outcome is unknown
  std::string fields;  // "retry_ms=25 reason=queue"
  std::string text;
};

// A connection to a server, or to the one of a cluster that leads. Blocking calls, and a pipeline
// for many at once. One thread at a time, which need not be the same.
//
// A fault of the connection closes it, and the next call connects again; a connection that the
// server closed between two calls is replaced without a word. A call that got no reply fails with
// kUnavailable or kTimeout when the server has certainly not carried it out, and with
// kUnknownOutcome when it was a write that had left in full: whether it was applied only the
// server knows, and such a write is never sent again, unless it is a session's (see
// ClientOptions::has_session). kProtocol: the other side is no kv server.
// What the server refuses comes as the Errc that an embedded store would give (kConflict,
// kTryLater, kCorruption ...), the rest as kServer.
//
// A cluster: a server that does not lead refuses a request without any effect and names the one
// that does, which the request goes to then; one that names nobody, as during an election, makes
// the client ask the others it knows, and after each round of them wait a little longer. What a
// server says of an epoch before the newest one it was told of is ignored. With several servers
// known, because several were given or leaders were named, the same holds for one that cannot be
// reached or is stopping; one that is busy is asked again; a read that got no reply goes to
// another one. A call fails when retry_for is over: kNotLeader if no leader was found, and the text
// tells what each server said. stats(), merge(), inspect(), verify(), backup(), hello(), help() and
// ping() are about the server that answers, and are not repeated elsewhere once they were sent.
class Client {
 public:
  [[nodiscard]] static Result<Client> connect(const ClientOptions& options = {});
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  [[nodiscard]] Result<Version> put(std::string_view key, std::string_view value,
                                    const WriteOptions& options = {});
  // nullopt: there is no such key; the same in del().
  [[nodiscard]] Result<std::optional<Value>> get(std::string_view key,
                                                 const ReadOptions& level = {});
  [[nodiscard]] Result<std::optional<Version>> del(std::string_view key,
                                                   const WriteOptions& options = {});
  // Puts only, as BPUT carries: all of them or none.
  [[nodiscard]] Result<Version> write(const Batch& batch, const WriteOptions& options = {});

  // Calls `visit` for each item as it arrives, asking for further pages until the range or its
  // limit ends; `visit` returns false to stop. Returns the number of items. Memory stays bounded by
  // one item. Each page is a snapshot of its own, and one that breaks off with its server goes on
  // from another as a page more. `visit` does not call the client.
  [[nodiscard]] Result<std::uint64_t> range(const RangeOptions& options,
                                            const std::function<bool(Item&)>& visit,
                                            const ReadOptions& level = {});
  // Of the last put(), del() or write(): a leader acknowledged it that only has it on its own disk,
  // in this epoch, and it can be lost with that (WriteOptions::ack). nullopt: it was not so.
  std::optional<std::uint64_t> local_ack_epoch() const;
  // Waits until the server has everything up to that version, and returns up to which it has: what
  // to ask another server for, that must not tell older things. kTryLater: it did not get so far.
  // `epoch`, of local_ack_epoch(): the version has to be that write; kConflict, it was lost.
  [[nodiscard]] Result<Version> wait(
      Version version = 0, std::chrono::milliseconds patience = std::chrono::milliseconds(1000),
      std::optional<std::uint64_t> epoch = {});
  [[nodiscard]] Result<std::string> stats(std::string_view format = "text",
                                          std::string_view section = "");
  [[nodiscard]] Result<std::string> hello();  // the reply's fields, "v=1 server=kv/0.1.0 ..."
  [[nodiscard]] Result<std::string> help();
  [[nodiscard]] Result<std::string> merge(const MergeRequest& request = {});
  // Has the server, which leads its cluster, begin to hand that to another member; 0: to the one
  // that has most of the log. That it began is no promise: stats() of the members tells who leads.
  [[nodiscard]] Result<void> transfer(std::uint64_t node_id = 0);
  // Has the server, which leads its cluster, begin to make a node a member, or have it be none any
  // more; stats() tells when that is committed. `node_uuid`: of its disk, 32 hex digits, as its own
  // stats() say. kTryLater: an earlier change is under way. `is_forced`: see protocol/README.md.
  [[nodiscard]] Result<void> add_member(std::uint64_t node_id, std::string_view node_uuid,
                                        std::string_view peer_address,
                                        std::string_view client_address);
  [[nodiscard]] Result<void> remove_member(std::uint64_t node_id, bool is_forced = false);
  // Has the server ask the other members for their votes at once. They give none while they hear a
  // leader.
  [[nodiscard]] Result<void> campaign();
  // Asks the one that leads to have all members compare what they hold; a member that holds
  // something else than the majority begins anew. The version as of which they do: statistics tell
  // when it was done.
  [[nodiscard]] Result<Version> compare();
  // Where the key lives on the server's disk; `format` is "text" or "json".
  [[nodiscard]] Result<std::string> inspect(std::string_view key, std::string_view format = "text");
  // Every byte of the data on the server's disk, and the backup in a directory of the server's
  // machine, as Store::verify and Store::backup; ClientOptions::timeout must allow for either.
  [[nodiscard]] Result<std::string> verify(std::uint64_t rate_max = 0,
                                           std::string_view format = "text");
  [[nodiscard]] Result<std::string> backup(std::string_view directory, bool may_link = true,
                                           std::uint64_t rate_max = 0,
                                           std::string_view format = "text");
  [[nodiscard]] Result<void> ping();

  // Finds the server that leads, which the next call goes to, and returns its address; a server
  // alone leads.
  [[nodiscard]] Result<std::string> leader();
  // The server that the next call goes to.
  const std::string& address() const;

  // Pipelining: requests are queued, sent in few writes, and answered in order by drain().
  class Pipeline;
  Pipeline pipeline();

  // Of the call or drain() made last, if the server refused something in it.
  const std::optional<ServerError>& last_server_error() const;

  struct State;  // the implementation's own

 private:
  explicit Client(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Requests that wait for drain(), as the bytes that will be sent. Outlived by its client, which
// must not be moved meanwhile.
class Client::Pipeline {
 public:
  void put(std::string_view key, std::string_view value, const WriteOptions& options = {});
  void get(std::string_view key);
  void del(std::string_view key, const WriteOptions& options = {});
  [[nodiscard]] Result<void> write(const Batch& batch, const WriteOptions& options = {});
  std::size_t size_bytes() const { return bytes_.size(); }

  struct Reply {
    Version version = 0;
    std::optional<std::string> value;              // of a GET that found its key
    std::string fields;                            // of an OK, as they stand
    std::optional<std::uint64_t> local_ack_epoch;  // of a write; see Client::local_ack_epoch()
    bool was_found = true;
  };
  // Sends what is queued and returns one entry per request, in order. Replies are read while
  // requests are still being sent, so that no number of them makes both sides wait for each other;
  // a fault fails the requests that have no reply yet, each as its own call would. A server of a
  // cluster that carries out none of the requests is like one that does not carry out a call: all
  // of them go to another one, in their order. But when it has, or may have, carried out some,
  // those that it refused are not sent again behind them: that is the caller's choice, and the next
  // call goes to the leader.
  [[nodiscard]] std::vector<Result<Reply>> drain();

 private:
  friend class Client;
  struct Request {
    std::size_t end;  // in bytes_
    bool is_write;
  };
  struct Try;
  explicit Pipeline(Client& client);
  Try try_once(std::string_view bytes, const std::vector<Request>& requests);

  Client& client_;
  std::string bytes_;
  std::vector<Request> requests_;
};

}  // namespace kv
