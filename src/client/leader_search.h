#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "client/known_servers.h"
#include "kv/result.h"

namespace kv::client {

// Where a request goes that its server has not carried out: to the leader that server names, or on
// to the next one known. When all have been asked there is a wait, which grows and has a random
// part, so that clients which lost the same leader do not come back all at once. No I/O, and the
// time is passed in. One for each request; one thread.
class LeaderSearch {
 public:
  using Clock = std::chrono::steady_clock;
  using Milliseconds = std::chrono::milliseconds;
  using Random = std::minstd_rand;

  // The leaders that are followed between two waits.
  static constexpr int kHopsMax = 4;
  static constexpr Milliseconds kWaitFirst{25};
  static constexpr Milliseconds kWaitMax{500};  // without its random part, up to half as much

  // `retry_for` is the time from the first failure on; 0: none is followed by another try.
  LeaderSearch(KnownServers& servers, Milliseconds retry_for, Random& random)
      : servers_(servers), retry_for_(retry_for), random_(random) {}

  // Why the current server has not carried the request out.
  struct Failure {
    enum class Kind {
      kNotLeader,
      kGone,  // it cannot be reached, or does not serve now
      kBusy,  // it will later: no other one is asked
    };
    Kind kind;
    std::string text;              // for people; names the server
    std::string_view leader = {};  // kNotLeader: HOST:PORT; anything else is none
    std::uint64_t epoch = 0;       // kNotLeader: in which that leads
    Milliseconds wait{0};          // that the server asked for; 0: nothing
  };
  // How long to wait before the server asks servers.current(), which is another one by then where
  // that helps. nullopt: the time is over.
  std::optional<Milliseconds> after(const Failure& failure, Clock::time_point now);

  // What the request has come to, once the time is over; `last` is the error of its last try.
  Error give_up(Error last) const;

  // The request has got on, and what fails from now on is a story of its own.
  void start_over();

 private:
  struct Asked {
    std::string address;
    std::string answer;         // the last one
    bool is_no_leader = false;  // so the answer said
    bool is_gone = false;       // Failure::Kind::kGone
    bool is_recent = false;     // asked since the last wait
  };
  void remember(const Failure& failure);
  bool was_asked(std::string_view address) const;  // since the last wait
  bool follow(const Failure& failure);
  bool go_on();
  Milliseconds next_wait();
  void note_leader(const Failure& failure);
  const Asked* hidden_leader() const;

  KnownServers& servers_;
  const Milliseconds retry_for_;
  Random& random_;
  std::optional<Clock::time_point> end_;
  std::vector<Asked> asked_;
  // Who leads by the newest word; empty: nobody is known to.
  std::string leader_;
  std::uint64_t leader_epoch_ = 0;
  bool is_busy_ = false;  // the last failure
  int hops_ = 0;          // since the last wait
  int waits_ = 0;
  Milliseconds wanted_{0};  // the longest wait a server asked for since the last one
};

}  // namespace kv::client
