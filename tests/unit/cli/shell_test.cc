#include "cli/shell.h"

#include <doctest/doctest.h>

#include "cli/stats_sections.h"
#include "support/fake_server.h"

using namespace kv::cli;
using kv::test::FakeServer;
using kv::test::Talk;

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += word + " ";
  return out;
}

// Types one line at a shell whose server gives `reply`; what the server was asked is in `asked`.
struct OneLine {
  OneLine(std::string_view line, const std::string& reply) {
    FakeServer server({[&](Talk& talk) {
      asked = talk.read_line();
      talk.say(reply);
      asked += talk.read_to_end();
    }});
    Common common;
    common.address = server.address();
    Shell shell(common);
    outcome = shell.run(line);
  }
  std::string asked;
  Shell::Outcome outcome;
};

// The outcome of a line for which no server is needed.
Shell::Outcome alone(std::string_view line) {
  Common common;
  common.address = "no address";
  Shell shell(common);
  return shell.run(line);
}

}  // namespace

TEST_CASE("PUT sends key, value and options, and prints the version") {
  const OneLine plain("put a word", "OK ver=7\n");
  CHECK(plain.asked == "PUT 1 4\naword");
  CHECK(plain.outcome.text == "OK ver=7");
  CHECK(plain.outcome.code == 0);
  const OneLine quoted(R"(PUT "a b" "\x00\n" if=absent sync=none)", "OK ver=8\n");
  CHECK(quoted.asked == std::string("PUT 3 2 if=absent sync=none\na b\0\n", 33));
}

TEST_CASE("a condition that fails is an error with the code for it") {
  const OneLine line("PUT a b if=3", "ERR CONFLICT applied=no ver=9\n");
  CHECK(line.asked == "PUT 1 1 if=3\nab");
  CHECK(line.outcome.text == "");
  CHECK(line.outcome.error.find("CONFLICT ver=9") == 0);
  CHECK(line.outcome.code == kExitConflict);
}

TEST_CASE("GET prints the value so that no byte of it is lost or obeyed") {
  CHECK(OneLine("GET a", "VALUE 5 ver=1\nhello\n").outcome.text == "hello");
  CHECK(OneLine("GET a", "VALUE 4 ver=1\n\x1b[2J\n").outcome.text == R"("\x1b[2J")");
  CHECK(OneLine("GET a", "VALUE 0 ver=1\n\n").outcome.text == R"("")");
  const OneLine missing("GET a", "NOT_FOUND\n");
  CHECK(missing.outcome.text == "NOT_FOUND");
  CHECK(missing.outcome.code == kExitNotFound);
}

TEST_CASE("DEL tells a key that was there from one that was not") {
  const OneLine there("DEL a if=4 sync=disk", "OK ver=5\n");
  CHECK(there.asked == "DEL 1 if=4 sync=disk\na");
  CHECK(there.outcome.text == "OK ver=5");
  CHECK(OneLine("DEL a", "NOT_FOUND\n").outcome.code == kExitNotFound);
}

TEST_CASE("BPUT sends all pairs as one batch") {
  const OneLine line("BPUT a 1 \"b c\" 22", "OK count=2 ver=2\n");
  CHECK(line.asked == "BPUT 2\n1 1\na13 2\nb c22");
  CHECK(line.outcome.text == "OK count=2 ver=2");
}

TEST_CASE("RANGE and PREFIX print keys and values in order and say when there may be more") {
  const OneLine range("RANGE a c limit=2",
                      "ITEM 1 1 ver=1\na1\nITEM 1 1 ver=2\nb2\nEND 2 more=1\n");
  CHECK(range.asked.find("RANGE 1 1 limit=2") == 0);
  CHECK(range.outcome.text == "a\t1\nb\t2\n(2 keys, there may be more: limit=)");
  const OneLine one("PREFIX a keys=1 rev=1", "KEY 2\na1\nEND 1 more=0\n");
  CHECK(one.asked.find("rev=1") != std::string::npos);
  CHECK(one.asked.find("keys=1") != std::string::npos);
  CHECK(one.outcome.text == "a1\n(1 key)");
  CHECK(OneLine("RANGE", "END 0 more=0\n").outcome.text == "(0 keys)");
}

TEST_CASE("what stands in quotes is never an option") {
  const OneLine line("RANGE \"limit=2\" \"rev=1\"", "END 0 more=0\n");
  CHECK(line.asked.find("RANGE 7 5 limit=20") == 0);
}

TEST_CASE("STATS, PING and MERGE ask the server") {
  const OneLine stats("STATS memory", "INFO 7\nrss: 1\n\n");
  CHECK(stats.asked == "STATS fmt=text section=memory\n");
  CHECK(stats.outcome.text == "rss: 1\n");
  CHECK(OneLine("PING", "OK\n").outcome.text == "OK");
  CHECK(OneLine("MERGE", "INFO 14\nmerge: started\n").outcome.text == "merge: started");
  CHECK(OneLine("MERGE rate=1MiB", "INFO 14\nmerge: started\n").asked == "MERGE rate=1048576\n");
  CHECK(OneLine("merge pause", "INFO 13\nmerge: paused\n").asked == "MERGE do=pause\n");
  CHECK(alone("MERGE pause rate=1").code == kv::cli::kExitUsage);
  CHECK(OneLine("INSPECT k", "INFO 11\nsegments: 1\n").outcome.text == "segments: 1");
  CHECK(OneLine("CLUSTER", "INFO 1\nx\n").asked == "STATS fmt=text section=replication\n");
  const OneLine transfer("CLUSTER transfer 2", "INFO 15\ntransfer: begun\n");
  CHECK(transfer.asked == "CLUSTER do=transfer node=2\n");
  CHECK(transfer.outcome.text == "transfer: begun");
  const OneLine refused("MERGE", "ERR BAD_ARG applied=no :not yet\n");
  CHECK(refused.outcome.code == kExitServerError);
}

TEST_CASE("a line that is wrong is told how it would be right, and nothing is sent") {
  for (const char* line : {"PUT",
                           "PUT a",
                           "PUT a b c",
                           "PUT a b if=",
                           "PUT a b if=x",
                           "PUT a b sync=often",
                           "PUT a b limit=1",
                           "GET",
                           "GET a b",
                           "DEL",
                           "DEL a b",
                           "DEL a if=-1",
                           "BPUT",
                           "BPUT a",
                           "BPUT a 1 b",
                           "RANGE a b c",
                           "RANGE limit=0",
                           "RANGE limit=x",
                           "RANGE rev=2",
                           "RANGE if=1",
                           "PREFIX",
                           "PREFIX a b",
                           "STATS a b",
                           "PING a",
                           "MERGE a",
                           "CLUSTER a",
                           "CLUSTER transfer x",
                           "CLUSTER transfer 1 2"}) {
    CAPTURE(line);
    const Shell::Outcome outcome = alone(line);
    CHECK(outcome.error.find("usage: ") == 0);
    CHECK(outcome.code == kExitUsage);
    CHECK(!outcome.is_end);
  }
  CHECK(alone("FLY").error == "unknown verb FLY; HELP lists them");
  CHECK(alone("GET \"a").code == kExitUsage);
}

TEST_CASE("a blank line does nothing, HELP explains, QUIT ends") {
  CHECK(alone("").text == "");
  CHECK(alone("  \t").code == 0);
  CHECK(alone("help").text.find("PUT key value") == 0);
  CHECK(alone("quit").is_end);
  CHECK(alone("EXIT").is_end);
}

TEST_CASE("a lost connection fails one line; the next connects again") {
  FakeServer server({[](Talk& talk) { talk.read_line(); },
                     [](Talk& talk) {
                       talk.read(6);
                       talk.say("VALUE 1 ver=1\nx\n");
                       talk.read_to_end();
                     }});
  Common common;
  common.address = server.address();
  Shell shell(common);
  CHECK(shell.run("PING").code == kExitNoConnection);
  CHECK(shell.run("GET a").text == "x");
}

TEST_CASE("a server that is not there yet is looked for with each line") {
  Common common;
  common.address = kv::test::deserted_address();
  Shell shell(common);
  CHECK(shell.run("PING").code == kExitNoConnection);
  CHECK(shell.run("GET a").error.find("cannot connect to " + common.address) == 0);
}

TEST_CASE("Tab completes verbs, and options of the verb in front") {
  CHECK(joined(Shell::completions("")) ==
        "PUT GET DEL BPUT RANGE PREFIX WAIT STATS MERGE INSPECT CLUSTER PING HELP QUIT ");
  CHECK(joined(Shell::completions("p")) == "PUT PREFIX PING ");
  CHECK(joined(Shell::completions("PRE")) == "PREFIX ");
  CHECK(joined(Shell::completions("x")) == "");
  CHECK(joined(Shell::completions("put a b sync=")) == "sync=none sync=interval sync=disk ");
  CHECK(joined(Shell::completions("range a l")) == "limit= ");
  CHECK(joined(Shell::completions("stats re")) == "requests recovery replication ");
  CHECK(joined(Shell::completions("stats s")) == "server store space scrub sessions segments ");
  CHECK(Shell::completions("stats ").size() == kv::cli::kStatsSections.size());
  CHECK(joined(Shell::completions("GET a")) == "");
  CHECK(joined(Shell::completions("xyz i")) == "");
}

TEST_CASE("writes take a level of acknowledgement, and tell that only the leader's disk has them") {
  CHECK(OneLine("PUT a b ack=majority", "OK ver=1\n").asked == "PUT 1 1 ack=majority\nab");
  CHECK(OneLine("BPUT ack=local sync=disk a b", "OK count=1 ver=1\n").asked ==
        "BPUT 1 ack=local sync=disk\n1 1\nab");
  CHECK(OneLine("BPUT \"ack=local\" b", "OK count=1 ver=1\n").asked == "BPUT 1\n9 1\nack=localb");
  CHECK(alone("PUT a b ack=all").code == kExitUsage);
  CHECK(alone("BPUT ack=all a b").code == kExitUsage);
  const std::string told =
      "on the leader's disk alone so far, and lost if it is lost before a majority has the write; "
      "`WAIT ver=8 epoch=3` in `kv attach` tells, --ack majority waits for that";
  for (const char* line : {"PUT a b ack=local", "DEL a ack=local"}) {
    const OneLine local(line, "OK ver=8 ack=local epoch=3\n");
    CHECK(local.asked.find(" ack=local\n") != std::string::npos);
    CHECK(local.outcome.text == "OK ver=8 ack=local epoch=3\n" + told);
    CHECK(local.outcome.code == 0);
  }
  CHECK(OneLine("BPUT a b", "OK count=1 ver=8 ack=local epoch=3\n").outcome.text ==
        "OK count=1 ver=8 ack=local epoch=3\n" + told);
}

TEST_CASE("a key that reads like an option needs quotes only where it would be one") {
  CHECK(OneLine("PUT ack=local sync=disk", "OK ver=1\n").asked == "PUT 9 9\nack=localsync=disk");
  CHECK(OneLine("DEL ack=local", "OK ver=1\n").asked == "DEL 9\nack=local");
  CHECK(OneLine("BPUT if=absent v", "OK count=1 ver=1\n").asked == "BPUT 1\n9 1\nif=absentv");
  CHECK(OneLine("BPUT sync=disk \"sync=disk\" v", "OK count=1 ver=1\n").asked ==
        "BPUT 1 sync=disk\n9 1\nsync=diskv");
  CHECK(OneLine("BPUT a ack=local b sync=disk", "OK count=2 ver=1\n").asked ==
        "BPUT 2\n1 9\naack=local1 9\nbsync=disk");
  // An option without pairs, one that there is not, and one behind them.
  for (const char* line : {"BPUT ack=local v", "BPUT ack=all a b", "BPUT ack=x v",
                           "BPUT ack=local ack=x v", "BPUT sync=dsk ack=local a b",
                           "BPUT ack=all sync=disk a b", "BPUT a b ack=local sync=disk"}) {
    CHECK(alone(line).code == kExitUsage);
    CHECK(alone(line).error.ends_with("; a key that reads like an option stands in quotes"));
  }
  CHECK(alone("PUT a b sync=disk sync=bad").code == kExitUsage);
}

TEST_CASE("WAIT asks what became of a write by its epoch") {
  const OneLine line("WAIT ver=8 epoch=3", "OK ver=9\n");
  CHECK(line.asked == "WAIT timeout_ms=1000 ver=8 epoch=3\n");
  CHECK(line.outcome.text == "OK ver=9");
  const OneLine lost("WAIT ver=8 epoch=3", "ERR CONFLICT applied=no ver=8 epoch=4 :another\n");
  CHECK(lost.outcome.code == kExitConflict);
  CHECK(alone("WAIT epoch=3").code == kExitUsage);
  CHECK(alone("WAIT ver=8 epoch=0").code == kExitUsage);
}
