#include "engine/verify.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "engine/database_files.h"
#include "engine/log_proof.h"
#include "engine/segment_check.h"
#include "engine/told_pace.h"
#include "format/checkpoint.h"
#include "format/names.h"

namespace kv::engine {

namespace {

class Verification {
 public:
  Verification(io::FileSystem& fs, const std::string& dir, const VerifyOptions& options)
      : fs_(fs), dir_(dir), options_(options) {}

  Result<VerifyReport> run() {
    auto lock = fs_.lock_shared(dir_ + "/" + std::string(format::kLockName));
    if (!lock) return tl::unexpected(std::move(lock).error());
    auto files = read_database_files(fs_, dir_);
    if (!files) return tl::unexpected(std::move(files).error());
    report_.findings = std::move(files->findings);
    report_.notes = std::move(files->notes);
    if (files->manifest) {
      for (const auto& [id, info] : files->manifest->state.segments) infos_.push_back(info);
      note_unlisted(*files);
    } else {
      infos_from_headers(*files);
    }
    if (auto done = check_all(files->database_id_hash().value_or(0)); !done) {
      return tl::unexpected(std::move(done).error());
    }
    check_checkpoint();
    return std::move(report_);
  }

 private:
  void check_checkpoint() {
    const std::string path = dir_ + "/" + std::string(format::kCheckpointName);
    const auto is_there = fs_.exists(path);
    if (!is_there || !*is_there) return;
    const auto content = io::read_file(fs_, path);
    const auto reader = content ? format::CheckpointReader::open(*content)
                                : Result<format::CheckpointReader>(tl::unexpect, content.error());
    if (reader) return;
    Finding finding;
    finding.what = "checkpoint damaged";
    finding.file = path;
    finding.loses_data = false;
    finding.details = reader.error().context + "; the next open goes without it";
    report_.findings.push_back(std::move(finding));
  }

  void note_unlisted(const DatabaseFiles& files) {
    for (const format::SegmentId id : files.segments) {
      if (files.manifest->state.segments.contains(id)) continue;
      report_.notes.push_back(
          fmt::format("{}/{} is not listed in the MANIFEST; nothing is read "
                      "from it",
                      dir_, format::segment_name(id)));
    }
  }

  void infos_from_headers(const DatabaseFiles& files) {
    for (const format::SegmentId id : files.segments) {
      if (const auto info = info_from_header(fs_, dir_, id)) {
        infos_.push_back(*info);
        continue;
      }
      if (is_spare(fs_, dir_, id)) continue;
      Finding finding;
      finding.what = "segment header damaged";
      finding.file = dir_ + "/" + format::segment_name(id);
      finding.details = "without its header and the MANIFEST no record in it can be told";
      finding.has_unknown_keys = true;
      report_.findings.push_back(std::move(finding));
    }
  }

  std::uint64_t bytes_to_read() {
    std::uint64_t total = 0;
    for (const format::SegmentInfo& info : infos_) {
      for (const std::string& name : {format::segment_name(info.id), format::hint_name(info.id)}) {
        const auto file = fs_.open(dir_ + "/" + name, io::OpenMode::kRead);
        if (!file) continue;  // told when its turn comes
        total += (*file)->size().value_or(0);
      }
    }
    return total;
  }

  Result<void> check_all(std::uint64_t database_id_hash) {
    ToldPace pace(options_, bytes_to_read());
    const SegmentChecker checker{fs_, dir_, database_id_hash, pace};
    for (std::size_t i = 0; i < infos_.size(); ++i) {
      const format::SegmentInfo& info = infos_[i];
      // What a merge had copied when the process ended: nothing relies on it.
      if (!info.is_sealed && info.kind == format::SegmentKind::kMerged) continue;
      auto checked = info.is_sealed ? checker.check_sealed(info)
                                    : checker.check_unsealed(info, proven_behind(i));
      if (!checked) return tl::unexpected(std::move(checked).error());
      report_.segments += 1;
      report_.hints += checked->has_hint ? 1 : 0;
      report_.records += checked->records;
      report_.bytes += checked->bytes;
      std::move(checked->findings.begin(), checked->findings.end(),
                std::back_inserter(report_.findings));
      std::move(checked->notes.begin(), checked->notes.end(), std::back_inserter(report_.notes));
    }
    return {};
  }

  // A later segment that cannot be read is told when its turn comes.
  std::uint64_t proven_behind(std::size_t index) {
    return proven_by_readable(fs_, dir_, std::span(infos_).subspan(index + 1));
  }

  io::FileSystem& fs_;
  const std::string& dir_;
  const VerifyOptions& options_;
  VerifyReport report_;
  std::vector<format::SegmentInfo> infos_;  // in order of id
};

}  // namespace

Result<VerifyReport> verify_database(io::FileSystem& fs, const std::string& dir,
                                     const VerifyOptions& options) {
  return Verification(fs, dir, options).run();
}

}  // namespace kv::engine

namespace kv {

Result<VerifyReport> verify(const std::filesystem::path& directory, const VerifyOptions& options) {
  return engine::verify_database(io::posix_file_system(), directory.string(), options);
}

}  // namespace kv
