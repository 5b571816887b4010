#include <lmdb.h>

#include "engine.h"
#include "fail.h"

namespace kv::bench {

namespace {

void expect(int code) {
  if (code != 0) fail(std::string("lmdb: ") + mdb_strerror(code));
}

// LMDB takes what it only reads as a plain pointer.
MDB_val in(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }
std::string_view view(const MDB_val& bytes) {
  return {static_cast<const char*>(bytes.mv_data), bytes.mv_size};
}

// Keeps one read transaction and renews it for each read, so that each sees the newest state.
class LmdbSession final : public Session {
 public:
  LmdbSession(MDB_env* env, MDB_dbi table) : env_(env), table_(table) {
    expect(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &read_));
    expect(mdb_cursor_open(read_, table_, &cursor_));
    mdb_txn_reset(read_);
  }
  ~LmdbSession() override {
    mdb_cursor_close(cursor_);
    mdb_txn_abort(read_);
  }

  void put(std::string_view key, std::string_view value) override {
    end_read();
    MDB_txn* write = nullptr;
    expect(mdb_txn_begin(env_, nullptr, 0, &write));
    MDB_val key_bytes = in(key);
    MDB_val value_bytes = in(value);
    expect(mdb_put(write, table_, &key_bytes, &value_bytes, 0));
    expect(mdb_txn_commit(write));
  }

  // The view is into the map: nothing is copied.
  std::optional<std::string_view> get(std::string_view key) override {
    begin_read();
    MDB_val key_bytes = in(key);
    MDB_val value{};
    const int code = mdb_get(read_, table_, &key_bytes, &value);
    if (code == MDB_NOTFOUND) return std::nullopt;
    expect(code);
    return view(value);
  }

  void scan(std::string_view from, std::uint64_t limit, RowReader& rows) override {
    begin_read();
    expect(mdb_cursor_renew(read_, cursor_));
    MDB_val key = in(from);
    MDB_val value{};
    // It knows no empty key.
    int code = mdb_cursor_get(cursor_, &key, &value, from.empty() ? MDB_FIRST : MDB_SET_RANGE);
    for (std::uint64_t count = 0; code == 0 && count < limit;) {
      rows.read(view(key), view(value));
      if (++count < limit) code = mdb_cursor_get(cursor_, &key, &value, MDB_NEXT);
    }
    if (code != MDB_NOTFOUND) expect(code);
  }

 private:
  void begin_read() {
    end_read();
    expect(mdb_txn_renew(read_));
    is_reading_ = true;
  }
  void end_read() {
    if (is_reading_) mdb_txn_reset(read_);
    is_reading_ = false;
  }

  MDB_env* env_;
  MDB_dbi table_;
  MDB_txn* read_ = nullptr;
  MDB_cursor* cursor_ = nullptr;
  bool is_reading_ = false;
};

class LmdbEngine final : public Engine {
 public:
  // Without durability MDB_NOSYNC leaves both data and meta pages to the operating system; with it
  // every commit syncs. MDB_WRITEMAP is left out: a stray write of the program would be in the
  // database. It has no checksums to look at.
  LmdbEngine(const std::string& directory, Durability durability) {
    expect(mdb_env_create(&env_));
    expect(mdb_env_set_mapsize(env_, kMapSize));
    expect(mdb_env_set_maxreaders(env_, kReadersMax));
    const unsigned flags = durability == Durability::kNone ? unsigned{MDB_NOSYNC} : 0U;
    // MDB_NOTLS: a session's transaction is its own and not its thread's.
    expect(mdb_env_open(env_, directory.c_str(), flags | MDB_NOTLS, kMode));
    MDB_txn* transaction = nullptr;
    expect(mdb_txn_begin(env_, nullptr, 0, &transaction));
    expect(mdb_dbi_open(transaction, nullptr, 0, &table_));
    expect(mdb_txn_commit(transaction));
  }
  ~LmdbEngine() override { mdb_env_close(env_); }

  std::unique_ptr<Session> session() override {
    return std::make_unique<LmdbSession>(env_, table_);
  }
  // Its tree is in order all the time; only what was not synced is left to do.
  void settle() override { expect(mdb_env_sync(env_, 1)); }

 private:
  static constexpr std::size_t kMapSize = std::size_t{64} << 30;
  static constexpr unsigned kReadersMax = 128;
  static constexpr mdb_mode_t kMode = 0600;

  MDB_env* env_ = nullptr;
  MDB_dbi table_ = 0;
};

}  // namespace

std::unique_ptr<Engine> open_lmdb(const std::string& directory, Durability durability) {
  return std::make_unique<LmdbEngine>(directory, durability);
}

}  // namespace kv::bench
