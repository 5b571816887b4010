#include "engine.h"
#include "fail.h"
#include "kv/store.h"

namespace kv::bench {

namespace {

template <class T>
T expect(Result<T> result) {
  if (!result) fail("kv: " + describe(result.error()));
  return *std::move(result);
}

class KvSession final : public Session {
 public:
  explicit KvSession(Store& store) : store_(store) {}

  void put(std::string_view key, std::string_view value) override {
    expect(store_.put(key, value));
  }

  std::optional<std::string_view> get(std::string_view key) override {
    auto found = expect(store_.get(key));
    if (!found) return std::nullopt;
    value_ = std::move(found->bytes);
    return value_;
  }

  void scan(std::string_view from, std::uint64_t limit, RowReader& rows) override {
    RangeOptions options;
    options.start = from;
    options.limit = limit;
    Cursor cursor = store_.range(std::move(options));
    while (expect(cursor.next()) == Cursor::Step::kItem)
      rows.read(cursor.item().key, cursor.item().value);
  }

 private:
  Store& store_;
  std::string value_;
};

class KvEngine final : public Engine {
 public:
  explicit KvEngine(Store store) : store_(std::move(store)) {}
  std::unique_ptr<Session> session() override { return std::make_unique<KvSession>(store_); }
  // As fast as it goes, as the peers' compactions do.
  void settle() override { expect(store_.merge()); }

 private:
  Store store_;
};

}  // namespace

// All as it comes: merges, scrub, checkpoints and the check of each record that is read.
std::unique_ptr<Engine> open_kv(const std::string& directory, Durability durability) {
  Options options;
  options.sync = durability == Durability::kNone ? Sync::kNone : Sync::kDisk;
  return std::make_unique<KvEngine>(expect(Store::open(directory, options)));
}

}  // namespace kv::bench
