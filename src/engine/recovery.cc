#include "engine/recovery.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "engine/checkpoint.h"
#include "engine/index_load.h"
#include "engine/merge_remains.h"
#include "engine/segment_load.h"
#include "engine/unsealed.h"
#include "format/names.h"

namespace kv::engine {

namespace {

class Recovery {
 public:
  explicit Recovery(const RecoveryContext& context) : context_(context) {}

  Result<Recovered> run() {
    const auto start = std::chrono::steady_clock::now();
    if (auto sorted = sort_out_files(); !sorted) return tl::unexpected(std::move(sorted).error());
    const auto sorted_out = std::chrono::steady_clock::now();
    if (auto loaded = load_segments(); !loaded) return tl::unexpected(std::move(loaded).error());
    const auto loaded_all = std::chrono::steady_clock::now();
    if (auto built = build_index(); !built) return tl::unexpected(std::move(built).error());
    const auto end = std::chrono::steady_clock::now();
    using Milliseconds = std::chrono::duration<double, std::milli>;
    out_.stats.keys = context_.index.size();
    for (const auto& [id, bytes] : damaged_bytes_) out_.stats.bytes_quarantined += bytes;
    out_.stats.segments_damaged = damaged_bytes_.size();
    out_.stats.duration_ms = Milliseconds(end - start).count();
    out_.stats.segments_ms = Milliseconds(loaded_all - sorted_out).count();
    out_.stats.index_ms = Milliseconds(end - loaded_all).count();
    return std::move(out_);
  }

 private:
  void tell(Event::Level level, std::string_view name, std::string details) {
    if (context_.listener != nullptr)
      context_.listener->on_event({level, name, std::move(details)});
  }

  // Files the MANIFEST does not list: hints, empty segments and those it listed once go (a merge or
  // an earlier recovery was done with them), segments of ours with records come back in when they
  // continue the log (their edit was lost), everything else is set aside.
  Result<void> sort_out_files() {
    DataDirectory& dir = context_.dir;
    auto names = dir.fs().list(dir.path());
    if (!names) return tl::unexpected(std::move(names).error());
    // As it was before any of them came back in.
    const format::ManifestState state = dir.manifest().state();
    for (const std::string& name : *names) {
      const format::ParsedName parsed = format::parse_name(name);
      if (parsed.kind != format::FileKind::kSegment && parsed.kind != format::FileKind::kHint)
        continue;
      const auto id = static_cast<format::SegmentId>(parsed.number);
      if (state.segments.contains(id)) continue;
      if (parsed.kind == format::FileKind::kHint) {
        if (auto removed = dir.fs().remove(dir.file_path(name)); !removed) return removed;
      } else if (auto placed = place_unlisted(name, id, state.next_segment); !placed) {
        return placed;
      }
    }
    return {};
  }

  Result<void> place_unlisted(const std::string& name, format::SegmentId id,
                              std::uint64_t next_segment) {
    DataDirectory& dir = context_.dir;
    const std::string path = dir.file_path(name);
    auto content = dir.fs().open(path, io::OpenMode::kRead);
    if (!content) return tl::unexpected(std::move(content).error());
    auto size = (*content)->size();
    if (!size) return tl::unexpected(std::move(size).error());
    if (*size <= format::kSegmentHeaderSize) {
      tell(Event::Level::kInfo, "leftover removed", fmt::format("file={}", path));
      return dir.fs().remove(path);
    }
    char bytes[format::kSegmentHeaderSize];
    auto got = (*content)->read_at(0, bytes, sizeof bytes);
    if (!got) return tl::unexpected(std::move(got).error());
    const auto header = format::decode_segment_header({bytes, *got});
    const bool is_ours = header && header->id == id &&
                         header->database_id_hash == format::database_id_hash(dir.identity());
    const bool is_new = format::number(id) >= next_segment;
    if (is_ours && !is_new) {
      tell(Event::Level::kInfo, "leftover removed", fmt::format("file={}", path));
      return dir.fs().remove(path);
    }
    const bool continues_log = is_ours && header->kind == format::SegmentKind::kLog;
    if (!continues_log) {
      tell(Event::Level::kWarning, "segment set aside",
           fmt::format("segment={} reason=\"the MANIFEST does not list it\"", path));
      return dir.set_aside(name);
    }
    tell(Event::Level::kWarning, "segment taken in again",
         fmt::format("segment={} reason=\"the MANIFEST lost its entry\"", path));
    const format::Edit edits[] = {format::AddSegment{id, header->kind, header->salt}};
    return dir.manifest().append(edits);
  }

  Result<void> load_segments() {
    if (auto taken = take_in_remains(context_.dir, context_.listener); !taken) return taken;
    const format::ManifestState state = context_.dir.manifest().state();
    std::vector<format::SegmentInfo> all;
    for (const auto& [id, info] : state.segments) all.push_back(info);
    Result<UnsealedOutcome> rest = UnsealedOutcome{};
    const auto seal = [&] {
      rest =
          seal_unsealed(context_.dir, all, context_.committed, context_.on_lost, context_.listener);
    };
    std::optional<std::jthread> beside;
    if (context_.threads > 1) beside.emplace(seal);
    auto loaded = load_sealed_ones(state);
    if (beside) {
      beside->join();
    } else if (loaded) {
      seal();
    }
    if (!loaded) return loaded;
    if (!rest) return tl::unexpected(std::move(rest).error());
    std::move(rest->sealed.begin(), rest->sealed.end(), std::back_inserter(segments_));
    out_.last_sequence = rest->last_sequence;
    out_.chain = rest->chain;
    out_.spare = rest->spare;
    out_.stats.bytes_cut = rest->bytes_cut;
    out_.kept = std::move(rest->kept);
    out_.applied_sequence = rest->sealed_sequence;
    out_.lost_sequence = rest->lost_sequence;
    out_.lost_term = rest->lost_term;
    recall_damage();
    return {};
  }

  // By the checkpoint or by hints and scans.
  Result<void> load_sealed_ones(const format::ManifestState& state) {
    open_checkpoint_of(state);
    std::vector<format::SegmentInfo> sealed;
    for (const auto& [id, info] : state.segments) {
      if (info.is_sealed && !covered_.contains(id)) sealed.push_back(info);
    }
    return load_in_parallel(sealed);
  }

  void recall_damage() {
    const format::ManifestState state = context_.dir.manifest().state();
    for (const format::Quarantine& range : state.quarantines) {
      damaged_bytes_[range.id] += range.size;
      out_.hidden.add(context_.dir.segment_path(range.id), range);
    }
  }

  // Takes the checkpoint for the segments it covers, if it can be relied on.
  void open_checkpoint_of(const format::ManifestState& state) {
    // Damage may have taken a delete away from what it saw.
    if (!state.quarantines.empty()) return;
    checkpoint_ = open_checkpoint(context_.dir, context_.listener);
    if (!checkpoint_) return;
    for (const format::CheckpointSegment& one : checkpoint_->reader.head().segments) {
      const auto found = state.segments.find(one.id);
      if (found == state.segments.end()) continue;  // merged away
      const format::SegmentInfo& info = found->second;
      const std::string path = context_.dir.segment_path(one.id);
      const bool is_same = info.is_sealed && info.salt == one.salt && info.size == one.size;
      if (!is_same || !is_whole(path, info.size)) {
        tell(Event::Level::kWarning, "checkpoint not used",
             fmt::format("segment={} reason=\"it is not as it was\" action=\"hints\"", path));
        checkpoint_ = std::nullopt;
        covered_.clear();
        return;
      }
      covered_.emplace(one.id, info);
    }
  }

  bool is_whole(const std::string& path, std::uint64_t size) {
    auto file = context_.dir.fs().open(path, io::OpenMode::kRead);
    if (!file) return false;
    const auto found = (*file)->size();
    return found && *found >= size;
  }

  Result<void> load_in_parallel(const std::vector<format::SegmentInfo>& infos) {
    segments_.resize(infos.size());
    std::vector<Result<void>> outcomes(infos.size());
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
      for (std::size_t i = next++; i < infos.size(); i = next++) {
        auto loaded = load_sealed(context_.dir, infos[i], context_.listener);
        if (loaded) {
          segments_[i] = std::move(*loaded);
        } else {
          outcomes[i] = tl::unexpected(std::move(loaded).error());
        }
      }
    };
    std::vector<std::jthread> helpers;
    for (std::uint32_t i = 1; i < std::min<std::size_t>(context_.threads, infos.size()); ++i) {
      helpers.emplace_back(work);
    }
    work();
    helpers.clear();  // joins
    for (auto& outcome : outcomes) {
      if (!outcome) return std::move(outcome);
    }
    return {};
  }

  Result<void> build_index() {
    std::vector<std::shared_ptr<Segment>> handles;
    std::vector<SegmentRun> runs;
    for (const LoadedSegment& loaded : segments_) {
      auto handle = add_sealed(loaded.info, loaded.path);
      if (!handle) return tl::unexpected(std::move(handle).error());
      (*handle)->is_damaged = !loaded.damaged.empty() || damaged_bytes_.contains(loaded.info.id);
      (*handle)->is_incomplete = (*handle)->is_damaged.load();
      handles.push_back(*handle);
      runs.push_back({&loaded.keys->reader, handle->get()});
      count(loaded);
    }
    if (!checkpoint_) {
      load_index(context_.index, runs, nullptr, context_.threads);
      return {};
    }
    CheckpointRun checkpoint{&checkpoint_->reader, {}};
    for (const format::CheckpointSegment& one : checkpoint_->reader.head().segments) {
      checkpoint.segments.push_back(nullptr);
      const auto found = covered_.find(one.id);
      if (found == covered_.end()) continue;
      auto handle = add_sealed(found->second, context_.dir.segment_path(one.id));
      if (!handle) return tl::unexpected(std::move(handle).error());
      (*handle)->delete_bytes = one.delete_bytes;
      handles.push_back(*handle);
      checkpoint.segments.back() = handle->get();
      out_.stats.segments += 1;
      out_.stats.segments_by_checkpoint += 1;
      out_.covered.push_back(one.id);
    }
    load_index(context_.index, runs, &checkpoint, context_.threads);
    return {};
  }

  Result<std::shared_ptr<Segment>> add_sealed(const format::SegmentInfo& info,
                                              const std::string& path) {
    auto handle = context_.table.add(path, info.id, info.kind, info.salt);
    if (!handle) return handle;
    (*handle)->size = info.size;
    (*handle)->records = info.records;
    (*handle)->first_sequence = info.first_sequence;
    (*handle)->last_sequence = info.last_sequence;
    (*handle)->is_sealed = true;
    return handle;
  }

  void count(const LoadedSegment& loaded) {
    out_.stats.segments += 1;
    (loaded.is_by_hint ? out_.stats.segments_by_hint : out_.stats.segments_by_scan) += 1;
    std::uint64_t damaged = loaded.bytes_lost;
    for (const DamagedRange& range : loaded.damaged) {
      damaged += range.size;
      out_.hidden.add(loaded.path, range);
    }
    // The MANIFEST may know of the same ranges.
    if (damaged == 0) return;
    std::uint64_t& known = damaged_bytes_[loaded.info.id];
    known = std::max(known, damaged);
  }

  const RecoveryContext& context_;
  Recovered out_;
  std::vector<LoadedSegment> segments_;
  std::map<format::SegmentId, std::uint64_t> damaged_bytes_;  // of the damaged segments
  std::optional<OpenCheckpoint> checkpoint_;
  std::map<format::SegmentId, format::SegmentInfo> covered_;  // by the checkpoint, and still there
};

}  // namespace

Result<Recovered> recover(const RecoveryContext& context) { return Recovery(context).run(); }

}  // namespace kv::engine
