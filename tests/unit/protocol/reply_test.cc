#include "protocol/reply.h"

#include <string>

#include <doctest/doctest.h>

using namespace kv::protocol;
using Kind = ReplyLine::Kind;

namespace {

std::string error_of(std::string_view fields, std::string_view text) {
  std::string out;
  append_error(out, "", "CORRUPT", Applied::kNo, fields, text);
  return out;
}

}  // namespace

TEST_CASE("replies are written as the grammar has them, after what is there already") {
  std::string out = "before|";
  SUBCASE("OK") {
    append_ok(out, "");
    append_ok(out, "t", "bye");
    append_written(out, "", 18446744073709551615u);
    CHECK(out == "before|OK\n@t OK bye\nOK ver=18446744073709551615\n");
  }
  SUBCASE("VALUE and NOT_FOUND") {
    append_value_header(out, "t", 5, 7);
    append_value_header(out, "", 0, std::nullopt);
    append_not_found(out, "t");
    CHECK(out == "before|@t VALUE 5 ver=7\nVALUE 0\n@t NOT_FOUND\n");
  }
  SUBCASE("ITEM, KEY and END, every line with the tag") {
    append_item(out, "t", "k\n", "", 3);
    append_key(out, "t", "kk");
    append_end(out, "t", 2, true);
    append_end(out, "", 0, false);
    CHECK(out == "before|@t ITEM 2 0 ver=3\nk\n\n@t KEY 2\nkk\n@t END 2 more=1\nEND 0 more=0\n");
  }
  SUBCASE("INFO") {
    append_info(out, "", "a\nb");
    CHECK(out == "before|INFO 3\na\nb\n");
  }
  SUBCASE("ERR") {
    append_error(out, "t", "UNKNOWN_OUTCOME", Applied::kMaybe);
    append_error(out, "", "CONFLICT", Applied::kNo, "ver=4");
    append_error(out, "", "BAD_ARG", Applied::kNo, "arg=x", "unknown");
    CHECK(out ==
          "before|@t ERR UNKNOWN_OUTCOME applied=maybe\nERR CONFLICT applied=no ver=4\n"
          "ERR BAD_ARG applied=no arg=x :unknown\n");
  }
}

TEST_CASE("the text of an error stays on its line and is cut between characters") {
  CHECK(error_of("", "a\nb\r\x1b[0m\x7f") == "ERR CORRUPT applied=no :a b  [0m \n");
  CHECK(error_of("", std::string(1024, 'x')).size() ==
        std::string("ERR CORRUPT applied=no :").size() + 1025);
  CHECK(error_of("", std::string(5000, 'x')) == error_of("", std::string(1024, 'x')));
  const std::string accented = std::string(1023, 'x') + "\xc3\xa9" + "y";
  CHECK(error_of("", accented) == error_of("", std::string(1023, 'x')));
}

TEST_CASE("a reply line is taken apart") {
  const auto value = parse_reply_line("@t1 VALUE 5 ver=7 later=x");
  REQUIRE(value);
  CHECK(value->kind == Kind::kValue);
  CHECK(value->tag == "t1");
  CHECK(value->size1 == 5);
  CHECK(value->payload_size() == 6);
  CHECK(value->is_terminal());
  CHECK(field(value->fields, "ver") == "7");
  CHECK(field(value->fields, "later") == "x");
  CHECK_FALSE(field(value->fields, "late"));
  CHECK_FALSE(field(value->fields, "er"));

  const auto item = parse_reply_line("ITEM 3 4 ver=1");
  REQUIRE(item);
  CHECK(item->kind == Kind::kItem);
  CHECK(item->payload_size() == 8);
  CHECK_FALSE(item->is_terminal());
  const auto key = parse_reply_line("KEY 3");
  REQUIRE(key);
  CHECK(key->payload_size() == 4);
  CHECK_FALSE(key->is_terminal());

  const auto end = parse_reply_line("END 12 more=1");
  REQUIRE(end);
  CHECK(end->size1 == 12);
  CHECK(end->payload_size() == 0);
  CHECK(field(end->fields, "more") == "1");
  const auto bye = parse_reply_line("OK bye");
  REQUIRE(bye);
  CHECK(bye->kind == Kind::kOk);
  CHECK(bye->fields == "bye");
  CHECK(parse_reply_line("NOT_FOUND")->kind == Kind::kNotFound);
  CHECK(parse_reply_line("INFO 0")->payload_size() == 1);
}

TEST_CASE("an error line is taken apart, with and without fields and text") {
  const auto full =
      parse_reply_line("@a ERR TRY_LATER applied=no retry_ms=25 reason=queue :wait a :bit ");
  REQUIRE(full);
  CHECK(full->kind == Kind::kError);
  CHECK(full->tag == "a");
  CHECK(full->code == "TRY_LATER");
  CHECK(full->applied == Applied::kNo);
  CHECK(field(full->fields, "retry_ms") == "25");
  CHECK(full->fields == "retry_ms=25 reason=queue");
  CHECK(full->text == "wait a :bit ");
  const auto text_only = parse_reply_line("ERR UNKNOWN_OUTCOME applied=maybe :no fields");
  REQUIRE(text_only);
  CHECK(text_only->applied == Applied::kMaybe);
  CHECK(text_only->fields.empty());
  CHECK(text_only->text == "no fields");
  const auto bare = parse_reply_line("ERR INTERNAL applied=no");
  REQUIRE(bare);
  CHECK(bare->fields.empty());
  CHECK(bare->text.empty());
}

TEST_CASE("what is not a reply of this protocol is told apart") {
  for (const char* line : {"",
                           "ok",
                           "HTTP/1.1 400 Bad Request",
                           "-ERR x",
                           "@ OK",
                           "@t",
                           "@a,b OK",
                           "OK ",
                           "OK  bye",
                           " OK",
                           "OK\r",
                           "OK \x01",
                           "VALUE",
                           "VALUE x",
                           "VALUE -1",
                           "VALUE 01",
                           "VALUE 12345678901",
                           "VALUE 5 ",
                           "ITEM 1",
                           "ITEM 1 x",
                           "ITEM 1 ",
                           "KEY",
                           "KEY 3 ver=1",
                           "INFO 3 x",
                           "NOT_FOUND x",
                           "NOT_FOUND ",
                           "END 1",
                           "END 1 more=2",
                           "END 1 more=10",
                           "END more=1",
                           "ERR",
                           "ERR X",
                           "ERR X applied=",
                           "ERR X applied=yes",
                           "ERR x applied=no",
                           "ERR  applied=no",
                           "ERR ABCDEFGHIJKLMNOPQRSTUVWXYZ applied=no",
                           "ERR X applied=no ",
                           "ERR X applied=no  a=b",
                           "ERR X applied=no  :text",
                           "ERR X applied=no a=b "}) {
    CAPTURE(line);
    CHECK_FALSE(parse_reply_line(line));
  }
}

TEST_CASE("what is written is read back") {
  std::string out;
  append_error(out, "tag", "NO_SPACE", Applied::kNo, "free=1 need=2", "disk: full");
  REQUIRE(out.back() == '\n');
  out.pop_back();
  const auto reply = parse_reply_line(out);
  REQUIRE(reply);
  CHECK(reply->tag == "tag");
  CHECK(reply->code == "NO_SPACE");
  CHECK(field(reply->fields, "need") == "2");
  CHECK(reply->text == "disk: full");
}
