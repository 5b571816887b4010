#include "etcd/http_answer.h"

#include <ostream>
#include <string>

#include <doctest/doctest.h>

using kv::etcd::HttpAnswer;
using State = HttpAnswer::State;

namespace {

const std::string kSized =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-LENGTH:  5 \r\n\r\n{\"a\"}";
const std::string kChunked =
    "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\nTrailer: Grpc-Status\r\n\r\n"
    "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nGrpc-Status: 5\r\n\r\n";

State take_all(HttpAnswer& answer, const std::string& bytes, std::size_t step) {
  State state = State::kOpen;
  for (std::size_t i = 0; i < bytes.size(); i += step) {
    CHECK(state == State::kOpen);
    state = answer.take(std::string_view(bytes).substr(i, step));
  }
  return state;
}

State state_of(const std::string& bytes) {
  HttpAnswer answer;
  const State state = answer.take(bytes);
  CHECK(answer.cause().empty() == (state != State::kBroken));
  return state;
}

std::string with_headers(const std::string& headers) {
  return "HTTP/1.1 200 OK\r\n" + headers + "\r\n";
}

}  // namespace

TEST_CASE("an answer is read however its bytes come") {
  for (const std::size_t step : {1, 2, 3, 7, 1000}) {
    CAPTURE(step);
    HttpAnswer sized;
    CHECK(take_all(sized, kSized, step) == State::kComplete);
    CHECK(sized.status() == 200);
    CHECK(sized.body() == "{\"a\"}");
    HttpAnswer chunked;
    CHECK(take_all(chunked, kChunked, step) == State::kComplete);
    CHECK(chunked.status() == 404);
    CHECK(chunked.body() == "abc0123456789");
  }
}

TEST_CASE("no beginning of an answer is taken for all of it") {
  for (const std::string& whole : {kSized, kChunked}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CAPTURE(size);
      CHECK(state_of(whole.substr(0, size)) == State::kOpen);
    }
  }
}

TEST_CASE("an answer with a wrong byte is the same however its bytes come") {
  for (const std::string& whole : {kSized, kChunked}) {
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const char wrong : {'\0', '\r', '\n', ' ', ':', '0', '7', 'f', 'x', '\xff'}) {
        std::string bytes = whole;
        bytes[at] = wrong;
        HttpAnswer at_once;
        HttpAnswer in_pieces;
        at_once.take(bytes);
        for (const char byte : bytes) in_pieces.take({&byte, 1});
        const State state = at_once.take("");
        CAPTURE(bytes);
        // What follows an answer is noticed only if it comes along with it.
        if (state == State::kBroken && in_pieces.take("") == State::kComplete) {
          CHECK(at_once.cause() == "more than was announced");
          continue;
        }
        CHECK(state == in_pieces.take(""));
        CHECK(at_once.body() == in_pieces.body());
      }
    }
  }
}

TEST_CASE("an answer without a body is one") {
  CHECK(state_of(with_headers("Content-Length: 0\r\n")) == State::kComplete);
  CHECK(state_of(with_headers("Transfer-Encoding: chunked\r\n") + "0\r\n\r\n") == State::kComplete);
}

TEST_CASE("what is no answer is refused") {
  for (const char* const line :
       {"", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20", "HTTP/1.1 2000 OK", "HTTP/1.1 2x0 OK",
        "HTTP/1.1 100 Continue", "HTTP/2.0 200 OK", "HTTP/1.7 200 OK", "HTTP/1.1_200 OK",
        "OK hello", "HTTP/1.1 -20 OK", "HTTP/1.1 +20 OK"}) {
    CAPTURE(line);
    CHECK(state_of(std::string(line) + "\r\nContent-Length: 0\r\n\r\n") == State::kBroken);
  }
}

TEST_CASE("an answer whose end cannot be told is refused") {
  for (const char* const headers :
       {"", "Content-Length: \r\n", "Content-Length: -1\r\n", "Content-Length: 1 2\r\n",
        "Content-Length: 0x1\r\n", "Content-Length: 99999999999999999999999\r\n",
        "Content-Length: 0\r\nContent-Length: 0\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "no header\r\n",
        ": nameless\r\n"}) {
    CAPTURE(headers);
    CHECK(state_of(with_headers(headers)) == State::kBroken);
  }
}

TEST_CASE("chunks that do not fit their sizes are refused") {
  for (const char* const body : {"x\r\n", "\r\n", "-1\r\n", "3\r\nabcd\r\n", "3\r\nabc0\r\n",
                                 "FFFFFFFFFFFFFFFFF\r\n", "0\r\n\r\nmore"}) {
    CAPTURE(body);
    CHECK(state_of(with_headers("Transfer-Encoding: chunked\r\n") + body) == State::kBroken);
  }
  CHECK(state_of(kSized + "more") == State::kBroken);
}

TEST_CASE("an answer has bounds") {
  const std::string chunked = with_headers("Transfer-Encoding: chunked\r\n");
  SUBCASE("of its head") {
    CHECK(state_of(std::string(HttpAnswer::kHeadMax + 1, 'x')) == State::kBroken);
    CHECK(state_of(with_headers("x: " + std::string(HttpAnswer::kHeadMax, 'x') + "\r\n" +
                                "Content-Length: 0\r\n")) == State::kBroken);
  }
  SUBCASE("of its length") {
    CHECK(state_of(with_headers("Content-Length: 262145\r\n")) == State::kBroken);
    CHECK(state_of(with_headers("Content-Length: 262144\r\n")) == State::kOpen);
    CHECK(state_of(with_headers("Content-Length: 262144\r\n") +
                   std::string(HttpAnswer::kBodyMax, 'x')) == State::kComplete);
  }
  SUBCASE("of a chunk") {
    CHECK(state_of(chunked + "40001\r\n") == State::kBroken);
    CHECK(state_of(chunked + "40000\r\n") == State::kOpen);
  }
  SUBCASE("of all chunks") {
    std::string many = chunked;
    for (int i = 0; i < 100'000; ++i) many += "1\r\nx\r\n";
    CHECK(state_of(many + "0\r\n\r\n") == State::kBroken);
  }
  SUBCASE("of trailers without an end") {
    HttpAnswer answer;
    State state = answer.take(chunked + "0\r\n");
    for (int i = 0; i < 10'000 && state == State::kOpen; ++i) {
      state = answer.take("a: " + std::string(100, 'x') + "\r\n");
    }
    CHECK(state == State::kBroken);
  }
  SUBCASE("of a line without an end") {
    CHECK(state_of(chunked + "0;" + std::string(5000, 'x')) == State::kBroken);
  }
}

TEST_CASE("a request says how long it is") {
  CHECK(kv::etcd::http_post("h:1", "/v3/kv/range", "{}") ==
        "POST /v3/kv/range HTTP/1.1\r\nHost: h:1\r\nContent-Type: application/json\r\n"
        "Content-Length: 2\r\nConnection: close\r\n\r\n{}");
}
