// What the protocol costs beside the system calls: taking requests apart, spelling replies.
#include <cstring>
#include <string>

#include <benchmark/benchmark.h>

#include "protocol/parser.h"
#include "protocol/reply.h"

namespace {

// A buffer full of the same request, as a pipeline brings it.
void parse(benchmark::State& state, const std::string& request) {
  kv::protocol::RequestParser parser{kv::protocol::Limits{}};
  std::uint64_t requests = 0;
  for (auto run : state) {
    const auto space = parser.buffer();
    std::size_t size = 0;
    for (; size + request.size() <= space.size(); size += request.size()) {
      std::memcpy(space.data() + size, request.data(), request.size());
    }
    parser.commit(size);
    while (parser.next() == kv::protocol::RequestParser::Event::kRequest) {
      benchmark::DoNotOptimize(parser.request().key.data());
      requests += 1;
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(requests));
}

void parse_get(benchmark::State& state) { parse(state, "GET 16\nkey:000000000042"); }

void parse_put(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  parse(state, "PUT 16 " + std::to_string(size) + "\nkey:000000000042" + std::string(size, 'v'));
}

void append_value(benchmark::State& state) {
  const std::string value(static_cast<std::size_t>(state.range(0)), 'v');
  std::string out;
  for (auto run : state) {
    out.clear();
    kv::protocol::append_value_header(out, "", value.size(), 123'456'789);
    out += value;
    out += '\n';
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}

void append_written(benchmark::State& state) {
  std::string out;
  for (auto run : state) {
    out.clear();
    kv::protocol::append_written(out, "", 123'456'789);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}

BENCHMARK(parse_get);
BENCHMARK(parse_put)->Arg(100)->Arg(1024);
BENCHMARK(append_value)->Arg(100)->Arg(1024);
BENCHMARK(append_written);

}  // namespace

BENCHMARK_MAIN();
