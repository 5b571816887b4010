#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace kv::bench {

enum class Durability {
  kNone,       // in the hands of the operating system when put() returns
  kEachWrite,  // on the disk when put() returns
};

// What a scan shows its rows to.
class RowReader {
 public:
  virtual ~RowReader() = default;
  virtual void read(std::string_view key, std::string_view value) = 0;
};

// One thread's use of an engine, with what that thread keeps between calls. Any failure of the
// engine ends the program.
class Session {
 public:
  virtual ~Session() = default;
  virtual void put(std::string_view key, std::string_view value) = 0;
  // In the engine's own way, copied or not; nullopt: there is no such key. Valid until the
  // session's next call.
  virtual std::optional<std::string_view> get(std::string_view key) = 0;
  // At most `limit` rows in key order, from the first key that is not less than `from`.
  virtual void scan(std::string_view from, std::uint64_t limit, RowReader& rows) = 0;
};

// An embeddable store behind the one face that all are measured through. The destructor closes it;
// sessions end before.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::unique_ptr<Session> session() = 0;
  // What the engine does to make later reads cheap: merges, compactions. Returns when it is done.
  virtual void settle() = 0;
};

// Each says beside its code what it sets and why. `directory` exists.
std::unique_ptr<Engine> open_kv(const std::string& directory, Durability durability);
std::unique_ptr<Engine> open_leveldb(const std::string& directory, Durability durability);
std::unique_ptr<Engine> open_rocksdb(const std::string& directory, Durability durability);
std::unique_ptr<Engine> open_lmdb(const std::string& directory, Durability durability);

// The block caches of the engines that have one: all of the data fits, as it fits the page cache
// that the others read through.
inline constexpr std::size_t kBlockCacheSize = std::size_t{4} << 30;

}  // namespace kv::bench
