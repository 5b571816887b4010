#include "engine/unsealed.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "engine/log_proof.h"
#include "engine/planted.h"
#include "engine/segment_keys.h"
#include "format/names.h"

namespace kv::engine {

namespace {

class Sealer {
 public:
  Sealer(DataDirectory& dir, std::optional<std::uint64_t> committed, const LostListener& on_lost,
         EventListener* listener)
      : dir_(dir), committed_(committed), on_lost_(on_lost), listener_(listener) {
    out_.chain = format::kChainStart;
    // All below the floor is sealed, and may have been merged, or be another node's.
    const format::LogFloor floor = dir.manifest().state().log_floor;
    if (!committed || floor.sequence == 0) return;
    out_.last_sequence = out_.sealed_sequence = floor.sequence;
    out_.chain = floor.chain;
  }

  Result<UnsealedOutcome> run(LaterSegments infos) {
    for (std::size_t i = 0; i < infos.size(); ++i) {
      if (infos[i].is_sealed) {
        pass(infos[i]);
      } else if (auto done = take(infos[i], infos.subspan(i + 1)); !done) {
        return tl::unexpected(std::move(done).error());
      }
    }
    return std::move(out_);
  }

 private:
  void pass(const format::SegmentInfo& sealed) {
    if (sealed.last_sequence <= out_.last_sequence) return;
    out_.last_sequence = sealed.last_sequence;
    out_.sealed_sequence = sealed.last_sequence;
    out_.chain = sealed.end_chain;
  }

  void tell(Event::Level level, std::string_view name, std::string details) {
    if (listener_ != nullptr) listener_->on_event({level, name, std::move(details)});
  }

  Result<void> take(const format::SegmentInfo& info, LaterSegments later) {
    const std::string path = dir_.segment_path(info.id);
    auto is_there = dir_.fs().exists(path);
    if (!is_there) return tl::unexpected(std::move(is_there).error());
    // What a merge had copied so far: its inputs are all there, or it had been taken in.
    if (info.kind == format::SegmentKind::kMerged) return *is_there ? remove(info) : drop(info);
    if (!*is_there) {
      auto was_set_aside = dir_.was_set_aside(format::segment_name(info.id));
      if (!was_set_aside) return tl::unexpected(std::move(was_set_aside).error());
      if (*was_set_aside) return drop(info);
      // Its name was synced before the MANIFEST listed it, so somebody took it away.
      tell(Event::Level::kError, "segment missing", fmt::format("segment={}", path));
      const std::uint64_t last = end_before(dir_.fs(), dir_.path(), later);
      return last > out_.last_sequence ? seal_lost(info, last) : drop(info);
    }
    auto file = dir_.fs().open(path, io::OpenMode::kReadWrite);
    if (!file) return tl::unexpected(std::move(file).error());
    auto size = (*file)->size();
    if (!size) return tl::unexpected(std::move(size).error());
    // Only behind all others can it take the next records: segments are in log order. One that a
    // full disk left empty has used ones behind it.
    const bool is_last = std::ranges::find(later, format::SegmentKind::kLog,
                                           &format::SegmentInfo::kind) == later.end() ||
                         is_planted(Bug::kReuseEarlySpare);
    if (*size == 0 && is_last) {
      out_.spare = info.id;
      return {};
    }
    if (is_planted(Bug::kAppendToRecovered) && is_last) {
      out_.spare = info.id;
      return {};
    }
    if (*size <= format::kSegmentHeaderSize) return remove(info);
    if (info.cut_size != 0 && info.cut_size < *size) {
      // What the MANIFEST calls void; its bytes were kept when it was said.
      if (auto cut = (*file)->truncate(info.cut_size); !cut) return cut;
      *size = info.cut_size;
    }
    return scan(info, **file, *size, later);
  }

  Result<void> scan(const format::SegmentInfo& info, io::File& file, std::uint64_t size,
                    LaterSegments later) {
    auto header = load_header(file, dir_, info, out_.last_sequence + 1, out_.chain, listener_);
    if (!header) return tl::unexpected(std::move(header).error());
    auto proven = proven_by(dir_.fs(), dir_.path(), later);
    if (!proven) return tl::unexpected(std::move(proven).error());
    const std::uint64_t required = required_by(later);

    LoadedSegment loaded;
    loaded.info = info;
    loaded.path = file.path();
    loaded.header = *header;
    if (required == 0 && header->first_sequence != out_.last_sequence + 1) {
      // The segment before lost its end, by a torn tail or without a trace.
      SegmentWindow window(file, size, header->salt);
      auto synced = find_synced_sequence(window, format::kSegmentHeaderSize);
      if (!synced) return tl::unexpected(std::move(synced).error());
      const bool is_lost = std::max(*synced, *proven) > out_.last_sequence;
      if (is_lost && committed_) {
        const std::uint64_t lost = std::max(*synced, *proven);
        if (auto noted = note_all_lost(window, lost, later); !noted) return noted;
      }
      if (!is_lost || committed_ || header->first_sequence <= out_.last_sequence) {
        return set_aside(info, size);
      }
      loaded.damaged.push_back(gap_before(*header));
    }

    SegmentKeys keys;
    auto found = scan_keys(file, {ScanMode::kUnsealed, size, *header, 0, *proven}, keys);
    if (!found) return tl::unexpected(std::move(found).error());
    if (committed_ && !found->damaged.empty()) {
      if (auto ended = end_at_damage(file, *header, size, *found, later); !ended) return ended;
      size = found->end;
      keys = {};
      if (auto again = scan_keys(file, {ScanMode::kUnsealed, size, *header, 0, 0}, keys); !again) {
        return tl::unexpected(std::move(again).error());
      } else {
        found = std::move(again);
      }
    }
    loaded.damaged.insert(loaded.damaged.end(), found->damaged.begin(), found->damaged.end());
    if (is_planted(Bug::kTailNotCut)) {
      out_.bytes_cut += found->tail_size;
    } else if (found->tail_size > 0) {
      if (auto cut = cut_tail(file, *found); !cut) return cut;
    } else if (found->end < size) {
      // Zeros that were written ahead of the log, or that a crash left there.
      if (auto cut = file.truncate(found->end); !cut) return cut;
    }
    if (found->last_sequence < required) {
      loaded.damaged.push_back(lost_end(*found, required));
      found->last_sequence = required;
      found->end_chain = format::kChainUnknown;
    }
    // One that holds system records alone goes on the log, too.
    if (found->first_sequence == 0 && loaded.damaged.empty()) return remove(info);
    // What a kill left in the page cache alone becomes durable before it counts.
    if (!is_planted(Bug::kNotWrittenAgain)) {
      if (auto written = write_again(file, found->synced_end, found->end); !written) return written;
      if (found->end == size) {
        if (auto cut = cut_again(file, size); !cut) return cut;
      }
    }
    if (!is_planted(Bug::kSealTailUnsynced)) {
      if (auto synced = file.sync(); !synced) return synced;
    }
    if (committed_ && (!out_.kept.empty() || found->last_sequence > *committed_)) {
      return keep(info, *header, *found);
    }
    return seal(std::move(loaded), *found, std::move(keys));
  }

  Result<void> keep(const format::SegmentInfo& info, const format::SegmentHeader& header,
                    const SegmentScan& found) {
    out_.kept.push_back(
        {info, found.end, found.records, found.first_sequence, found.last_sequence, header.chain});
    out_.last_sequence = found.last_sequence;
    out_.chain = found.end_chain;
    return {};
  }

  // Behind what is damaged nothing counts any more, and what is intact of it may have been promised
  // though no mark tells of it yet: the last one is written with what comes after. Before anything
  // is cut, as then nothing tells of damage.
  Result<void> note_all_lost(SegmentWindow& damaged, std::uint64_t sequence, LaterSegments later) {
    for (const format::SegmentInfo& info : later) {
      if (info.is_sealed || info.kind != format::SegmentKind::kLog) continue;
      const auto file = dir_.fs().open(dir_.segment_path(info.id), io::OpenMode::kRead);
      if (!file && file.error().cause == std::errc::no_such_file_or_directory) continue;
      if (!file) return tl::unexpected(file.error());
      auto size = (*file)->size();
      if (!size) return tl::unexpected(std::move(size).error());
      SegmentWindow window(**file, info.size_that_counts(*size), info.salt);
      if (auto noted = note_lost(window, 0); !noted) return noted;
    }
    return note_lost(damaged, sequence);
  }

  // Everything up to `sequence` was durable, and so may be what lies there. Its term is at most the
  // highest of that.
  Result<void> note_lost(SegmentWindow& window, std::uint64_t sequence) {
    out_.lost_sequence = std::max(out_.lost_sequence, sequence);
    std::uint64_t at = format::kSegmentHeaderSize;
    while (at < window.size()) {
      auto frame = window.next_intact(at, at);
      if (!frame) return tl::unexpected(std::move(frame).error());
      if (at >= window.size()) break;
      out_.lost_term = std::max(out_.lost_term, frame->header.term);
      out_.lost_sequence = std::max(out_.lost_sequence, frame->header.sequence);
      at += format::record_size(frame->header);
    }
    return on_lost_ ? on_lost_(out_.lost_term, out_.lost_sequence) : Result<void>();
  }

  // Keeps what lies before the damage, and the rest where a person finds it. `found` ends there.
  Result<void> end_at_damage(io::File& file, const format::SegmentHeader& header,
                             std::uint64_t size, SegmentScan& found, LaterSegments later) {
    const std::uint64_t end = found.damaged.front().offset;
    SegmentWindow window(file, size, header.salt);
    if (auto noted = note_all_lost(window, found.last_sequence, later); !noted) return noted;
    tell(Event::Level::kError, "acknowledged data damaged",
         fmt::format("segment={} offset={} last_sequence={} action=\"asked of other nodes\"",
                     file.path(), end, found.last_sequence));
    SegmentScan tail;
    tail.end = end;
    tail.tail_size = size - end;
    tail.tail_has_frames = true;
    found.end = end;
    return cut_tail(file, tail);
  }

  DamagedRange gap_before(const format::SegmentHeader& header) const {
    DamagedRange range;
    range.offset = format::kSegmentHeaderSize;
    range.first_sequence = out_.last_sequence + 1;
    range.last_sequence = header.first_sequence - 1;
    range.is_blind = true;
    return range;
  }

  static DamagedRange lost_end(const SegmentScan& found, std::uint64_t required) {
    DamagedRange range;
    range.offset = found.end;
    range.first_sequence = found.last_sequence + 1;
    range.last_sequence = required;
    range.is_blind = true;
    return range;
  }

  Result<void> cut_tail(io::File& file, const SegmentScan& found) {
    if (found.tail_has_frames) {
      std::string tail(static_cast<std::size_t>(found.tail_size), '\0');
      auto got = file.read_at(found.end, tail.data(), tail.size());
      if (!got) return tl::unexpected(std::move(got).error());
      tail.resize(*got);
      const std::string name = file.path().substr(file.path().rfind('/') + 1) + ".tail";
      if (auto kept = dir_.set_aside_bytes(name, tail); !kept) return kept;
    }
    if (auto cut = file.truncate(found.end); !cut) return cut;
    out_.bytes_cut += found.tail_size;
    tell(Event::Level::kWarning, "tail cut",
         fmt::format("segment={} offset={} bytes={} kept={}", file.path(), found.end,
                     found.tail_size, found.tail_has_frames ? "lost+found" : "no"));
    return {};
  }

  // After a sync that failed the system shows records that it will never write to the disk, calls
  // them clean, and the process that knew is gone. Written once more they are dirty.
  static Result<void> write_again(io::File& file, std::uint64_t offset, std::uint64_t end) {
    constexpr std::uint64_t kPiece = 1024 * 1024;
    std::string piece;
    while (offset < end) {
      piece.resize(static_cast<std::size_t>(std::min(kPiece, end - offset)));
      auto got = file.read_at(offset, piece.data(), piece.size());
      if (!got) return tl::unexpected(std::move(got).error());
      if (*got == 0) break;
      const std::string_view pieces[] = {std::string_view(piece).substr(0, *got)};
      if (auto written = file.write_at(offset, pieces); !written) return written;
      offset += *got;
    }
    return {};
  }

  // The same holds for its length: the cut of a seal may be one that only memory knows.
  static Result<void> cut_again(io::File& file, std::uint64_t size) {
    if (auto longer = file.truncate(size + format::kRecordHeaderSize); !longer) return longer;
    return file.truncate(size);
  }

  Result<void> seal(LoadedSegment loaded, const SegmentScan& found, SegmentKeys keys) {
    format::SegmentInfo& info = loaded.info;
    info.is_sealed = true;
    info.size = format::padded(found.end);  // a record cut short is damage
    info.records = found.records;
    info.first_sequence = found.first_sequence;
    info.last_sequence = found.last_sequence;
    info.end_chain = found.end_chain;
    std::vector<format::Edit> edits;
    edits.emplace_back(format::SealSegment{info.id, info.size, info.records, info.first_sequence,
                                           info.last_sequence, info.end_chain});
    for (const DamagedRange& range : loaded.damaged) {
      edits.emplace_back(format::Quarantine{info.id, range.offset, range.size, range.first_sequence,
                                            range.last_sequence, range.is_blind});
      tell(Event::Level::kError, "acknowledged data damaged",
           fmt::format("segment={} offset={} size={} first_sequence={} last_sequence={} keys={}",
                       loaded.path, range.offset, range.size, range.first_sequence,
                       range.last_sequence, range.keys.size()));
    }
    if (auto said = dir_.manifest().append(edits); !said) return said;
    auto hint = OpenHint::open(std::move(keys).hint(binding_of(info, info.salt)));
    if (!hint) return tl::unexpected(std::move(hint).error());
    loaded.keys = std::move(*hint);
    if (loaded.damaged.empty())
      write_hint(dir_.fs(), dir_.hint_path(info.id), *loaded.keys->content, listener_);
    out_.last_sequence = std::max(out_.last_sequence, info.last_sequence);
    out_.sealed_sequence = out_.last_sequence;
    out_.chain = info.end_chain;
    out_.sealed.push_back(std::move(loaded));
    return {};
  }

  // All that is known of it is which records were in it: they are damaged from now on, so that no
  // older ones stand for them.
  Result<void> seal_lost(const format::SegmentInfo& info, std::uint64_t last) {
    LoadedSegment lost;
    lost.info = info;
    lost.path = dir_.segment_path(info.id);
    SegmentScan found;
    found.end = format::kSegmentHeaderSize;
    found.first_sequence = out_.last_sequence + 1;
    found.last_sequence = last;
    found.end_chain = format::kChainUnknown;
    DamagedRange range;
    range.size = found.end;
    range.first_sequence = found.first_sequence;
    range.last_sequence = last;
    range.is_blind = true;
    lost.damaged.push_back(std::move(range));
    return seal(std::move(lost), found, {});
  }

  // Nothing in it counts, and there are records: keep them where a person finds them.
  Result<void> set_aside(const format::SegmentInfo& info, std::uint64_t size) {
    tell(Event::Level::kWarning, "segment set aside",
         fmt::format("segment={} bytes={} reason=\"it follows a torn tail; nothing in it was "
                     "acknowledged as durable\"",
                     dir_.segment_path(info.id), size));
    out_.bytes_cut += size;
    if (auto moved = dir_.set_aside(format::segment_name(info.id)); !moved) return moved;
    return drop(info);
  }

  // First the MANIFEST forgets it, then the file goes; in between it is an unlisted empty file.
  Result<void> remove(const format::SegmentInfo& info) {
    if (is_planted(Bug::kUnlinkBeforeDrop)) {
      if (auto gone = dir_.fs().remove(dir_.segment_path(info.id)); !gone) return gone;
      return drop(info);
    }
    if (auto dropped = drop(info); !dropped) return dropped;
    return dir_.fs().remove(dir_.segment_path(info.id));
  }

  Result<void> drop(const format::SegmentInfo& info) {
    const format::Edit edits[] = {format::SealSegment{info.id, 0, 0, 0, 0, 0},
                                  format::MergeSegments{{info.id}, {}, 0}};
    return dir_.manifest().append(edits);
  }

  DataDirectory& dir_;
  const std::optional<std::uint64_t> committed_;
  const LostListener& on_lost_;
  EventListener* const listener_;
  UnsealedOutcome out_;
};

}  // namespace

Result<UnsealedOutcome> seal_unsealed(DataDirectory& dir,
                                      std::span<const format::SegmentInfo> infos,
                                      std::optional<std::uint64_t> committed,
                                      const LostListener& on_lost, EventListener* listener) {
  return Sealer(dir, committed, on_lost, listener).run(infos);
}

}  // namespace kv::engine
