#include "node/hard_state_file.h"

#include <array>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "base/check.h"
#include "format/hard_state.h"
#include "format/names.h"

namespace kv::node {
namespace {

constexpr std::uint64_t offset_of(std::size_t copy) { return copy * format::kHardStateSectorSize; }

// The way out where nothing else helps.
constexpr std::string_view kBeginAnew =
    "remove it from the cluster and let it rejoin as a new node, from an empty data directory";

tl::unexpected<Error> lost_memory(const std::string& path, std::string_view what) {
  return tl::unexpected(
      Error{Errc::kCorruption,
            fmt::format("{}: {}, so this node lost its memory of what it voted and promised; {}",
                        path, what, kBeginAnew),
            {}});
}

tl::unexpected<Error> anothers(const std::string& path) {
  return tl::unexpected(Error{
      Errc::kCorruption,
      fmt::format("{}: belongs to another database, and does not tell what this node voted and "
                  "promised; put back the one of this directory, or else {}",
                  path, kBeginAnew),
      {}});
}

tl::unexpected<Error> cannot_be_read(const Error& error) {
  return tl::unexpected(Error{
      error.code,
      fmt::format("{}; what this node promised last may stand there, and it must not begin with "
                  "what it promised before; start it again, and while that ends so, too, {} on a "
                  "disk that can be read",
                  describe(error), kBeginAnew),
      {}});
}

raft::HardState to_raft(const format::HardState& state) {
  return {.term = state.term,
          .voted_for = raft::NodeId{state.voted_for},
          .claimed_last = {state.claimed_term, state.claimed_seq},
          .is_quarantined = state.is_quarantined,
          .commit_hint = state.commit_hint,
          .commit_hint_term = state.commit_hint_term};
}

// The whole file, for a database that never took part in anything: the same copy four times but for
// the generations.
std::string first_content(std::uint64_t database_id_hash) {
  std::string content(format::kHardStateFileSize, '\0');
  for (std::size_t copy = 0; copy < format::kHardStateCopies; ++copy) {
    const std::string bytes =
        format::encode_hard_state({.generation = copy / 2, .database_id_hash = database_id_hash});
    content.replace(offset_of(copy), bytes.size(), bytes);
  }
  return content;
}

using Copies = std::array<std::optional<format::HardState>, format::kHardStateCopies>;
using ReadErrors = std::array<std::optional<Error>, format::kHardStateCopies>;

// What is not intact or lies in the wrong place is none.
Result<Copies> read_copies(const io::File& file, ReadErrors& errors) {
  Copies copies;
  for (std::size_t copy = 0; copy < copies.size(); ++copy) {
    std::array<char, format::kHardStateSize> bytes{};
    auto got = file.read_at(offset_of(copy), bytes.data(), bytes.size());
    if (!got) {
      errors[copy] = std::move(got).error();
      continue;
    }
    auto state = format::decode_hard_state({bytes.data(), *got});
    if (!state && state.error().code == Errc::kNewerFormat) {
      return tl::unexpected(
          Error{Errc::kNewerFormat, file.path() + ": " + state.error().context, {}});
    }
    if (state && format::hard_state_copy(state->generation) == copy / 2 * 2) copies[copy] = *state;
  }
  return copies;
}

std::optional<format::HardState> newest(const Copies& copies) {
  std::optional<format::HardState> found;
  for (const auto& copy : copies) {
    if (copy && (!found || copy->generation > found->generation)) found = copy;
  }
  return found;
}

// A sector that cannot be read is what the other copies are for, as long as one of its pair is
// intact: a state counts once both are written. A pair of which nothing is known may hold a newer
// state than all that is, with a vote that was given.
std::optional<Error> what_may_be_newer(const Copies& copies, const ReadErrors& errors) {
  for (std::size_t pair = 0; pair < copies.size(); pair += 2) {
    if (copies[pair] || copies[pair + 1]) continue;
    for (const auto& error : {errors[pair], errors[pair + 1]}) {
      if (error) return error;
    }
  }
  return std::nullopt;
}

}  // namespace

Result<std::unique_ptr<HardStateFile>> HardStateFile::open(io::FileSystem& fs,
                                                           const std::string& dir,
                                                           std::uint64_t database_id_hash,
                                                           Memory memory) {
  const std::string path = dir + "/" + std::string(format::kHardStateName);
  auto is_there = fs.exists(path);
  if (!is_there) return tl::unexpected(std::move(is_there).error());
  if (!*is_there && memory == Memory::kMustExist) return lost_memory(path, "it is missing");
  if (!*is_there) {
    if (auto made = io::replace_file(fs, path, first_content(database_id_hash)); !made) {
      return tl::unexpected(std::move(made).error());
    }
  }
  // Of the process that made it, which may have died before its name was durable.
  if (auto synced = fs.sync_dir(dir); !synced) return tl::unexpected(std::move(synced).error());
  auto file = fs.open(path, io::OpenMode::kReadWrite);
  if (!file) return tl::unexpected(std::move(file).error());
  std::unique_ptr<HardStateFile> opened(new HardStateFile(std::move(*file), database_id_hash));
  if (auto loaded = opened->load(); !loaded) return tl::unexpected(std::move(loaded).error());
  return opened;
}

// The pair that holds the newest state is written again, one copy after the other and the worse one
// first: what was found may be in the page cache alone, which a failed sync before may have called
// clean, and the other pair may hold the last state that is on the disk.
Result<void> HardStateFile::load() {
  ReadErrors errors;
  auto copies = read_copies(*file_, errors);
  if (!copies) return tl::unexpected(std::move(copies).error());
  if (const auto error = what_may_be_newer(*copies, errors)) return cannot_be_read(*error);
  const auto found = newest(*copies);
  if (!found) return lost_memory(file_->path(), "no copy in it is intact");
  for (const auto& copy : *copies) {
    if (copy && copy->database_id_hash != database_id_hash_) return anothers(file_->path());
    if (!copy) copies_mended_ += 1;
  }
  generation_ = found->generation;
  state_ = to_raft(*found);

  const std::string bytes = encode(state_, generation_);
  const std::size_t first = format::hard_state_copy(generation_);
  const bool is_first_good = (*copies)[first] == found;
  const std::size_t worse = is_first_good ? first + 1 : first;
  const std::size_t other = is_first_good ? first : first + 1;
  const auto& twin = (*copies)[worse];
  if (twin && twin->generation == generation_ && twin != found) {
    return lost_memory(file_->path(), "two copies of one generation differ");
  }
  for (const std::size_t copy : {worse, other}) {
    if (auto written = write_copy(copy, bytes); !written) return written;
    if (auto synced = sync(); !synced) return synced;
  }
  return {};
}

Result<void> HardStateFile::write(const raft::HardState& state) {
  if (has_failed_) {
    return tl::unexpected(Error{
        Errc::kReadOnly,
        file_->path() +
            ": an earlier write or sync of it failed, and nobody knows what the disk has; the "
            "process has to end and to be started again",
        {}});
  }
  generation_ += 1;
  if (auto written = write_copies(state); !written) return written;
  state_ = state;
  state_.version = 0;
  return {};
}

Result<void> HardStateFile::write_copies(const raft::HardState& state) {
  const std::string bytes = encode(state, generation_);
  const std::size_t first = format::hard_state_copy(generation_);
  for (const std::size_t copy : {first, first + 1}) {
    if (auto written = write_copy(copy, bytes); !written) return written;
  }
  return sync();
}

Result<void> HardStateFile::write_copy(std::size_t copy, const std::string& bytes) {
  const std::string_view pieces[] = {bytes};
  auto written = file_->write_at(offset_of(copy), pieces);
  has_failed_ = has_failed_ || !written;
  return written;
}

Result<void> HardStateFile::sync() {
  auto synced = file_->sync();
  has_failed_ = has_failed_ || !synced;
  return synced;
}

std::string HardStateFile::encode(const raft::HardState& state, std::uint64_t generation) const {
  return format::encode_hard_state({.generation = generation,
                                    .database_id_hash = database_id_hash_,
                                    .term = state.term,
                                    .voted_for = static_cast<std::uint64_t>(state.voted_for),
                                    .claimed_term = state.claimed_last.term,
                                    .claimed_seq = state.claimed_last.seq,
                                    .commit_hint = state.commit_hint,
                                    .commit_hint_term = state.commit_hint_term,
                                    .is_quarantined = state.is_quarantined});
}

}  // namespace kv::node
