// One generator for servers of several protocols: some connections in one epoll loop, each sending
// a batch of requests and waiting for all its replies. Checks every reply; prints a line of JSON.
//   wire_load DIALECT WORK --port P [--connections C] [--pipeline N] [--keys N] [--value-size N]
//             [--seconds S] [--seed N]
// DIALECT is resp, memcached or etcd. WORK is fill (each key once, however long it takes), get,
// get-any (values that another generator wrote: only the size is known) or put. Which keys come is
// another sequence each time, unless a seed is given: a get after a put of the same sequence would
// find in the page cache what the put left there.
#include <chrono>
#include <cstdint>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <random>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "data_set.h"
#include "dialect.h"
#include "fail.h"
#include "latencies.h"

namespace {

using namespace kv::bench;
using Clock = std::chrono::steady_clock;

struct Task {
  std::string dialect;
  std::string work;
  std::uint16_t port = 0;
  unsigned connections = 50;
  unsigned pipeline = 1;
  std::uint64_t keys = 1'000'000;
  std::size_t value_size = 100;
  double seconds = 2;
  std::uint64_t seed = std::random_device()();
  bool is_put() const { return work == "put" || work == "fill"; }
};

struct Connection {
  int descriptor = -1;
  std::string input;
  std::vector<std::uint64_t> asked;  // the keys' numbers of the batch under way
  std::size_t answered = 0;          // of those
  Clock::time_point sent;
};

class Load {
 public:
  Load(const Task& task, const Dialect& dialect, const DataSet& data)
      : task_(task),
        dialect_(dialect),
        data_(data),
        epoll_(::epoll_create1(0)),
        random_(task.seed) {
    connections_.resize(task.connections);
    for (std::size_t i = 0; i < connections_.size(); ++i) connect(i);
  }

  void run() {
    constexpr int kEventsMax = 128;
    epoll_event events[kEventsMax];
    start_ = Clock::now();
    for (Connection& connection : connections_) send_batch(connection);
    while (batches_ > 0) {
      const int count = ::epoll_wait(epoll_, events, kEventsMax, -1);
      for (int i = 0; i < count; ++i) receive(connections_[events[i].data.u64]);
    }
    seconds_ = std::chrono::duration<double>(Clock::now() - start_).count();
  }

  void print() {
    fmt::print(
        R"({{"work": "{}", "seed": {}, "operations": {}, "per_second": {:.1f}, "p50_us": {:.1f}, "p99_us": {:.1f}, "p999_us": {:.1f}}})"
        "\n",
        task_.work, task_.seed, answers_, static_cast<double>(answers_) / seconds_,
        latencies_.at(0.5), latencies_.at(0.99), latencies_.at(0.999));
  }

 private:
  void connect(std::size_t number) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(task_.port);
    const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
    if (::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      fail("cannot connect");
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = number;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event);
    connections_[number].descriptor = descriptor;
  }

  bool is_over() const {
    if (task_.work == "fill") return filled_ == task_.keys;
    return std::chrono::duration<double>(Clock::now() - start_).count() >= task_.seconds;
  }

  void send_batch(Connection& connection) {
    connection.asked.clear();
    connection.answered = 0;
    if (is_over()) return;
    output_.clear();
    for (unsigned i = 0; i < task_.pipeline; ++i) {
      if (task_.work == "fill" && filled_ == task_.keys) break;
      const std::uint64_t number = task_.work == "fill" ? filled_++ : random_.below(task_.keys);
      connection.asked.push_back(number);
      if (task_.is_put()) {
        dialect_.add_put(Key(number), data_.value(number), output_);
      } else {
        dialect_.add_get(Key(number), output_);
      }
    }
    connection.sent = Clock::now();
    ++batches_;
    const ssize_t sent =
        ::send(connection.descriptor, output_.data(), output_.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(output_.size())) fail("a request could not be sent");
  }

  void receive(Connection& connection) {
    char chunk[64 * 1024];
    const ssize_t size = ::recv(connection.descriptor, chunk, sizeof chunk, 0);
    if (size <= 0) fail("the server closed a connection");
    connection.input.append(chunk, static_cast<std::size_t>(size));
    std::size_t at = 0;
    while (connection.answered < connection.asked.size()) {
      const auto reply = dialect_.parse(std::string_view(connection.input).substr(at), value_);
      if (reply.size == 0) break;
      at += reply.size;
      check(reply, connection.asked[connection.answered++]);
      ++answers_;
    }
    connection.input.erase(0, at);
    if (connection.answered < connection.asked.size()) return;
    if (!connection.input.empty()) fail("a reply to nothing");
    latencies_.add(Clock::now() - connection.sent);
    --batches_;
    send_batch(connection);
  }

  void check(const Dialect::Reply& reply, std::uint64_t number) const {
    const auto wanted = task_.is_put() ? Dialect::Kind::kStored : Dialect::Kind::kValue;
    if (reply.kind != wanted) fail("wrong kind of reply for " + std::string(Key(number)));
    if (task_.work == "get") data_.check(number, value_);
    if (task_.work == "get-any" && value_.size() != task_.value_size)
      fail("a value of the wrong size for " + std::string(Key(number)));
  }

  const Task& task_;
  const Dialect& dialect_;
  const DataSet& data_;
  int epoll_;
  std::vector<Connection> connections_;
  std::uint64_t filled_ = 0;  // keys that fill has sent
  std::size_t batches_ = 0;   // under way
  std::uint64_t answers_ = 0;
  Random random_;
  std::string output_;
  std::string value_;
  Latencies latencies_;  // of batches
  Clock::time_point start_;
  double seconds_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Task task;
  CLI::App app("drives one server");
  app.add_option("dialect", task.dialect)
      ->required()
      ->check(CLI::IsMember({"resp", "memcached", "etcd"}));
  app.add_option("work", task.work)
      ->required()
      ->check(CLI::IsMember({"fill", "get", "get-any", "put"}));
  app.add_option("--port", task.port)->required();
  app.add_option("--connections", task.connections);
  app.add_option("--pipeline", task.pipeline);
  app.add_option("--keys", task.keys);
  app.add_option("--value-size", task.value_size);
  app.add_option("--seconds", task.seconds);
  app.add_option("--seed", task.seed);
  CLI11_PARSE(app, argc, argv);

  const auto dialect = task.dialect == "resp"        ? resp_dialect()
                       : task.dialect == "memcached" ? memcached_dialect()
                                                     : etcd_dialect();
  const DataSet data(task.keys, task.value_size);
  Load load(task, *dialect, data);
  load.run();
  load.print();
}
