// What the disk itself gives, to hold a store's figures against. Prints a line of JSON.
//   disk_baseline append DIRECTORY [--seconds S] [--size BYTES]
//     one record of so many bytes after another into a file whose blocks are written already, each
//     followed by fdatasync
//   disk_baseline direct-read DIRECTORY [--seconds S] [--size BYTES] [--threads N] [--file-size
//   BYTES]
//     random reads past the page cache (O_DIRECT), one at a time on each thread, aligned to
//     their size; the file is made first
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "data_set.h"
#include "fail.h"
#include "latencies.h"

namespace {

using namespace kv::bench;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kChunkSize = std::size_t{1} << 20;

struct Task {
  std::string kind;
  std::string directory;
  double seconds = 2;
  std::size_t size = 0;
  unsigned threads = 1;
  std::uint64_t file_size = std::uint64_t{64} << 20;
};

class File {
 public:
  File(const std::string& path, int flags) : descriptor_(::open(path.c_str(), flags, 0600)) {
    if (descriptor_ < 0) fail("cannot open " + path);
  }
  ~File() { ::close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void write_at(std::uint64_t offset, std::string_view bytes) {
    const auto done = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done != static_cast<ssize_t>(bytes.size())) fail("a write failed");
  }
  void read_at(std::uint64_t offset, char* to, std::size_t size) {
    if (::pread(descriptor_, to, size, static_cast<off_t>(offset)) != static_cast<ssize_t>(size))
      fail("a read failed");
  }
  void sync() {
    if (::fdatasync(descriptor_) != 0) fail("fdatasync failed");
  }

 private:
  int descriptor_;
};

std::string random_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  Random random(1);
  for (char& byte : bytes) byte = static_cast<char>(random.next());
  return bytes;
}

void write_whole(const std::string& path, std::uint64_t size, const std::string& chunk) {
  File file(path, O_WRONLY | O_CREAT | O_TRUNC);
  for (std::uint64_t at = 0; at < size; at += chunk.size()) file.write_at(at, chunk);
  file.sync();
}

// Calls operation(number) until the time is over.
template <class Operation>
Latencies repeat(double seconds, const Operation& operation) {
  Latencies latencies;
  const auto start = Clock::now();
  const auto end =
      start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  auto before = start;
  for (std::uint64_t number = 0; before < end; ++number) {
    operation(number);
    const auto now = Clock::now();
    latencies.add(now - before);
    before = now;
  }
  return latencies;
}

Latencies append(const Task& task, const std::string& path) {
  write_whole(path, task.file_size, std::string(kChunkSize, '\0'));
  File file(path, O_WRONLY);
  const std::string record = random_bytes(task.size);
  const std::uint64_t records = task.file_size / task.size;
  return repeat(task.seconds, [&](std::uint64_t number) {
    file.write_at(number % records * task.size, record);
    file.sync();
  });
}

Latencies direct_read(const Task& task, const std::string& path) {
  write_whole(path, task.file_size, random_bytes(kChunkSize));
  std::vector<Latencies> latencies(task.threads);
  std::vector<std::jthread> workers;
  workers.reserve(task.threads);
  for (unsigned thread = 0; thread < task.threads; ++thread) {
    workers.emplace_back([&, thread] {
      File file(path, O_RDONLY | O_DIRECT);
      const std::unique_ptr<char, decltype(&std::free)> block(
          static_cast<char*>(std::aligned_alloc(task.size, task.size)), std::free);
      if (!block) fail("no memory aligned to the size of a read");
      Random random(thread + 1);
      const std::uint64_t blocks = task.file_size / task.size;
      latencies[thread] = repeat(task.seconds, [&](std::uint64_t) {
        file.read_at(random.below(blocks) * task.size, block.get(), task.size);
      });
    });
  }
  workers.clear();
  Latencies all;
  for (const Latencies& part : latencies) all.add(part);
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  Task task;
  CLI::App app("measures the disk");
  app.add_option("kind", task.kind)->required()->check(CLI::IsMember({"append", "direct-read"}));
  app.add_option("directory", task.directory)->required()->check(CLI::ExistingDirectory);
  app.add_option("--seconds", task.seconds);
  app.add_option("--size", task.size);
  app.add_option("--threads", task.threads);
  app.add_option("--file-size", task.file_size);
  CLI11_PARSE(app, argc, argv);

  const bool is_append = task.kind == "append";
  constexpr std::size_t kRecordSize = 144;  // about what a put of 16 + 100 bytes logs
  constexpr std::size_t kBlockSize = 4096;
  if (task.size == 0) task.size = is_append ? kRecordSize : kBlockSize;
  const std::string path = task.directory + "/" + task.kind;
  Latencies latencies = is_append ? append(task, path) : direct_read(task, path);
  ::unlink(path.c_str());
  fmt::print(
      R"({{"work": "{}", "operations": {}, "per_second": {:.1f}, "p50_us": {:.1f}, "p99_us": {:.1f}}})"
      "\n",
      task.kind, latencies.count(), static_cast<double>(latencies.count()) / task.seconds,
      latencies.at(0.5), latencies.at(0.99));
}
