#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/judge.h"
#include "kv/result.h"

namespace kv::bench {

// One client: a socket that never blocks, what is to be sent on it, what came, and the requests
// that wait for their answers, in order. Its buffers grow to what the run needs and are used again.
// One thread at a time.
class LoadConnection {
 public:
  // `address` is HOST:PORT. kInvalidArgument, kUnavailable, kTimeout.
  static Result<LoadConnection> open(const std::string& address, std::chrono::milliseconds timeout);
  LoadConnection(LoadConnection&& other) noexcept;
  LoadConnection& operator=(LoadConnection&&) = delete;
  ~LoadConnection();

  // Gives up what is under way on it.
  void close();
  bool is_open() const { return fd_ >= 0; }
  // Connects again, there; as open().
  [[nodiscard]] Result<void> reopen(const std::string& address, std::chrono::milliseconds timeout);

  int fd() const { return fd_; }

  // Requests are appended here, then sent as far as there is room. kUnavailable.
  std::string& output() { return output_; }
  [[nodiscard]] Result<void> send();
  bool is_sending() const { return !output_.empty(); }

  // Reads what is there, if anything. kUnavailable: also when the other side has closed.
  [[nodiscard]] Result<void> receive();
  std::string_view input() const { return {input_.data() + begin_, end_ - begin_}; }
  void consume(std::size_t size) { begin_ += size; }

  // Room for `requests` at a time; only while none are pending.
  void set_depth(std::size_t requests);
  std::size_t pending() const { return count_; }
  bool is_full() const { return count_ == pending_.size(); }
  Pending& oldest() { return pending_[first_]; }
  void push(const Pending& request);
  void pop();

  // When something came last, or was asked for with nothing else pending.
  Clock::time_point heard_at;

 private:
  LoadConnection(int fd, std::string address);
  Error broken(int number) const;

  int fd_;
  std::string address_;
  std::string output_;
  std::size_t sent_ = 0;  // of output_
  // Bytes that came and were not taken yet: [begin_, end_) of input_.
  std::vector<char> input_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  // A ring: count_ requests from first_ on.
  std::vector<Pending> pending_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

}  // namespace kv::bench
