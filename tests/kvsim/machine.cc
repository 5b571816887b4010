#include "kvsim/machine.h"

#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "format/identity.h"
#include "kvsim/cluster.h"
#include "peer/frame_reader.h"

namespace kv::kvsim {

namespace {

constexpr Time kDiskMin = 200;  // microseconds between two looks at the disk
constexpr const char* kPath = "/db";

template <class T>
T must(Result<T> result) {
  KV_CHECK(result.has_value());
  return std::move(*result);
}

// Looks at the disk between two merges.
constexpr std::uint64_t kMergeEvery = 30;

}  // namespace

Machine::Machine(Cluster& cluster, std::size_t index, std::uint64_t seed)
    : cluster_(cluster), index_(index), random_(seed, index), fs_(seed * 31 + index) {
  const std::uint64_t spread = cluster.options().clock_spread_permille;
  clock_.set_rate(0, 1000 - spread + random_.below(2 * spread + 1));
}

Machine::~Machine() {
  replica_.reset();
  store_.reset();
}

raft::Instant Machine::now() const { return clock_.read(cluster_.events().now()); }

void Machine::start() {
  KV_CHECK(!is_up());
  life_ += 1;
  kv::Options options;
  options.segment_size_max = 4096;
  options.merges_automatically = false;
  options.scrub_rate = 0;
  options.value_cache_max = 0;
  auto dir = must(engine::DataDirectory::open(fs_, kPath, "kvsim", true, nullptr));
  hard_state_ = must(node::HardStateFile::open(
      fs_, kPath, format::database_id_hash(dir->identity()), node::Memory::kMayBeNew));
  const Replicated replicated{
      hard_state_->state().commit_hint, {}, [this](std::uint64_t term, std::uint64_t sequence) {
        return node::Replica::claim(*hard_state_, {term, sequence});
      }};
  store_ = must(StoreImpl::open(std::move(dir), options, Background::kCaller, replicated));
  constexpr std::uint64_t kRetention = 8192;
  const node::Replica::Parts parts{*store_, *hard_state_, *this, kRetention};
  replica_ = std::make_unique<node::Replica>(parts, raft::NodeId{index_ + 1}, cluster_.members(),
                                             raft::Settings{}, random_.below(UINT64_MAX), now());
  plan_disk();
}

void Machine::crash(io::CrashMode mode) {
  if (!is_up()) return;
  life_ += 1;
  fs_.lose_power();
  waiting_.writes.clear();  // nobody is told
  reads_.clear();
  replica_.reset();
  hard_state_.reset();
  store_.reset();
  fs_.restart(mode, random_.below(1000));
}

void Machine::plan(Time delay, std::function<void()> action) {
  cluster_.events().after(delay, [this, life = life_, action = std::move(action)] {
    if (life == life_) action();
  });
}

// The process's other threads: the log is synced, segments are made and sealed, time passes.
void Machine::plan_disk() {
  plan(kDiskMin + random_.below(cluster_.options().disk_max_us), [this] {
    if (random_.below(3) != 0) store_->work();
    if (random_.below(kMergeEvery) == 0) [[maybe_unused]]
      const auto merged = store_->merge(0);
    replica_->work(now());
    finish_reads();
    plan_disk();
  });
}

void Machine::Waiting::on_written(const WriteTag& tag, Result<WriteResult> result) {
  auto found = writes.extract(tag.request);
  if (!found.empty()) found.mapped()(std::move(result));
}

void Machine::write(const Write& write, Done done) {
  const std::uint64_t number = waiting_.next++;
  waiting_.writes[number] = std::move(done);
  store_->submit(write, waiting_, WriteTag{0, number});
  store_->flush(ReadMode::kNoWait);
  replica_->work(now());
}

void Machine::read(const std::string& key, ReadDone done) {
  const std::uint64_t number = next_read_++;
  reads_[number] = {key, std::move(done), std::nullopt};
  if (!replica_->read_index(number, now())) {
    auto refused = reads_.extract(number);
    if (!refused.empty()) {
      refused.mapped().done(tl::unexpected(Error{Errc::kNotLeader, "reads are not served", {}}));
    }
  }
  finish_reads();
}

void Machine::transfer(raft::NodeId target) {
  [[maybe_unused]] const auto begun = replica_->transfer(target, now());
}

void Machine::on_read(const raft::ReadResult& read) {
  const auto found = reads_.find(read.id);
  if (found == reads_.end()) return;
  if (read.seq) {
    found->second.seq = read.seq;
    return;
  }
  auto refused = reads_.extract(found);
  refused.mapped().done(tl::unexpected(Error{Errc::kNotLeader, "no leader answers", {}}));
}

void Machine::finish_reads() {
  std::vector<std::uint64_t> ready;
  for (const auto& [number, read] : reads_) {
    if (read.seq && *read.seq <= replica_->applied()) ready.push_back(number);
  }
  for (const std::uint64_t number : ready) {
    auto read = reads_.extract(number);
    read.mapped().done(store_->get(read.mapped().key, ReadMode::kMayBlock));
  }
}

void Machine::on_alarm(const raft::Alarm& alarm) {
  cluster_.report(std::string("an alarm: ") + raft::name_of(alarm.kind));
}

void Machine::on_stranded(raft::NodeId peer) {
  cluster_.report("stranded: node " + std::to_string(static_cast<std::uint64_t>(peer)));
}

void Machine::send(raft::NodeId to, peer::Gather frame) {
  const std::size_t receiver = static_cast<std::size_t>(to) - 1;
  cluster_.network().send(index_, receiver,
                          [cluster = &cluster_, receiver, bytes = frame.joined()] {
                            Machine& machine = cluster->machine(receiver);
                            if (machine.is_up()) machine.receive(bytes);
                          });
}

void Machine::receive(const std::string& bytes) {
  peer::FrameReader reader;
  std::string_view rest = bytes;
  auto frame = reader.take(rest);
  KV_CHECK(frame && *frame && rest.empty());
  auto received = peer::decode_message(std::move(**frame));
  KV_CHECK(received.has_value());
  replica_->receive(*received, now());
  finish_reads();
  cluster_.look_at(*this);
}

std::vector<std::pair<std::string, std::string>> Machine::content() const {
  std::vector<std::pair<std::string, std::string>> rows;
  auto cursor = store_->range({}, store_->snapshot());
  while (must(cursor.next(ReadMode::kMayBlock)) == Cursor::Step::kItem) {
    rows.emplace_back(cursor.item().key, cursor.item().value);
  }
  return rows;
}

std::string Machine::describe() const {
  const raft::Core& core = replica_->core();
  const engine::CommitPipeline& log = store_->pipeline();
  return fmt::format(
      "machine {}: role {} term {} leader {} last {} synced {} commit {} ({}) applied {} {}",
      index_ + 1, static_cast<int>(core.role()), core.term(),
      static_cast<std::uint64_t>(core.leader()), log.last_sequence(), log.synced_sequence(),
      core.commit(), log.committed_sequence(), replica_->applied(),
      replica_->failure() ? kv::describe(*replica_->failure()) : "");
}

}  // namespace kv::kvsim
