#include "protocol/foreign_protocol.h"

#include <string>

#include <doctest/doctest.h>

using namespace kv::protocol;

TEST_CASE("other protocols are known by how they begin") {
  CHECK(is_tls_hello("\x16\x03\x01"));
  CHECK(is_tls_hello("\x16\x03"));
  CHECK_FALSE(is_tls_hello("\x16"));
  CHECK_FALSE(is_tls_hello("\x16\x02"));
  CHECK(is_resp("*1\r\n"));
  CHECK_FALSE(is_resp("PING"));
  CHECK_FALSE(is_resp(""));
  CHECK(is_http_request("GET / HTTP/1.1"));
  CHECK(is_http_request("any thing HTTP/1.0"));
  CHECK_FALSE(is_http_request(" HTTP/1."));
  CHECK_FALSE(is_http_request("GET / HTTP/1.10"));
  CHECK_FALSE(is_http_request("GET / HTTP/2.0"));
  CHECK_FALSE(is_http_request("GET 3"));
}

TEST_CASE("a line of HTTP is its first one, a POST or a host") {
  CHECK(is_http_line("GET / HTTP/1.1"));
  CHECK(is_http_line("POST / HTTP/3"));
  CHECK(is_http_line("post"));
  CHECK(is_http_line("Host: 127.0.0.1"));
  CHECK(is_http_line("HOST:\ta"));
  CHECK_FALSE(is_http_line("POSTS 1"));
  CHECK_FALSE(is_http_line("GET post"));
  CHECK_FALSE(is_http_line("hos"));
  CHECK_FALSE(is_http_line(""));
}

TEST_CASE("a refusal tells whom it is for") {
  CHECK(foreign_protocol_of(http_refusal("")) == "HTTP");
  CHECK(foreign_protocol_of(http_refusal_of_resp()) == "HTTP");
  CHECK(foreign_protocol_of(tls_refusal_of_resp()) == "TLS");
  CHECK(foreign_protocol_of("ERR WRONG_PROTOCOL applied=no :that was TLS\n") == "TLS");
  CHECK(foreign_protocol_of(resp_refusal()) == "RESP");
  CHECK(foreign_protocol_of("ERR BAD_VERB applied=no :unknown\n") == "");
  CHECK(foreign_protocol_of("-ERR Protocol error: invalid bulk length\r\n") == "");
}

TEST_CASE("the page for browsers is whole and says where to go") {
  const std::string page = http_refusal("Administration: http://127.0.0.1:7401/");
  CHECK(page.starts_with("HTTP/1.1 400 Bad Request\r\n"));
  CHECK(page.find("Connection: close\r\n") != std::string::npos);
  const std::size_t body = page.find("\r\n\r\n") + 4;
  const std::size_t length = page.find("Content-Length: ") + 16;
  CHECK(std::stoul(page.substr(length)) == page.size() - body);
  CHECK(page.find("http://127.0.0.1:7401/", body) != std::string::npos);
  CHECK(http_refusal("").find("no admin port") != std::string::npos);
}

TEST_CASE("a RESP client gets one error line of its own protocol that names the option") {
  const std::string_view line = resp_refusal();
  CHECK(line.starts_with("-ERR "));
  CHECK(line.find("--resp on") != std::string_view::npos);
  CHECK(line.find("\r\n") == line.size() - 2);
}
