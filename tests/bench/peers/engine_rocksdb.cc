#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include "engine.h"
#include "fail.h"

namespace kv::bench {

namespace {

void expect(const rocksdb::Status& status) {
  if (!status.ok()) fail("rocksdb: " + status.ToString());
}

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view view(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

class RocksDbSession final : public Session {
 public:
  RocksDbSession(rocksdb::DB& db, Durability durability) : db_(db) {
    write_.sync = durability == Durability::kEachWrite;
  }

  void put(std::string_view key, std::string_view value) override {
    expect(db_.Put(write_, slice(key), slice(value)));
  }

  // Without a copy where the value lies in a cached block.
  std::optional<std::string_view> get(std::string_view key) override {
    value_.Reset();
    const rocksdb::Status status = db_.Get(read_, db_.DefaultColumnFamily(), slice(key), &value_);
    if (status.IsNotFound()) return std::nullopt;
    expect(status);
    return view(value_);
  }

  void scan(std::string_view from, std::uint64_t limit, RowReader& rows) override {
    const std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(read_));
    std::uint64_t count = 0;
    for (at->Seek(slice(from)); count < limit && at->Valid(); at->Next(), ++count)
      rows.read(view(at->key()), view(at->value()));
    expect(at->status());
  }

 private:
  rocksdb::DB& db_;
  rocksdb::WriteOptions write_;
  rocksdb::ReadOptions read_;  // checks the checksum of a block that comes from its file
  rocksdb::PinnableSlice value_;
};

class RocksDbEngine final : public Engine {
 public:
  RocksDbEngine(const std::string& directory, Durability durability) : durability_(durability) {
    rocksdb::BlockBasedTableOptions table;
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kFilterBitsPerKey));
    table.block_cache = rocksdb::NewLRUCache(kBlockCacheSize);
    rocksdb::Options options;
    options.create_if_missing = true;
    options.compression = rocksdb::kNoCompression;  // the values do not compress
    options.max_background_jobs = 2;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    rocksdb::DB* db = nullptr;
    expect(rocksdb::DB::Open(options, directory, &db));
    db_.reset(db);
  }
  ~RocksDbEngine() override { expect(db_->Close()); }

  std::unique_ptr<Session> session() override {
    return std::make_unique<RocksDbSession>(*db_, durability_);
  }
  void settle() override {
    expect(db_->CompactRange(rocksdb::CompactRangeOptions(), nullptr, nullptr));
  }

 private:
  static constexpr double kFilterBitsPerKey = 10;

  Durability durability_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace

std::unique_ptr<Engine> open_rocksdb(const std::string& directory, Durability durability) {
  return std::make_unique<RocksDbEngine>(directory, durability);
}

}  // namespace kv::bench
