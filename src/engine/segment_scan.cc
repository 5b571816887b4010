#include "engine/segment_scan.h"

#include <algorithm>
#include <deque>
#include <optional>

#include "engine/planted.h"

namespace kv::engine {

using format::RecordType;

namespace {

class Scanner {
 public:
  Scanner(const io::File& file, const ScanRequest& request, const RecordVisitor& visit)
      : request_(request),
        visit_(visit),
        window_(file, request.size, request.header.salt),
        next_(request.header.first_sequence) {
    if (request.header.chain != format::kChainUnknown) chain_ = request.header.chain;
    proven_ = request.mode == ScanMode::kSealed ? UINT64_MAX : request.synced_elsewhere;
  }

  Result<SegmentScan> run() {
    std::uint64_t at = format::kSegmentHeaderSize;
    while (at < request_.size) {
      auto frame = window_.frame(at);
      if (!frame) return tl::unexpected(std::move(frame).error());
      if (frame->state == Frame::State::kIntact && take(*frame, at)) {
        at += format::record_size(frame->header);
        continue;
      }
      if (auto ended = pass_bad_frame(at); !ended) {
        return tl::unexpected(std::move(ended).error());
      } else if (*ended) {
        return std::move(scan_);
      }
    }
    finish(std::min(at, request_.size));
    return std::move(scan_);
  }

 private:
  struct MarkPlace {
    std::uint64_t last_sequence;  // of the records before it
    std::uint64_t offset;
  };

  bool is_log() const { return request_.header.kind == format::SegmentKind::kLog; }

  // False when the frame is sound but does not belong here: left over, or the log has a hole.
  bool take(const Frame& frame, std::uint64_t at) {
    const format::RecordHeader& header = frame.header;
    if (header.type == RecordType::kSyncMark) return take_mark(frame, at);
    if (is_log() && (follows_damage_ ? header.sequence < next_ : header.sequence != next_))
      return false;
    if (scan_.first_sequence == 0 || header.sequence < scan_.first_sequence) {
      scan_.first_sequence = header.sequence;
    }
    note(header, frame, at);
    next_ = is_log() ? header.sequence + 1 : std::max(next_, header.sequence + 1);
    follows_damage_ = false;
    if (is_log() && chain_) chain_ = format::extend_chain(*chain_, header);
    return true;
  }

  void note(const format::RecordHeader& header, const Frame& frame, std::uint64_t at) {
    if (format::is_system(header.type)) return;  // it writes no key
    bool is_half = false;
    const RecordVisitor count_and_visit = [&](const ScannedRecord& record) {
      if (is_half) return;
      is_half = is_planted(Bug::kReplayHalfBatch) && request_.mode == ScanMode::kUnsealed &&
                header.type == RecordType::kBatch;
      scan_.records += 1;
      visit_(record);
    };
    if (header.type == RecordType::kBatch) {
      visit_batch(frame.body, at, header.sequence, count_and_visit, nullptr);
    } else {
      count_and_visit({frame.body.substr(0, header.key_size), header.sequence, at,
                       header.value_size, header.type});
    }
  }

  bool take_mark(const Frame& frame, std::uint64_t at) {
    const auto mark = format::decode_sync_mark(frame.body);
    if (!mark) return false;
    if (follows_damage_ ? mark->last_sequence + 1 < next_ : mark->last_sequence + 1 != next_)
      return false;
    if (chain_ && !follows_damage_ && *chain_ != mark->chain) return false;
    chain_ = mark->chain;
    next_ = mark->last_sequence + 1;
    follows_damage_ = false;
    marks_.push_back({mark->last_sequence, at});
    while (!marks_.empty() && marks_.front().last_sequence <= mark->synced_sequence) {
      // What the segments before had says nothing of this one's header.
      if (marks_.front().last_sequence >= request_.header.first_sequence) {
        scan_.synced_end = marks_.front().offset;
      }
      marks_.pop_front();
    }
    return true;
  }

  // Decides what the bad frame at `at` is. True: it is the end. False: `at` stands behind the
  // damage.
  Result<bool> pass_bad_frame(std::uint64_t& at) {
    const bool may_end =
        request_.mode == ScanMode::kUnsealed ? proven_ < next_ : request_.may_end_in_zeros;
    if (auto is_clean = rest_is_zero(at); !is_clean) {
      return tl::unexpected(std::move(is_clean).error());
    } else if (*is_clean && may_end) {
      finish(at);
      return true;
    }
    if (request_.mode == ScanMode::kUnsealed) {
      auto later = find_synced_sequence(window_, at);
      if (!later) return tl::unexpected(std::move(later).error());
      if (!is_planted(Bug::kCutAcknowledged)) proven_ = std::max(proven_, *later);
    }
    std::uint64_t resume = 0;
    auto next = next_fitting(at, resume);
    if (!next) return tl::unexpected(std::move(next).error());
    if (proven_ < next_) {
      if (auto ended = finish_torn(at, resume); !ended) {
        return tl::unexpected(std::move(ended).error());
      }
      return true;
    }
    if (auto noted = note_damage(at, resume, *next); !noted) {
      return tl::unexpected(std::move(noted).error());
    }
    at = resume;
    return false;
  }

  Result<bool> rest_is_zero(std::uint64_t at) {
    while (at < request_.size) {
      auto bytes = window_.view(at, 64 * 1024);
      if (!bytes) return tl::unexpected(std::move(bytes).error());
      if (bytes->empty()) break;
      if (bytes->find_first_not_of('\0') != std::string_view::npos) return false;
      at += bytes->size();
    }
    return true;
  }

  // The log ends at `at`, and what follows was never acknowledged; the first intact frame of it
  // lies at `resume`.
  Result<void> finish_torn(std::uint64_t at, std::uint64_t resume) {
    finish(at);
    auto bytes_end = end_of_bytes(at);
    if (!bytes_end) return tl::unexpected(std::move(bytes_end).error());
    auto frames_end = end_of_frames(resume);
    if (!frames_end) return tl::unexpected(std::move(frames_end).error());
    scan_.tail_has_frames = resume < request_.size;
    scan_.tail_size = std::max(*bytes_end, *frames_end) - at;
    return {};
  }

  // Behind the last byte at or behind `at` that is not zero; `at` when there is none.
  Result<std::uint64_t> end_of_bytes(std::uint64_t at) {
    std::uint64_t end = at;
    while (at < request_.size) {
      auto bytes = window_.view(at, 64 * 1024);
      if (!bytes) return tl::unexpected(std::move(bytes).error());
      if (bytes->empty()) break;
      const auto last = bytes->find_last_not_of('\0');
      if (last != std::string_view::npos) end = at + last + 1;
      at += bytes->size();
    }
    return end;
  }

  // Behind the last intact frame, which may itself end in zeros, from the one at `at` on.
  Result<std::uint64_t> end_of_frames(std::uint64_t at) {
    std::uint64_t end = 0;
    while (at < request_.size) {
      auto frame = window_.next_intact(at, at);
      if (!frame) return tl::unexpected(std::move(frame).error());
      if (at >= request_.size) break;
      at += format::record_size(frame->header);
      end = at;
    }
    return end;
  }

  // The next intact frame behind the bad one that can belong to this log; its first sequence, or 0.
  Result<std::uint64_t> next_fitting(std::uint64_t at, std::uint64_t& found) {
    for (std::uint64_t from = at + format::kRecordAlignment;;) {
      auto frame = window_.next_intact(from, found);
      if (!frame) return tl::unexpected(std::move(frame).error());
      if (found >= request_.size) return 0;
      std::uint64_t sequence = frame->header.sequence;
      if (frame->header.type == RecordType::kSyncMark) {
        const auto mark = format::decode_sync_mark(frame->body);
        sequence = mark ? mark->last_sequence + 1 : 0;
      }
      if (!is_log() || sequence >= next_) return sequence;
      from = found + format::kRecordAlignment;
    }
  }

  Result<void> note_damage(std::uint64_t at, std::uint64_t resume, std::uint64_t resume_sequence) {
    DamagedRange range;
    range.offset = at;
    range.size = resume - at;
    range.is_dense = is_log();
    if (is_log()) {
      range.first_sequence = next_;
      range.last_sequence = resume_sequence > 0                  ? resume_sequence - 1
                            : request_.mode == ScanMode::kSealed ? request_.last_sequence
                                                                 : proven_;
    } else {
      range.first_sequence = request_.header.first_sequence;
      range.last_sequence = request_.last_sequence;
    }
    const RecordVisitor count_and_visit = [this](const ScannedRecord& record) {
      scan_.records += 1;
      visit_(record);
    };
    if (auto told = identify_damage(window_, range, count_and_visit); !told) return told;
    next_ = std::max(next_, range.last_sequence + 1);
    if (scan_.first_sequence == 0) scan_.first_sequence = range.first_sequence;
    scan_.damaged.push_back(std::move(range));
    follows_damage_ = true;
    chain_ = std::nullopt;
    return {};
  }

  void finish(std::uint64_t end) {
    scan_.end = end;
    scan_.last_sequence = next_ - 1;
    scan_.end_chain = chain_.value_or(format::kChainUnknown);
  }

  const ScanRequest& request_;
  const RecordVisitor& visit_;
  SegmentWindow window_;
  SegmentScan scan_;
  std::uint64_t next_;                  // sequence the next record must have
  std::optional<std::uint64_t> chain_;  // none: unknown since damage, until the next mark
  std::uint64_t proven_ = 0;            // everything up to this sequence was synced
  bool follows_damage_ = false;
  std::deque<MarkPlace> marks_;  // whose records no mark so far says are synced
};

}  // namespace

Result<SegmentScan> scan_segment(const io::File& file, const ScanRequest& request,
                                 const RecordVisitor& visit) {
  return Scanner(file, request, visit).run();
}

Result<std::uint64_t> find_synced_sequence(SegmentWindow& window, std::uint64_t offset) {
  std::uint64_t synced = 0;
  for (std::uint64_t from = offset;;) {
    std::uint64_t found = 0;
    auto frame = window.next_intact(from, found);
    if (!frame) return tl::unexpected(std::move(frame).error());
    if (found >= window.size()) return synced;
    if (frame->header.type == RecordType::kSyncMark) {
      if (const auto mark = format::decode_sync_mark(frame->body)) {
        synced = std::max(synced, mark->synced_sequence);
      }
    }
    from = found + format::record_size(frame->header);
  }
}

}  // namespace kv::engine
