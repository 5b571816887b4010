#include <doctest/doctest.h>

#include "support/talk.h"

using kv::Errc;
using kv::Error;
using kv::test::Talk;

namespace {

std::string info(const std::string& text) {
  return "INFO " + std::to_string(text.size()) + "\n" + text + "\n";
}

}  // namespace

TEST_CASE("MERGE is answered at once, and who comes second is told that it has joined") {
  Talk talk;
  CHECK(talk.ask("MERGE\n") == info("merge: started\nnumber: 1"));
  CHECK(talk.ask("@m merge rate=1000 wait=0\n") == "@m " + info("merge: joined\nnumber: 2"));
  CHECK(talk.merge_rates == std::vector<std::uint64_t>{0, 1000});
}

TEST_CASE("MERGE wait=1 is answered when it is done, and what comes behind it waits") {
  Talk talk;
  talk.send("@t MERGE wait=1\nPUT 1 1\nkvPING\n");
  CHECK(talk.take().empty());
  CHECK_FALSE(talk.conversation->is_idle());
  CHECK(talk.backend.unacknowledged() == 0);
  kv::MergeSummary summary;
  summary.inputs = 3;
  summary.outputs = 1;
  summary.bytes_read = 1000;
  summary.bytes_written = 400;
  talk.end_merge(summary);
  const std::string answer = talk.take();
  CHECK(answer.starts_with("@t INFO "));
  CHECK(answer.find("\nmerge: done\nsegments_read: 3\nsegments_written: 1\nbytes_read: 1000\n"
                    "bytes_written: 400\nbytes_freed: 600\n") != std::string::npos);
  CHECK(answer.ends_with("\nOK ver=1\nOK\n"));
}

TEST_CASE("MERGE wait=1 waits for the answers to what stands in front of it") {
  Talk talk;
  talk.backend.acknowledges_at_flush = false;
  talk.send("PUT 1 1\nkvMERGE wait=1\n");
  CHECK(talk.merge_rates.empty());
  talk.acknowledge_all();
  CHECK(talk.merge_rates.size() == 1);
}

TEST_CASE("a merge that failed or was stopped says so") {
  Talk talk;
  talk.send("MERGE wait=1\n");
  talk.end_merge(tl::unexpected(Error{Errc::kNoSpace, "no room for the output", {}}));
  CHECK(talk.take() == "ERR NO_SPACE applied=no :no room for the output\n");
  talk.send("MERGE wait=1\n");
  kv::MergeSummary stopped;
  stopped.was_stopped = true;
  talk.end_merge(stopped);
  CHECK(talk.take().find("merge: stopped\n") != std::string::npos);
}

TEST_CASE("too many who wait for a merge are told to come later") {
  Talk talk;
  talk.takes_merges = false;
  CHECK(talk.ask("MERGE wait=1\nPING\n").starts_with("ERR TRY_LATER applied=no"));
}

TEST_CASE("merges are paused, resumed and stopped over the wire") {
  Talk talk;
  int stops = 0;
  talk.backend.on_stop_merge = [&] { stops += 1; };
  CHECK(talk.ask("MERGE do=pause\n") == info("merge: paused"));
  CHECK(talk.backend.is_paused);
  CHECK(talk.ask("MERGE do=resume\n") == info("merge: resumed"));
  CHECK_FALSE(talk.backend.is_paused);
  CHECK(talk.ask("MERGE do=stop\n") == info("merge: stopping"));
  CHECK(stops == 1);
}

TEST_CASE("INSPECT keeps neither the reactor nor reads, and tells each record as text or JSON") {
  Talk talk;
  kv::Inspection::Record record;
  record.segment = 4;
  record.offset = 64;
  record.bytes = 56;
  record.value_size = 5;
  record.version = 9;
  record.is_current = true;
  talk.backend.inspection.records = {record};
  talk.backend.inspection.segments = 3;
  talk.backend.inspection.segments_skipped = 2;
  const std::string one =
      "{\"version\":9,\"kind\":\"put\",\"current\":true,\"segment\":4,\"merged\":false,"
      "\"offset\":64,\"bytes\":56,\"value_bytes\":5}";
  CHECK(talk.ask("INSPECT 1\nk") ==
        info("record: " + one + "\nsegments: 3\nsegments_skipped: 2\ndamaged_segments: []"));
  CHECK(talk.ask("INSPECT 1 fmt=json\nk") ==
        info("{\"records\":[" + one +
             "],\"segments\":3,\"segments_skipped\":2,\"damaged_segments\":[]}"));
  CHECK(talk.slow_tasks_run == 2);
  CHECK(talk.long_tasks == 2);
  CHECK(talk.ask("INSPECT 0\nPING\n").starts_with("ERR EMPTY_KEY applied=no"));
}

TEST_CASE("a put that is refused because merges are behind is counted and told when to come back") {
  Talk talk;
  talk.backend.write_errors["k"] = {Errc::kTryLater, "reason=merge_debt merges are behind", {}};
  CHECK(talk.ask("PUT 1 1\nkv") ==
        "ERR TRY_LATER applied=no retry_ms=100 reason=merge_debt :merges are behind\n");
  CHECK(talk.counters.try_later_merge_debt.value() == 1);
  CHECK(talk.counters.try_later_queue.value() == 0);
}
