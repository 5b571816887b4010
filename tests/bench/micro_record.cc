// The bytes of a record: encoding with its checksums, decoding, checking the body.
#include <string>

#include <benchmark/benchmark.h>

#include "base/checksum.h"
#include "format/record.h"

using namespace kv::format;

namespace {

constexpr std::uint64_t kSalt = 0x1234'5678'9abc'def0;
const std::string kKey = "key:000000000042";

std::string record_of(std::size_t value_size) {
  std::string out;
  append_record(out, RecordHeader(), kKey, std::string(value_size, 'v'), kSalt);
  return out;
}

void encode(benchmark::State& state) {
  const std::string value(static_cast<std::size_t>(state.range(0)), 'v');
  std::string out;
  for (auto run : state) {
    out.clear();
    append_record(out, RecordHeader(), kKey, value, kSalt);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * out.size()));
}

void decode(benchmark::State& state) {
  const std::string record = record_of(static_cast<std::size_t>(state.range(0)));
  for (auto run : state) {
    RecordHeader header;
    if (decode_record_header(record, kSalt, header) != HeaderState::kValid) {
      state.SkipWithError("the record is not what was encoded");
      break;
    }
    const auto body =
        std::string_view(record).substr(kRecordHeaderSize, header.key_size + header.value_size);
    benchmark::DoNotOptimize(body_is_intact(header, body));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * record.size()));
}

BENCHMARK(encode)->Arg(100)->Arg(1024)->Arg(65'536);
BENCHMARK(decode)->Arg(100)->Arg(1024)->Arg(65'536);

}  // namespace

BENCHMARK_MAIN();
