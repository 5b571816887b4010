// Gives one embeddable store some work and prints a line of JSON for each piece.
//   engine_driver ENGINE DIRECTORY [--keys N] [--value-size N] [--seconds S] WORK...
// ENGINE is kv, leveldb, rocksdb or lmdb; WORK, done in the order given:
//   fill overwrite settle warm-up scan-100 scan-all get[:THREADS] get-absent put put-sync:THREADS
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "fail.h"
#include "workload.h"

namespace {

using namespace kv::bench;

using Opener = std::unique_ptr<Engine> (*)(const std::string&, Durability);
const std::map<std::string, Opener>& openers() {
  static const std::map<std::string, Opener> all = {
      {"kv", open_kv}, {"leveldb", open_leveldb}, {"rocksdb", open_rocksdb}, {"lmdb", open_lmdb}};
  return all;
}

struct Task {
  std::string work;
  unsigned threads = 1;
};

Task parse_task(const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos) return {text, 1};
  const int threads = std::atoi(text.c_str() + colon + 1);
  if (threads < 1) fail("no number of threads: " + text);
  return {text.substr(0, colon), static_cast<unsigned>(threads)};
}

Figure run(const Task& task, Engine& engine, const DataSet& data, double seconds,
           std::uint64_t seed) {
  Workload workload(engine, data, seconds, seed);
  if (task.work == "fill") return workload.fill();
  if (task.work == "overwrite") return workload.overwrite();
  if (task.work == "get") return workload.get(task.threads);
  if (task.work == "get-absent") return workload.get_absent(task.threads);
  if (task.work == "put" || task.work == "put-sync") return workload.put(task.threads);
  if (task.work == "scan-100") return workload.scan_short(task.threads);
  if (task.work == "scan-all") return workload.scan_all();
  fail("no such work: " + task.work);
}

}  // namespace

int main(int argc, char** argv) {
  std::string name;
  std::string directory;
  std::uint64_t keys = 1'000'000;
  std::size_t value_size = 100;
  double seconds = 2;
  std::vector<std::string> works;
  CLI::App app("drives one embeddable store");
  app.add_option("engine", name)->required()->check(CLI::IsMember(openers()));
  app.add_option("directory", directory)->required()->check(CLI::ExistingDirectory);
  app.add_option("--keys", keys);
  app.add_option("--value-size", value_size);
  app.add_option("--seconds", seconds);
  app.add_option("work", works)->required();
  CLI11_PARSE(app, argc, argv);

  const DataSet data(keys, value_size);
  std::unique_ptr<Engine> engine;
  Durability durability = Durability::kNone;
  std::uint64_t seed = 0;
  for (const std::string& text : works) {
    constexpr std::uint64_t kThreadsMax = 1000;
    seed += kThreadsMax;  // the same sequences for every engine
    const Task task = parse_task(text);
    const Durability wanted = task.work == "put-sync" ? Durability::kEachWrite : Durability::kNone;
    if (!engine || wanted != durability) {
      engine.reset();  // one at a time has the directory
      engine = openers().at(name)(directory, durability = wanted);
    }
    if (task.work == "settle") {
      engine->settle();
    } else if (task.work == "warm-up") {
      Workload(*engine, data, seconds, seed).warm_up();
    } else {
      const Figure figure = run(task, *engine, data, seconds, seed);
      fmt::print(R"({{"work": "{}", "operations": {}, "per_second": {:.1f}}})"
                 "\n",
                 text, figure.operations, figure.per_second());
      std::fflush(stdout);
    }
  }
}
