#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>

#include "engine.h"
#include "fail.h"

namespace kv::bench {

namespace {

void expect(const leveldb::Status& status) {
  if (!status.ok()) fail("leveldb: " + status.ToString());
}

leveldb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view view(const leveldb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

// Checksums are looked at when a block is read from its file, which is off by default.
leveldb::ReadOptions checked_read() {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  return options;
}

class LevelDbSession final : public Session {
 public:
  LevelDbSession(leveldb::DB& db, Durability durability) : db_(db) {
    write_.sync = durability == Durability::kEachWrite;
  }

  void put(std::string_view key, std::string_view value) override {
    expect(db_.Put(write_, slice(key), slice(value)));
  }

  std::optional<std::string_view> get(std::string_view key) override {
    const leveldb::Status status = db_.Get(checked_read(), slice(key), &value_);
    if (status.IsNotFound()) return std::nullopt;
    expect(status);
    return value_;
  }

  void scan(std::string_view from, std::uint64_t limit, RowReader& rows) override {
    const std::unique_ptr<leveldb::Iterator> at(db_.NewIterator(checked_read()));
    std::uint64_t count = 0;
    for (at->Seek(slice(from)); count < limit && at->Valid(); at->Next(), ++count)
      rows.read(view(at->key()), view(at->value()));
    expect(at->status());
  }

 private:
  leveldb::DB& db_;
  leveldb::WriteOptions write_;
  std::string value_;
};

class LevelDbEngine final : public Engine {
 public:
  LevelDbEngine(const std::string& directory, Durability durability)
      : durability_(durability),
        filter_(leveldb::NewBloomFilterPolicy(kFilterBitsPerKey)),
        cache_(leveldb::NewLRUCache(kBlockCacheSize)) {
    leveldb::Options options;
    options.create_if_missing = true;
    options.compression = leveldb::kNoCompression;  // the values do not compress
    options.filter_policy = filter_.get();
    options.block_cache = cache_.get();
    options.write_buffer_size = kWriteBufferSize;
    leveldb::DB* db = nullptr;
    expect(leveldb::DB::Open(options, directory, &db));
    db_.reset(db);
  }

  std::unique_ptr<Session> session() override {
    return std::make_unique<LevelDbSession>(*db_, durability_);
  }
  void settle() override { db_->CompactRange(nullptr, nullptr); }

 private:
  static constexpr int kFilterBitsPerKey = 10;
  // As RocksDB has it by default.
  static constexpr std::size_t kWriteBufferSize = std::size_t{64} << 20;

  Durability durability_;
  std::unique_ptr<const leveldb::FilterPolicy> filter_;
  std::unique_ptr<leveldb::Cache> cache_;
  std::unique_ptr<leveldb::DB> db_;  // goes before what it uses
};

}  // namespace

std::unique_ptr<Engine> open_leveldb(const std::string& directory, Durability durability) {
  return std::make_unique<LevelDbEngine>(directory, durability);
}

}  // namespace kv::bench
