#include "client/conformance.h"

#include "client/socket.h"

namespace kv::client {

namespace {

using protocol::VectorCase;

constexpr std::size_t kReadSize = 64 * 1024;

// One case on its connection.
class Run {
 public:
  Run(const VectorCase& vector, Socket socket, std::chrono::milliseconds timeout)
      : vector_(vector), socket_(std::move(socket)), timeout_(timeout) {}

  std::optional<std::string> run(Sending sending) {
    const bool is_open = vector_.then == VectorCase::Then::kOpen;
    const std::string probe(is_open ? protocol::kProbe : "");
    send(vector_.sent + probe, sending);
    if (vector_.ends_input) socket_.end_sending();
    while (!fault_ && !(is_open && received_.ends_with(protocol::kProbeReply))) read();
    return is_open ? judge_open() : judge_closed();
  }

 private:
  Socket::Clock::time_point deadline() const { return Socket::Clock::now() + timeout_; }
  void send(std::string_view bytes, Sending sending);
  void read();
  std::optional<std::string> judge_open();
  std::optional<std::string> judge_closed() const;

  const VectorCase& vector_;
  Socket socket_;
  const std::chrono::milliseconds timeout_;
  std::string received_;
  std::optional<Error> fault_;  // what ended the reading
};

// Stops early when the server takes no more; what it said is read all the same.
void Run::send(std::string_view bytes, Sending sending) {
  while (!bytes.empty() && !fault_) {
    const std::string_view piece = sending == Sending::kWhole ? bytes : bytes.substr(0, 1);
    const auto sent = socket_.write_some(piece, deadline(), Socket::Input::kStops);
    if (!sent) return;
    if (*sent == 0) read();
    bytes.remove_prefix(*sent);
  }
}

void Run::read() {
  const std::size_t before = received_.size();
  received_.resize(before + kReadSize);
  auto got = socket_.read_some(received_.data() + before, kReadSize, deadline());
  received_.resize(before + got.value_or(0));
  if (!got) fault_ = std::move(got).error();
}

std::optional<std::string> Run::judge_open() {
  if (!fault_) {
    received_.resize(received_.size() - protocol::kProbeReply.size());
    return protocol::mismatch(vector_.expected, received_);
  }
  const std::string wrong = protocol::mismatch(vector_.expected, received_).value_or("");
  return "the connection should stay open, but " + describe(*fault_) +
         (wrong.empty() ? "" : "; " + wrong);
}

std::optional<std::string> Run::judge_closed() const {
  auto wrong = protocol::mismatch(vector_.expected, received_);
  if (fault_->code != Errc::kTimeout) return wrong;
  return "the server should have closed the connection" + (wrong ? "; " + *wrong : "");
}

}  // namespace

std::optional<std::string> run_case(const VectorCase& vector, const std::string& address,
                                    Sending sending, std::chrono::milliseconds timeout) {
  auto socket = Socket::connect(address, timeout);
  if (!socket) return describe(socket.error());
  return Run(vector, std::move(*socket), timeout).run(sending);
}

}  // namespace kv::client
