#include "kvsim/machine.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/checksum.h"
#include "engine/incoming.h"
#include "format/identity.h"
#include "format/names.h"
#include "kvsim/cluster.h"
#include "peer/frame_reader.h"

namespace kv::kvsim {

namespace {

constexpr Time kDiskMin = 200;  // microseconds between two looks at the disk

// "write /db/000003.seg at 64" -> "write .seg".
std::string without_numbers(const std::string& words) {
  constexpr const char* kPlaces[] = {"lost+found", "incoming", "MANIFEST", "HARDSTATE", "CURRENT",
                                     "IDENTITY",   "LOCK",     "MEMBERS",  ".seg",      ".hint"};
  const std::string operation = words.substr(0, words.find(' '));
  for (const char* place : kPlaces) {
    if (words.find(place) != std::string::npos) return operation + " " + place;
  }
  return operation + " directory";
}

template <class T>
T must(Result<T> result) {
  KV_CHECK(result.has_value());
  return std::move(*result);
}

// Looks at the disk between two merges.
constexpr std::uint64_t kMergeEvery = 30;
constexpr std::uint64_t kScrubEvery = 100;

}  // namespace

Machine::Machine(Cluster& cluster, std::size_t index, Role role, std::uint64_t seed)
    : cluster_(cluster),
      index_(index),
      random_(seed, index),
      fs_(seed * 31 + index),
      blank_(fs_.disk()),
      rot_random_(seed, 1000 + index),
      role_(role),
      uuid_{1, index + 1},
      waiting_(fs_) {
  // A replica does not outlive a failed read: it would be a check that fails.
  fs_.let_reads_outlive_power();
  const std::uint64_t spread = cluster.options().clock_spread_permille;
  fs_.set_clock([this] { return now().boot_us / sim::kMillisecond; });
  fs_.set_hook([this](const io::SimCall& call) { return on_call(call); });
  clock_.set_rate(0, 1000 - spread + random_.below(2 * spread + 1));
}

Machine::~Machine() {
  waiting_.writes.clear();  // those who would be told are gone
  replica_.reset();
  store_.reset();
}

raft::Instant Machine::now() const { return clock_.read(cluster_.events().now()); }

void Machine::start() {
  KV_CHECK(!is_up());
  life_ += 1;
  is_starting_ = true;
  if (auto opened = open(); !opened && fs_.is_on()) {
    if (is_disk_bad_) return give_up("start");
    return cluster_.report(
        fmt::format("machine {} does not start: {}", index_ + 1, kv::describe(opened.error())));
  }
  plan_disk();
  if (fs_.is_on() && !(is_disk_bad_ && has_failed())) {
    const Look undisturbed(*this);
    check_memory();
    cluster_.oracle().look_at_start(*this);
    cluster_.invariants().look_at_start(*this);
  }
  look();
  is_starting_ = false;
}

// A crash takes nothing that was durable, and nobody says that it did.
void Machine::check_memory() {
  if (is_damaged_) return check_claim();
  if (store_->lost_sequence() != 0 || hard_state_->state().claimed_last != raft::Position{}) {
    return cluster_.report(
        fmt::format("machine {} says that it lost records up to {}, and nothing is", index_ + 1,
                    store_->lost_sequence()));
  }
  if (durable_end_.seq == 0 || chain_at(durable_end_.seq) == durable_end_.chain) return;
  cluster_.report(fmt::format("machine {} had record {} of term {} on its disk, and has it no more",
                              index_ + 1, durable_end_.seq, durable_end_.term));
}

Result<void> Machine::open() {
  kv::Options options;
  options.segment_size_max = kSegmentSize;
  options.merges_automatically = false;
  options.scrub_rate = 0;
  options.value_cache_max = 0;
  options.listener = this;
  auto dir = engine::DataDirectory::open(fs_, kPath, "kvsim", true, nullptr);
  if (!dir) return tl::unexpected(std::move(dir).error());
  auto hard_state = node::HardStateFile::open(
      fs_, kPath, format::database_id_hash((*dir)->identity()), node::Memory::kMayBeNew);
  if (!hard_state) return tl::unexpected(std::move(hard_state).error());
  hard_state_ = std::move(*hard_state);
  if (auto opened = open_members(**dir); !opened) return opened;
  const Replicated replicated{hard_state_->state().commit_hint,
                              {},
                              [this](std::uint64_t term, std::uint64_t sequence) {
                                return node::Replica::claim(*hard_state_, {term, sequence});
                              },
                              [this] { return local_acks_.look(now()).has_value(); }};
  auto store = StoreImpl::open(std::move(*dir), options, Background::kCaller, replicated);
  if (!store) return tl::unexpected(std::move(store).error());
  store_ = std::move(*store);
  const node::Replica::Parts parts{*store_,
                                   *hard_state_,
                                   *members_,
                                   *this,
                                   cluster_.options().retention,
                                   cluster_.options().compare_us};
  settings_ = {};
  if (cluster_.options().has_tight_limits) settings_ = tight_limits(cluster_.options().seed);
  settings_.has_lease_reads = cluster_.options().has_leases;
  settings_.catch_up_rate = cluster_.options().catch_up_rate;
  const node::Self self{raft::NodeId{index_ + 1}, uuid_, members_->content().has_joined};
  replica_ =
      std::make_unique<node::Replica>(parts, self, settings_, random_.below(UINT64_MAX), now());
  return {};
}

Result<void> Machine::open_members(engine::DataDirectory& dir) {
  const std::uint64_t hash = format::database_id_hash(dir.identity());
  const auto is_there = fs_.exists(std::string(kPath) + "/" + std::string(format::kMembersName));
  if (!is_there) return tl::unexpected(is_there.error());
  auto members = *is_there ? node::MembersFile::open(fs_, kPath, hash)
                           : node::MembersFile::create(fs_, kPath, hash, cluster_.members(),
                                                       role_ == Role::kFounder
                                                           ? node::MembersFile::Origin::kFounder
                                                           : node::MembersFile::Origin::kJoined);
  if (!members) return tl::unexpected(std::move(members).error());
  members_ = std::move(*members);
  return {};
}

void Machine::crash(io::CrashMode mode) {
  if (!is_up()) return;
  fs_.lose_power();
  const bool is_disk_bad = is_disk_bad_;
  end(mode);
  may_be_damaged_ = mode != io::CrashMode::kKeepCache && !is_disk_bad;
}

void Machine::end(io::CrashMode mode) {
  life_ += 1;
  keep_power();
  {
    const Look undisturbed(*this);
    note_durable();
  }
  may_be_damaged_ = false;
  open_segments_.clear();
  if (store_) {
    for (const auto& segment : *store_->segments().all()) {
      if (!segment->is_sealed) open_segments_.emplace_back(segment->path(), segment->salt());
    }
  }
  aside_until_ = 0;
  waiting_.writes.clear();  // nobody is told
  reads_.clear();
  lease_.end();
  local_acks_.end();
  window_.reset();
  is_paused_ = false;
  requests_.clear();
  inbox_.clear();
  clock_.set_motion(cluster_.events().now(), sim::NodeClock::Motion::kRuns);
  replica_.reset();
  store_.reset();
  hard_state_.reset();
  members_.reset();
  fs_.restart(mode, random_.below(1000));
  is_asking_ = false;
  const auto space = fs_.space(kPath);
  fs_.clear_faults();
  is_disk_bad_ = is_disk_bad_ && space && space->total_bytes != kCapacity;
  undo_rot();
}

void Machine::wipe() {
  KV_CHECK(!is_up());
  fs_.restore(blank_);
  fs_.restart(io::CrashMode::kKeepAll);
  role_ = Role::kSpare;
  former_uuid_ = uuid_;
  uuid_.high += 1;
  former_ = std::exchange(durable_, {});
  durable_end_ = {};
  is_damaged_ = may_be_damaged_ = false;
  cluster_.oracle().forget(*this);
  cluster_.invariants().forget(*this);
}

void Machine::plan(PowerCut cut) {
  cut_ = std::move(cut);
  has_cut_begun_ = false;
}

void Machine::keep_power() { cut_ = std::nullopt; }

bool Machine::on_call(const io::SimCall& call) {
  if (call.operation != io::SimOperation::kLook) {
    cluster_.trace().note("disk", index_, static_cast<int>(call.operation), call.path, call.offset,
                          call.size);
  }
  if (!cut_ || !io::is_change(call.operation)) return false;
  has_cut_begun_ = has_cut_begun_ || call.path.find(cut_->path_part) != std::string::npos;
  return has_cut_begun_ && cut_->changes-- == 0;
}

void Machine::look() {
  if (!fs_.is_on()) return die(is_starting_ ? "start: " : "");
  if (is_disk_bad_ && has_failed())
    return give_up(without_numbers(kv::describe(*replica_->failure())));
  cluster_.look_at(*this);
  if (is_damaged_ && !is_starting_) check_claim();
  if (replica_->replacement()) reopen();
}

// Another one's state takes the place of this one's, as after a restart.
void Machine::reopen() {
  const format::ManifestState state = *replica_->replacement();
  cluster_.outcome().replacements += 1;
  life_ += 1;
  durable_.clear();
  durable_end_ = {};
  waiting_.writes.clear();  // nobody is told
  reads_.clear();
  lease_.end();
  local_acks_.end();
  replica_.reset();
  auto done = store_->close();
  if (done) done = engine::replace_state(store_->directory(), state);
  if (!fs_.is_on()) return die("replace: ");
  if (!done && is_disk_bad_) return give_up("replace");
  if (!done) return cluster_.report("a state is not replaced: " + kv::describe(done.error()));
  store_.reset();
  hard_state_.reset();
  members_.reset();
  is_asking_ = false;
  undo_rot();
  start();
}

void Machine::die(const std::string& where) {
  constexpr io::CrashMode kModes[] = {io::CrashMode::kKeepCache, io::CrashMode::kLoseUnsynced,
                                      io::CrashMode::kKeepAll, io::CrashMode::kRandom};
  const std::string words = where + without_numbers(fs_.last_words());
  end(kModes[random_.below(std::size(kModes))]);
  cluster_.on_death(*this, words);
}

void Machine::after(Time delay, std::function<void()> action) {
  cluster_.events().after(delay, [this, life = life_, action = std::move(action)] {
    if (life == life_) run(action);
  });
}

void Machine::run(std::function<void()> action) {
  if (!is_paused_) return action();
  inbox_.push_back(std::move(action));
}

void Machine::pause(Time duration, sim::NodeClock::Motion motion) {
  if (!is_up() || is_paused_) return;
  is_paused_ = true;
  clock_.set_motion(cluster_.events().now(), motion);
  cluster_.events().after(duration, [this, life = life_] {
    if (life == life_) resume();
  });
}

void Machine::resume() {
  if (!is_paused_) return;
  is_paused_ = false;
  clock_.set_motion(cluster_.events().now(), sim::NodeClock::Motion::kRuns);
  // Its threads go on in any order: requests may be looked at before the clocks are.
  auto first = std::exchange(requests_, {});
  auto second = std::exchange(inbox_, {});
  const bool is_inbox_first = random_.chance(50);
  if (cluster_.options().has_more_writes) {
    // They are of several connections; and one that needs nobody is answered before the replica
    // has its turn.
    for (std::size_t i = first.size(); i > 1; --i) first[i - 1].swap(first[random_.below(i)]);
    is_replica_late_ = !is_inbox_first;
  }
  if (is_inbox_first) first.swap(second);
  const std::uint64_t life = life_;
  for (auto* const actions : {&first, &second}) {
    for (const auto& action : *actions) {
      if (life == life_) action();
    }
    is_replica_late_ = false;
  }
}

// The process's other threads: the log is synced, segments are made and sealed, time passes.
void Machine::plan_disk() {
  after(kDiskMin + random_.below(cluster_.options().disk_max_us), [this] {
    const bool is_stalled = cluster_.events().now() < stalled_until_;
    if (random_.below(3) != 0 && !is_stalled) store_->work();
    if (random_.below(kMergeEvery) == 0 && !is_stalled) [[maybe_unused]]
      const auto merged = store_->merge(0);
    if (cluster_.options().has_rot && rot_random_.below(kScrubEvery) == 0) [[maybe_unused]]
      const auto scrubbed = store_->verify({});
    note_window();
    replica_->work(now());
    ask_what_is_whole();
    finish_reads();
    refuse_reads_without_leader();
    plan_disk();
    look();
  });
}

void Machine::Waiting::on_written(const WriteTag& tag, Result<WriteResult> result) {
  if (!fs.is_on()) return;
  auto found = writes.extract(tag.request);
  if (!found.empty()) found.mapped()(std::move(result));
}

void Machine::write(const Write& write, Done done) {
  if (!is_paused_) return write_now(write, std::move(done));
  requests_.push_back([this, copy = write, key = std::string(write.key),
                       value = std::string(write.value), done = std::move(done)]() mutable {
    copy.key = key;
    copy.value = value;
    write_now(copy, done);
  });
}

// What comes of other states the oracle sees as well; this is so that none is taken for another.
void Machine::on_comparison(const node::ComparisonNews& news) {
  if (!fs_.is_on()) return;
  using Kind = node::ComparisonNews::Kind;
  if (news.kind == Kind::kSame) {
    cluster_.outcome().comparisons += 1;
  } else if (news.kind != Kind::kUnreadable || (!cluster_.options().has_rot && !is_disk_bad_)) {
    cluster_.report(fmt::format("states differ: kind {} seq {} peer {} buckets {} {}",
                                static_cast<int>(news.kind), news.seq,
                                static_cast<std::uint64_t>(news.peer), news.buckets, news.cause));
  }
}

void Machine::write_now(const Write& write, Done done) {
  const std::uint64_t number = waiting_.next++;
  waiting_.writes[number] = std::move(done);
  store_->submit(write, waiting_, WriteTag{0, number});
  store_->flush(ReadMode::kNoWait);
  if (!is_replica_late_) replica_->work(now());
  look();
}

void Machine::read(const std::string& key, ReadDone done) {
  if (!is_paused_) return read_now(key, done);
  requests_.push_back([this, key, done = std::move(done)] { read_now(key, done); });
}

void Machine::read_now(const std::string& key, const ReadDone& done) {
  // As a server does that trusts leases: without a word to the replica.
  const auto leased = lease_.look(now());
  if (leased && std::max(*leased, store_->pipeline().local_sequence()) <= replica_->applied()) {
    cluster_.outcome().leased_reads += 1;
    return done(store_->get(key, ReadMode::kMayBlock));
  }
  const std::uint64_t number = next_read_++;
  reads_[number] = {key, done, std::nullopt, cluster_.events().now()};
  if (!replica_->read_index(number, now()) && fs_.is_on()) {
    auto refused = reads_.extract(number);
    if (!refused.empty()) {
      refused.mapped().done(tl::unexpected(Error{Errc::kNotLeader, "reads are not served", {}}));
    }
  }
  finish_reads();
  look();
}

void Machine::transfer(raft::NodeId target) {
  run([this, target] {
    [[maybe_unused]] const auto begun = replica_->transfer(target, now());
    look();
  });
}

void Machine::change_members(const node::MemberChange& change) {
  if (replica_->change_members(change, now())) cluster_.outcome().changes += 1;
  look();
}

void Machine::on_read(const raft::ReadResult& read) {
  if (!fs_.is_on()) return;
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
  if (!fs_.is_on()) return;
  std::vector<std::uint64_t> ready;
  for (const auto& [number, read] : reads_) {
    if (read.seq && *read.seq <= replica_->applied()) ready.push_back(number);
  }
  for (const std::uint64_t number : ready) {
    auto read = reads_.extract(number);
    read.mapped().done(store_->get(read.mapped().key, ReadMode::kMayBlock));
  }
}

// As a server's host does. While things go wrong clients give up as well, and what was found by
// seeds of before stays found.
void Machine::refuse_reads_without_leader() {
  if (!fs_.is_on() || !cluster_.is_calm() || leader() != raft::kNoNode) return;
  const Time now = cluster_.events().now();
  std::vector<std::uint64_t> refused;
  for (const auto& [number, read] : reads_) {
    if (read.seq && now - read.since > cluster_.members().election_us) refused.push_back(number);
  }
  for (const std::uint64_t number : refused) {
    auto read = reads_.extract(number);
    read.mapped().done(tl::unexpected(replica_->not_leading()));
  }
}

void Machine::note_window() {
  const raft::Core& core = replica_->core();
  if (!window_) window_.emplace(core.config().lease_us());
  window_->note(core.last().seq, core.commit(), now());
}

// As a server's host does.
void Machine::on_lease(const std::optional<raft::Instant>& until, raft::Seq commit) {
  lease_.end();
  local_acks_.end();
  if (!until || !cluster_.options().has_leases) return;
  lease_.give(*until, commit);
  if (!window_) return;
  const raft::Instant window = window_->end(commit);
  local_acks_.give({.boot_us = std::min(until->boot_us, window.boot_us),
                    .raw_us = std::min(until->raw_us, window.raw_us)},
                   commit);
}

void Machine::on_alarm(const raft::Alarm& alarm) {
  if (!fs_.is_on()) return;
  cluster_.report(std::string("an alarm: ") + raft::name_of(alarm.kind));
}

// Each job in an event of its own, and what comes of it in a later one.
void Machine::run_aside(std::function<void()> job, std::function<void()> done) {
  if (!fs_.is_on()) return;
  const Time now = cluster_.events().now();
  aside_until_ = std::max(now, aside_until_) + 2 + random_.below(cluster_.options().disk_max_us);
  after(aside_until_ - now, [this, job = std::move(job), done = std::move(done)] {
    job();
    after(1, [this, done] {
      done();
      look();
    });
    look();
  });
}

void Machine::on_event(const Event& event) {
  if (event.name == "records rolled back") cluster_.outcome().roll_backs += 1;
}

void Machine::send(raft::NodeId to, peer::Gather frame) {
  if (!fs_.is_on() || !replica_) return;
  const format::Member* const member = replica_->find_member(to);
  if (member == nullptr) return;
  const std::size_t receiver = static_cast<std::size_t>(to) - 1;
  const std::string bytes = frame.joined();
  cluster_.trace().note("send", index_, receiver, bytes.size(), base::crc32c(bytes));
  cluster_.network().send(
      index_, receiver,
      [cluster = &cluster_, receiver, bytes, hello = hello(), to_uuid = member->node_uuid] {
        Machine& machine = cluster->machine(receiver);
        cluster->trace().note("arrive", receiver, base::crc32c(bytes));
        if (machine.is_up() && machine.uuid() == to_uuid) {
          machine.receive(bytes, hello);
        }
      });
}

peer::Hello Machine::hello() const {
  peer::Hello hello;
  hello.node_id = raft::NodeId{index_ + 1};
  hello.node_uuid = uuid_;
  hello.commit = replica_->core().commit();
  hello.address = "machine:7401";
  return hello;
}

// Each side looks at who the other one is, as connections do when they begin.
void Machine::receive(const std::string& bytes, const peer::Hello& sender) {
  run([this, bytes, sender] { receive_now(bytes, sender); });
}

void Machine::receive_now(const std::string& bytes, const peer::Hello& sender) {
  const auto standing = replica_->admit(sender);
  if (!standing || *standing != node::Replica::Standing::kMember) return;
  peer::FrameReader reader;
  std::string_view rest = bytes;
  auto frame = reader.take(rest);
  KV_CHECK(frame && *frame && rest.empty());
  if (peer::is_snapshot((*frame)->type)) {
    const auto files = peer::decode_snapshot(std::move(**frame));
    KV_CHECK(files.has_value());
    replica_->receive(*files, now());
  } else if (peer::is_record_copy((*frame)->type)) {
    const auto copy = peer::decode_record_copy(std::move(**frame));
    KV_CHECK(copy.has_value());
    replica_->receive(*copy, now());
  } else if (peer::is_fingerprint((*frame)->type)) {
    const auto fingerprint = peer::decode_fingerprint(**frame);
    KV_CHECK(fingerprint.has_value());
    replica_->receive(*fingerprint, now());
  } else {
    const auto received = peer::decode_message(std::move(**frame));
    KV_CHECK(received.has_value());
    replica_->receive(*received, now());
  }
  finish_reads();
  look();
}

raft::Point Machine::committed() const {
  const Look undisturbed(*this);
  return replica_->committed();
}

std::map<std::string, std::string> Machine::content() const {
  const Look undisturbed(*this);
  std::map<std::string, std::string> rows;
  for (const auto keys : {StoreImpl::Keys::kOfUsers, StoreImpl::Keys::kReserved}) {
    auto cursor = store_->range({}, store_->snapshot(), keys);
    while (must(cursor.next(ReadMode::kMayBlock)) == Cursor::Step::kItem) {
      rows[cursor.item().key] = cursor.item().value;
    }
  }
  return rows;
}

void Machine::note_files() const {
  const io::SimDisk disk = fs_.disk();
  for (const auto& [path, inode] : disk.names().files()) {
    const std::string bytes = disk.content(inode).current().text();
    cluster_.trace().note("file", index_, path, bytes.size(), base::crc32c(bytes));
  }
}

std::optional<std::uint64_t> Machine::chain_at(raft::Seq seq) const {
  const Look undisturbed(*this);
  const format::LogFloor floor = store_->log_floor();
  if (seq != 0 && seq == floor.sequence) return floor.chain;
  engine::LogReader reader(store_->segments());
  const auto point = reader.point_at(seq);
  if (!point) return std::nullopt;
  return point->chain;
}

std::optional<std::uint64_t> Machine::durable_chain_at(const base::Uuid& disk,
                                                       raft::Seq seq) const {
  if (disk == former_uuid_) {
    const auto gone = former_.find(seq);
    return gone == former_.end() ? std::nullopt : std::optional(gone->second);
  }
  if (disk != uuid_) return std::nullopt;
  // Its word counted when it was given, and it will not forget that it was.
  if (const auto had = had_chains_.find(seq); is_damaged_ && had != had_chains_.end()) {
    return had->second;
  }
  if (is_up()) return seq <= store_->pipeline().synced_sequence() ? chain_at(seq) : std::nullopt;
  const auto found = durable_.find(seq);
  if (found == durable_.end()) return std::nullopt;
  return found->second;
}

// A life that ended before it knew its log leaves things as they were. What was being rolled back
// may be there again or not.
void Machine::note_durable() {
  if (!is_up()) return;
  const raft::Core& core = replica_->core();
  raft::Seq last = std::min(store_->pipeline().synced_sequence(), core.last().seq);
  while (last > 0 && chain_at(last) != core.point_at(last).chain) --last;
  durable_end_ = core.point_at(last);
  durable_.clear();
  for (raft::Seq seq = cluster_.oracle().committed() + 1; seq <= last; ++seq) {
    durable_[seq] = core.point_at(seq).chain;
  }
}

std::string Machine::describe() const {
  if (!is_up()) return fmt::format("machine {}/{}: down", index_ + 1, uuid_.high);
  const raft::Core& core = replica_->core();
  const engine::CommitPipeline& log = store_->pipeline();
  std::string members;
  for (const auto& one : memberships().all()) {
    members += fmt::format(" from {}:", one.sequence);
    for (const format::Member& member : one.membership.members) {
      members +=
          fmt::format(" {}{}/{}", member.role == format::MemberRole::kVoter ? "" : "learner ",
                      member.node_id, member.node_uuid.high);
    }
  }
  return fmt::format(
      "machine {}/{}: role {} term {} leader {} last {} synced {} commit {} ({}) applied {}{} {}",
      index_ + 1, uuid_.high, static_cast<int>(core.role()), core.term(),
      static_cast<std::uint64_t>(core.leader()), log.last_sequence(), log.synced_sequence(),
      core.commit(), log.committed_sequence(), replica_->applied(), members,
      replica_->failure() ? kv::describe(*replica_->failure()) : "");
}

}  // namespace kv::kvsim
