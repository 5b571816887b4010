#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace kv::test {

// The server's end of one connection, driven by a script.
class Talk {
 public:
  explicit Talk(int fd) : fd_(fd) {}
  ~Talk();
  Talk(const Talk&) = delete;
  Talk& operator=(const Talk&) = delete;

  // The next `size` bytes; fewer when the client ends or says nothing for ten seconds.
  std::string read(std::size_t size);
  std::string read_line();
  // All until the client closes.
  std::string read_to_end();
  void say(std::string_view bytes);
  // Each byte in a packet of its own.
  void say_bytewise(std::string_view bytes);
  void close();
  // Closes so that the client gets a reset instead of an end.
  void reset();

 private:
  int fd_;
};

// A server on a free port of the loopback that plays one script for each connection, in turn, and
// then listens no more. The scripts run in a thread; what they found is for after join().
class FakeServer {
 public:
  using Script = std::function<void(Talk&)>;
  explicit FakeServer(std::vector<Script> scripts);
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  const std::string& address() const { return address_; }
  // Waits until all scripts have been played.
  void join();

 private:
  int listener_ = -1;
  std::string address_;
  std::thread thread_;
};

// An address where nobody listens.
std::string deserted_address();

}  // namespace kv::test
