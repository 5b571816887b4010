#include "engine/log_reader.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "engine/store_impl.h"
#include "io/sim_file_system.h"
#include "tests/unit/engine/support/handmade_log.h"

using kv::Errc;
using kv::engine::LoggedRecord;
using kv::engine::LogMarks;
using kv::engine::LogReader;
using kv::test::HandmadeLog;

namespace {

std::uint64_t seed() {
  const char* given = std::getenv("KV_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

// One of the log's records, as a look at all files finds it.
struct Found {
  kv::format::RecordHeader header;
  std::string body;
  std::uint64_t chain = 0;
  std::string path;
  std::uint64_t offset = 0;
};
using FoundLog = std::map<std::uint64_t, Found>;

void look_at_file(kv::io::FileSystem& fs, const std::string& path, FoundLog& log) {
  const auto bytes = kv::io::read_file(fs, path);
  REQUIRE(bytes.has_value());
  const auto segment = kv::format::decode_segment_header(*bytes);
  if (!segment || segment->kind != kv::format::SegmentKind::kLog) return;
  std::uint64_t chain = segment->chain;
  kv::format::RecordHeader header;
  for (std::size_t at = kv::format::kSegmentHeaderSize;
       kv::format::decode_record_header(std::string_view(*bytes).substr(at), segment->salt,
                                        header) == kv::format::HeaderState::kValid;
       at += kv::format::record_size(header)) {
    if (header.type == kv::format::RecordType::kSyncMark) continue;
    chain = kv::format::extend_chain(chain, header);
    const std::size_t body_size = std::size_t{header.key_size} + header.value_size;
    log[header.sequence] = {header, bytes->substr(at + kv::format::kRecordHeaderSize, body_size),
                            chain, path, at};
  }
}

// A store with tiny segments on a simulated disk, and a reader of its log.
struct LoggedStore {
  kv::io::SimFileSystem fs;
  std::unique_ptr<kv::StoreImpl> store;
  std::unique_ptr<LogReader> reader;
  std::mt19937_64 random{1};

  explicit LoggedStore(kv::Background background = kv::Background::kCaller) {
    kv::Options options;
    options.segment_size_max = 4096;
    options.merges_automatically = false;
    options.scrub_rate = 0;
    auto opened = kv::StoreImpl::open(fs, "/db", options, background);
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : describe(opened.error())));
    store = std::move(*opened);
    reader = std::make_unique<LogReader>(store->segments());
  }
  void write(const kv::Write& write) const {
    const auto done = store->write(write);
    REQUIRE_MESSAGE(done.has_value(), (done ? "" : describe(done.error())));
  }
  void put(const std::string& key, std::size_t value_size) const {
    kv::Write one;
    const std::string value(value_size, 'v');
    one.key = key;
    one.value = value;
    write(one);
  }
  std::string key() { return "key" + std::to_string(random() % 50); }
  void write_one() {
    const auto dice = random() % 20;
    if (dice == 0) {
      kv::Batch batch;
      for (auto left = 1 + random() % 5; left > 0; --left) batch.put(key(), std::string(40, 'b'));
      batch.del(key());
      kv::Write one;
      one.kind = kv::Write::Kind::kBatch;
      one.batch = &batch;
      write(one);
    } else if (dice == 1) {
      put("deleted", 10);
      kv::Write one;
      one.kind = kv::Write::Kind::kDelete;
      one.key = "deleted";
      write(one);
    } else {
      put(key(), dice == 2 ? 1 + random() % 100'000 : random() % 300);
    }
  }
  void write_some(int count) {
    for (int i = 0; i < count; ++i) write_one();
  }
  FoundLog look() {
    FoundLog log;
    const auto names = fs.list("/db");
    REQUIRE(names.has_value());
    for (const std::string& name : *names) {
      if (name.ends_with(".seg")) look_at_file(fs, "/db/" + name, log);
    }
    return log;
  }
  void check_point(const FoundLog& log, std::uint64_t sequence) const {
    CAPTURE(sequence);
    const auto point = reader->point_at(sequence);
    REQUIRE_MESSAGE(point.has_value(), (point ? "" : describe(point.error())));
    const Found& found = log.at(sequence);
    REQUIRE(point->term == found.header.term);
    REQUIRE(point->sequence == sequence);
    REQUIRE(point->chain == found.chain);
  }
  // Reads a range both ways; returns its last record.
  std::uint64_t check_range(const FoundLog& log, std::uint64_t first, std::uint64_t last,
                            std::uint64_t bytes_max) const {
    CAPTURE(first);
    CAPTURE(last);
    CAPTURE(bytes_max);
    std::uint64_t bytes = 0;
    std::uint64_t end = first;
    for (; end <= last; ++end) {
      const std::uint64_t size = kv::format::record_size(log.at(end).header);
      if (end > first && bytes + size > bytes_max) break;
      bytes += size;
    }
    const auto extent = reader->extent(first, last, bytes_max);
    REQUIRE_MESSAGE(extent.has_value(), (extent ? "" : describe(extent.error())));
    REQUIRE(extent->last == end - 1);
    REQUIRE(extent->bytes == bytes);
    std::uint64_t next = first;
    const auto read = reader->read(first, last, bytes_max, [&](const LoggedRecord& record) {
      const Found& found = log.at(next);
      REQUIRE(record.header.sequence == next);
      REQUIRE(record.header.type == found.header.type);
      REQUIRE(record.header.timestamp_ms == found.header.timestamp_ms);
      REQUIRE(record.body == found.body);
      REQUIRE(record.chain == found.chain);
      next += 1;
    });
    REQUIRE_MESSAGE(read.has_value(), (read ? "" : describe(read.error())));
    REQUIRE(*read == end - 1);
    REQUIRE(next == end);
    return *read;
  }
};

void no_record(const LoggedRecord&) {}

// What reading from `first` on comes to: an error's text, or "read to n".
std::string outcome(LogReader& reader, std::uint64_t first, std::uint64_t last) {
  const auto read = reader.read(first, last, UINT64_MAX, no_record);
  if (read) return "read to " + std::to_string(*read);
  return (read.error().code == Errc::kCorruption        ? "corruption: "
          : read.error().code == Errc::kInvalidArgument ? "not there: "
                                                        : "error: ") +
         read.error().context;
}

}  // namespace

TEST_CASE_FIXTURE(LoggedStore, "every record's point is what its file says") {
  write_some(400);
  const FoundLog log = look();
  REQUIRE(log.size() >= 400);
  const std::uint64_t last = log.rbegin()->first;
  SUBCASE("in order") {
    for (std::uint64_t at = 1; at <= last; ++at) check_point(log, at);
  }
  SUBCASE("backwards") {
    for (std::uint64_t at = last; at >= 1; --at) check_point(log, at);
  }
  SUBCASE("again and again") {
    for (int i = 0; i < 2000; ++i) check_point(log, 1 + random() % last);
  }
  CHECK(reader->point_at(last + 1).error().code == Errc::kInvalidArgument);
  CHECK(reader->point_at(0).error().code == Errc::kInvalidArgument);
}

TEST_CASE_FIXTURE(LoggedStore, "any range is read as it lies in the files, while more is written") {
  const std::uint64_t run = seed();
  CAPTURE(run);
  random.seed(run);
  for (int round = 0; round < 30; ++round) {
    CAPTURE(round);
    write_some(static_cast<int>(1 + random() % 30));
    const FoundLog log = look();
    const std::uint64_t last = log.rbegin()->first;
    for (int i = 0; i < 20; ++i) {
      const std::uint64_t first = 1 + random() % last;
      check_range(log, first, first + random() % (last - first + 1), random() % 200'000);
      check_point(log, 1 + random() % last);
    }
    check_range(log, 1, last, UINT64_MAX);
  }
}

TEST_CASE_FIXTURE(LoggedStore, "reading on finds each record once, however it is cut") {
  std::uint64_t next = 1;
  for (int round = 0; round < 100; ++round) {
    write_some(5);
    const FoundLog log = look();
    const std::uint64_t last = log.rbegin()->first;
    while (next <= last) {
      next = check_range(log, next, last, random() % 3 == 0 ? 0 : random() % 2000) + 1;
      check_point(log, next - 1);
    }
  }
}

TEST_CASE_FIXTURE(LoggedStore,
                  "a record longer than all buffers is read, and its memory given back") {
  put("a", 10);
  put("b", 3 * 1024 * 1024);
  put("c", 70'000);
  kv::Batch batch;
  for (int i = 0; i < 30; ++i) batch.put("m" + std::to_string(i), std::string(50'000, 'm'));
  kv::Write one;
  one.kind = kv::Write::Kind::kBatch;
  one.batch = &batch;
  write(one);
  put("d", 10);
  const FoundLog log = look();
  REQUIRE(log.size() == 5);
  for (std::uint64_t first = 1; first <= 5; ++first) {
    check_range(log, first, 5, UINT64_MAX);
    check_range(log, first, 5, 1000);
    CHECK(reader->buffer_size() <= 1024 * 1024);
    for (std::uint64_t at = 1; at <= 5; ++at) check_point(log, at);
  }
}

TEST_CASE_FIXTURE(LoggedStore, "what was merged away is not in the log, and its file is not held") {
  for (int i = 0; i < 200; ++i) put(i % 10 == 0 ? "kept" + std::to_string(i) : "same", 100);
  REQUIRE(reader->read(1, 200, UINT64_MAX, no_record) == 200);
  REQUIRE(reader->read(1, 2, UINT64_MAX, no_record) == 2);
  const std::string first_path = look().at(1).path;
  REQUIRE(store->merge(0).has_value());
  REQUIRE(store->merge(0).has_value());
  const FoundLog log = look();
  const std::uint64_t first = log.begin()->first;
  REQUIRE(first > 1);
  CHECK(fs.exists(first_path) == false);
  const std::string expected =
      "not there: record 1 is not in the log, whose first record behind it is " +
      std::to_string(first);
  CHECK(outcome(*reader, 1, 200) == expected);
  CHECK(reader->point_at(first - 1).error().code == Errc::kInvalidArgument);
  CHECK(reader->extent(first - 1, 200, 1).error().code == Errc::kInvalidArgument);
  CHECK(reader->term_start(200, 0) == first);
  check_range(log, first, 200, UINT64_MAX);
  CHECK(outcome(*reader, 201, 300) ==
        "not there: record 201 is not in the log, whose last record is 200");
}

TEST_CASE_FIXTURE(HandmadeLog, "a gap in the log ends a range and is told by the next") {
  for (int part = 0; part < 3; ++part) {
    begin_segment();
    append_some(10, 0, 20);
  }
  LogReader reader(table);
  CHECK(outcome(reader, 5, 30) == "read to 30");
  table.remove(parts[1].segment->slot());
  CHECK(outcome(reader, 5, 30) == "read to 10");
  CHECK(reader.extent(5, 30, UINT64_MAX)->last == 10);
  CHECK(outcome(reader, 11, 30) ==
        "not there: record 11 is not in the log, whose first record behind it is 21");
  CHECK(outcome(reader, 21, 30) == "read to 30");
  CHECK(reader.term_start(30, 0) == 21);
}

TEST_CASE("an empty log has no record") {
  HandmadeLog log;
  log.begin_segment();
  LogReader reader(log.table);
  CHECK(outcome(reader, 1, 1) == "not there: record 1 is not in the log, which is empty");
  log.append_some(1, 0, 1);
  CHECK(outcome(reader, 1, 1) == "read to 1");
}

TEST_CASE_FIXTURE(LoggedStore, "every flipped bit is told, with its file and its record's offset") {
  for (int i = 0; i < 60; ++i) put(key(), 20 + random() % 50);
  const FoundLog log = look();
  const std::string path = log.at(30).path;
  const std::uint64_t size = kv::io::read_file(fs, path)->size();
  std::uint64_t first = UINT64_MAX;
  std::uint64_t last = 0;
  std::vector<bool> is_padding(size, false);
  for (const auto& [sequence, found] : log) {
    if (found.path != path) continue;
    first = std::min(first, sequence);
    last = std::max(last, sequence);
    const std::uint64_t end = found.offset + kv::format::record_size(found.header);
    const std::uint64_t body_end = found.offset + kv::format::kRecordHeaderSize + found.body.size();
    for (std::uint64_t at = body_end; at < end; ++at) is_padding[at] = true;
  }
  REQUIRE(last - first > 20);
  for (std::uint64_t at = 0; at < size; ++at) {
    if (is_padding[at]) continue;
    CAPTURE(at);
    fs.flip(path, at, static_cast<char>(1 << at % 8));
    LogReader fresh(store->segments());
    std::uint64_t next = first;
    while (next <= last) {
      const auto read = fresh.read(next, last, UINT64_MAX, no_record);
      if (!read) break;
      next = *read + 1;
    }
    REQUIRE(next <= last);
    // The sync mark before a record counts as part of it.
    const std::uint64_t end = log.at(next).offset + kv::format::record_size(log.at(next).header);
    REQUIRE(at < end);
    if (next > first) {
      const Found& before = log.at(next - 1);
      REQUIRE(at >= before.offset + kv::format::record_size(before.header));
    }
    const auto error = fresh.read(next, last, UINT64_MAX, no_record).error();
    REQUIRE(error.code == Errc::kCorruption);
    const std::string place = "segment=" + path + " offset=";
    REQUIRE_MESSAGE(error.context.starts_with(place), error.context);
    const std::uint64_t told = std::stoull(error.context.substr(place.size()));
    REQUIRE(told <= at);
    REQUIRE(at - told < kv::format::record_size(log.at(next).header));
    // What the reader holds of the file is not what it goes by once that was repaired.
    fs.flip(path, at, static_cast<char>(1 << at % 8));
    REQUIRE(fresh.read(next, last, UINT64_MAX, no_record) == last);
  }
}

TEST_CASE_FIXTURE(HandmadeLog, "what fits its checksum and not the log is told, too") {
  append_some(3, 5, 10);
  std::string what;
  SUBCASE("a hole in the sequences") {
    append(5, "x", 5);
    what = "record 5 where 4 was";
  }
  SUBCASE("a term that falls") {
    append(4, "x");
    what = "record 4 of term 4 behind one of term 5";
  }
  SUBCASE("a mark of another chain") {
    sync_mark(99);
    append(5, "x");
    what = "sync mark differs from the records before it";
  }
  SUBCASE("a segment that goes on from another chain") {
    begin_segment(99);
    append(5, "x");
    what = "segment header: the chain is not that of the segment before";
  }
  SUBCASE("a segment that lost its end") {
    append(5, std::string(100, 'x'));
    REQUIRE(parts.back().file->truncate(offsets[4] + 60).has_value());
    what = "record 4 fails its checksum";
  }
  LogReader reader(table);
  CHECK(outcome(reader, 1, 4) == "read to 3");
  for (int again = 0; again < 2; ++again) {
    const auto told = outcome(reader, 4, 4);
    CHECK_MESSAGE(told.starts_with("corruption: segment=/d/"), told);
    CHECK_MESSAGE(told.ends_with(what), told);
  }
}

TEST_CASE_FIXTURE(HandmadeLog, "an error of the disk is told, and the next call reads anew") {
  append_some(10, 1, 10);
  LogReader reader(table);
  fs.plan({.operation = kv::io::SimOperation::kRead});
  CHECK(reader.point_at(5).error().code == Errc::kIo);
  check(reader, 5);
}

TEST_CASE_FIXTURE(HandmadeLog, "records of one type are read whatever became of the others") {
  using Type = kv::format::RecordType;
  for (const Type type : {Type::kPut, Type::kPut, Type::kConfig, Type::kPut, Type::kConfig}) {
    append(1, "value", last() + 1, type);
  }
  const auto damage = [&](std::uint64_t sequence) {
    fs.flip(parts.back().segment->path(), offsets[sequence] + kv::format::kRecordHeaderSize, 1);
  };
  std::vector<std::uint64_t> found;
  const auto look = [&] {
    found.clear();
    LogReader reader(table);
    return reader.read_type(Type::kConfig, 1, last(), [&](const LoggedRecord& record) {
      CHECK(record.body == "value");
      CHECK(record.chain == points[record.header.sequence].chain);
      found.push_back(record.header.sequence);
    });
  };
  for (const std::uint64_t sequence : {1U, 2U, 4U}) damage(sequence);
  CHECK(look() == 5);
  CHECK(found == std::vector<std::uint64_t>{3, 5});
  damage(5);
  CHECK(look() == 4);
  CHECK(found == std::vector<std::uint64_t>{3});
}

TEST_CASE_FIXTURE(HandmadeLog, "a term begins with its first record, in whichever segment") {
  const std::uint64_t run = seed();
  CAPTURE(run);
  std::mt19937_64 random(run);
  std::uint64_t term = 0;
  for (int part = 0; part < 12; ++part) {
    begin_segment();
    for (auto left = 1 + random() % 12; left > 0; --left) {
      if (random() % 10 == 0) term += 1 + random() % 3;
      if (random() % 4 == 0) sync_mark();
      append(term, std::string(random() % 50, 'v'));
    }
  }
  LogReader kept(table);
  for (int i = 0; i < 500; ++i) {
    const std::uint64_t sequence = 1 + random() % last();
    const std::uint64_t floor = random() % sequence;
    CAPTURE(sequence);
    CAPTURE(floor);
    LogReader fresh(table);
    LogReader& reader = random() % 2 == 0 ? fresh : kept;
    const auto start = reader.term_start(sequence, floor);
    REQUIRE_MESSAGE(start.has_value(), (start ? "" : describe(start.error())));
    REQUIRE(*start == term_start(sequence, floor));
    if (random() % 3 == 0) check(reader, 1 + random() % last());
  }
}

TEST_CASE_FIXTURE(HandmadeLog, "after a rollback the log is what was written instead") {
  const std::uint64_t run = seed();
  CAPTURE(run);
  std::mt19937_64 random(run);
  LogReader reader(table);
  std::uint64_t term = 1;
  for (int round = 0; round < 600; ++round) {
    CAPTURE(round);
    for (auto left = 1 + random() % 15; left > 0; --left) {
      if (parts.empty() || random() % 6 == 0) begin_segment();
      append(term, std::string(random() % 100, static_cast<char>('a' + round % 26)));
    }
    for (int i = 0; i < 10; ++i) {
      // Mostly near the end, where rollbacks are.
      const std::uint64_t near = std::min<std::uint64_t>(last(), 12);
      const std::uint64_t at = last() - random() % (i < 3 ? last() : near);
      check(reader, at);
      REQUIRE(reader.term_start(at, 0) == term_start(at, 0));
      std::uint64_t next = at;
      const auto read = reader.read(at, last(), 500, [&](const LoggedRecord& record) {
        REQUIRE(record.chain == points[next].chain);
        REQUIRE(record.header.term == points[next].term);
        next += 1;
      });
      REQUIRE(read == next - 1);
    }
    if (random() % 3 != 0) continue;
    const std::uint64_t from = last() - random() % std::min<std::uint64_t>(last(), 12);
    roll_back(from, static_cast<Emptied>(random() % 3));
    reader.forget_from(from);
    term += 1;
    CHECK(reader.point_at(from).error().code == Errc::kInvalidArgument);
  }
}

TEST_CASE_FIXTURE(HandmadeLog, "marks are bounded, and none is needed for an answer") {
  constexpr std::size_t kMax = 8;
  const std::uint64_t run = seed();
  CAPTURE(run);
  std::mt19937_64 random(run);
  for (int part = 0; part < 5; ++part) {
    begin_segment();
    // The third has more than all may have.
    append_some(part == 2 ? 1500 : 150, 1, 2000);
  }
  LogReader bounded(table, kMax);
  LogReader free(table);
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t at = 1 + random() % last();
    check(bounded, at);
    check(free, at);
    REQUIRE(bounded.marks() <= kMax);
  }
  check(free, last());
  std::uint64_t bytes = 0;
  for (const auto& part : parts) bytes += part.written;
  CHECK(free.marks() > bytes / LogMarks::kInterval / 2);
  CHECK(free.marks() <= bytes / LogMarks::kInterval + parts.size());
  free.forget_from(1);
  CHECK(free.marks() == 0);
}

TEST_CASE_FIXTURE(HandmadeLog, "few marks are spread over all of a segment") {
  begin_segment();
  append_some(1500, 1, 2000);
  LogReader reader(table, 8);
  check(reader, last());
  std::uint64_t start = 0;  // where it begins to read
  fs.set_hook([&](const kv::io::SimCall& call) {
    if (call.operation == kv::io::SimOperation::kRead) start = std::min(start, call.offset);
    return false;
  });
  for (std::uint64_t at = last(); at > 37; at -= 37) {
    reader.forget_from(last() + 1);  // what it holds of the file
    start = UINT64_MAX;
    check(reader, at);
    REQUIRE(offsets[at] - start <= 8 * LogMarks::kInterval + sizes[at]);
  }
  fs.set_hook(nullptr);
}

TEST_CASE_FIXTURE(HandmadeLog, "a term of many segments is found without reading all of them") {
  for (int part = 0; part < 10; ++part) {
    begin_segment();
    append_some(300, 7, 2000);
  }
  std::uint64_t bytes = 0;
  fs.set_hook([&](const kv::io::SimCall& call) {
    bytes += call.operation == kv::io::SimOperation::kRead ? call.size : 0;
    return false;
  });
  LogReader reader(table);
  CHECK(reader.term_start(last(), 0) == 1);
  CHECK(bytes <= parts.back().written + 9 * 64 * 1024);
  fs.set_hook(nullptr);
}

TEST_CASE_FIXTURE(HandmadeLog, "near the end and near a mark little is read") {
  begin_segment();
  append_some(20'000, 1, 70);
  LogReader reader(table);
  check(reader, last());  // makes the marks
  std::uint64_t reads = 0;
  std::uint64_t bytes = 0;
  const auto count = [&](const kv::io::SimCall& call) {
    reads += call.operation == kv::io::SimOperation::kRead ? 1 : 0;
    bytes += call.operation == kv::io::SimOperation::kRead ? call.size : 0;
    return false;
  };
  fs.set_hook(count);
  SUBCASE("shipping what was just written, to several followers") {
    std::array<std::uint64_t, 4> next{};
    next.fill(last() + 1);
    std::uint64_t appended = 0;
    for (int round = 0; round < 100; ++round) {
      append_some(10, 1, 70);
      appended += 10 * sizes.back();
      for (std::uint64_t& one : next) {
        check(reader, one - 1);
        const auto extent = reader.extent(one, last(), 1'000'000);
        REQUIRE(extent.has_value());
        REQUIRE(reader.read(one, extent->last, extent->bytes, no_record) == last());
        one = last() + 1;
      }
    }
    CHECK(bytes == appended);
    CHECK(reads == 100);
  }
  SUBCASE("catching up") {
    LogReader fresh(table);
    for (std::uint64_t next = 1; next <= last();) {
      const auto extent = fresh.extent(next, last(), 16 * 1024);
      REQUIRE(extent.has_value());
      REQUIRE(fresh.read(next, extent->last, extent->bytes, no_record) == extent->last);
      next = extent->last + 1;
    }
    CHECK(bytes == parts[0].segment->size);
    CHECK(reads < 2 * bytes / (64 * 1024));
  }
  SUBCASE("any record") {
    for (std::uint64_t at = 1; at < last(); at += 997) check(reader, at);
    CHECK(reads <= 21 * 2);
    CHECK(bytes <= 21 * 200 * 1024);
  }
  fs.set_hook(nullptr);
}

TEST_CASE_FIXTURE(HandmadeLog, "headers of long records are found without reading the records") {
  begin_segment();
  append_some(10, 1, 500'000);
  std::uint64_t bytes = 0;
  fs.set_hook([&](const kv::io::SimCall& call) {
    bytes += call.operation == kv::io::SimOperation::kRead ? call.size : 0;
    return false;
  });
  LogReader reader(table);
  CHECK(reader.extent(1, last(), UINT64_MAX)->last == 10);
  CHECK(bytes <= 64 * 1024 + 9 * 4096);
  fs.set_hook(nullptr);
}

TEST_CASE("a reader follows a writer in another thread through all segments") {
  LoggedStore logged(kv::Background::kThreads);
  // Segments are made beside the writer: as many records as it takes.
  std::atomic<std::uint64_t> end = 0;  // the last record, once it is written
  std::jthread writer([&] {
    bool is_done = false;
    for (std::uint64_t i = 1; !is_done; ++i) {
      is_done = i >= 1000 && logged.store->segments().all()->size() > 5;
      const std::string key = "key" + std::to_string(i);
      kv::Write one;
      one.key = key;
      one.value = key;
      if (!logged.store->write(one)) is_done = true;
      if (is_done) end = i;
    }
  });
  std::uint64_t next = 1;
  while (end == 0 || next <= end) {
    const auto read = logged.reader->read(next, next + 99, 4096, [&](const LoggedRecord& record) {
      const std::string key = "key" + std::to_string(next);
      CHECK(record.body == key + key);
      next += 1;
    });
    if (read) continue;
    // It is still to come.
    REQUIRE_MESSAGE(read.error().code == Errc::kInvalidArgument, describe(read.error()));
    std::this_thread::yield();
  }
  writer.join();
  const FoundLog log = logged.look();
  REQUIRE(log.size() == end);
  for (std::uint64_t at = 1; at <= end; ++at) logged.check_point(log, at);
}
