#include "torture/rot.h"

#include <functional>
#include <vector>

#include <fmt/format.h>

#include "torture/life.h"

namespace kv::torture {

namespace {

// A database of several segments, one write to each group, so that all but the last are proven by
// the next one's sync mark.
bool live(Life& life) {
  if (!life.open()) return false;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 8; ++i) {
      const std::string key = "k" + std::to_string(i);
      if (!life.put(key, std::string(300 + 40 * static_cast<std::size_t>(i), 'a'))) return false;
    }
    if (!life.del("k2") || !life.del("k5")) return false;
  }
  return life.put("k5", "back") && life.put("last", "one");
}

class RotExplorer {
 public:
  RotExplorer(bool is_closed, std::uint64_t stride)
      : is_closed_(is_closed), stride_(stride), life_(settings()) {
    live(life_);
    if (is_closed_) life_.close();
    if (life_.machine().is_on()) life_.machine().lose_power();
    life_.shut();
    disk_ = life_.machine().disk();
    model_ = life_.model();
  }

  std::optional<Finding> run() {
    if (auto found = rot_everywhere()) return found;
    return misplace_hints();
  }
  std::uint64_t tried() const { return tried_; }

 private:
  using Harm = std::function<void(io::SimFileSystem&)>;

  static Life::Settings settings() {
    Life::Settings settings;
    settings.seed = 1;
    settings.value_cache_max = 0;  // what was read before hides no damage
    return settings;
  }

  std::vector<std::string> files(std::string_view suffix) const {
    std::vector<std::string> found;
    for (const auto& [path, inode] : disk_.names().files()) {
      if (path.ends_with(suffix)) found.push_back(path);
    }
    return found;
  }

  std::uint64_t size_of(const std::string& path) const {
    return disk_.content(disk_.names().find(path)).current().size();
  }

  std::optional<Finding> rot_everywhere() {
    for (const char* suffix : {".seg", ".hint"}) {
      for (const std::string& path : files(suffix)) {
        for (std::uint64_t at = 0; at < size_of(path); at += stride_) {
          const auto mask = static_cast<char>(1 << at % 8);
          auto found =
              try_harm(fmt::format("bit {} of byte {} of {} turned over", at % 8, at, path),
                       [&](io::SimFileSystem& fs) { fs.flip(path, at, mask); });
          if (found) return found;
        }
      }
    }
    return std::nullopt;
  }

  std::optional<Finding> misplace_hints() {
    const auto hints = files(".hint");
    for (const std::string& to : hints) {
      for (const std::string& from : hints) {
        auto found = try_harm(fmt::format("{} replaced by {}", to, from == to ? "nothing" : from),
                              [&](io::SimFileSystem& fs) { replace(fs, from, to); });
        if (found) return found;
      }
    }
    return std::nullopt;
  }

  static void replace(io::SimFileSystem& fs, const std::string& from, const std::string& to) {
    const auto content = io::read_file(fs, from);
    if (from == to || !content) {
      [[maybe_unused]] const auto removed = fs.remove(to);
    } else {
      [[maybe_unused]] const auto replaced = io::replace_file(fs, to, *content);
    }
  }

  std::optional<Finding> try_harm(const std::string& what, const Harm& harm) {
    ++tried_;
    life_.shut();
    life_.machine().restore(disk_);
    life_.model() = model_;
    life_.restart({io::CrashMode::kKeepAll, 0});
    harm(life_.machine());
    life_.expect_damage();
    if (life_.open()) check_all();
    if (!life_.problem()) return std::nullopt;
    Finding finding;
    finding.problem = *life_.problem();
    finding.where = fmt::format("rot after a {}, {}", is_closed_ ? "clean end" : "kill", what);
    finding.operation = tried_;
    finding.replay = "--rot";
    finding.trail = life_.trail();
    return finding;
  }

  void check_all() {
    check("after the start");
    life_.merge();
    check("after a merge");
    life_.restart({io::CrashMode::kLoseUnsynced, 0});
    if (life_.open()) check("after the merge and another start");
  }

  // The last write's group has no mark behind it: damage there is a torn tail, and its end.
  void check(std::string_view when) {
    const bool may_lose_last = !is_closed_;
    const ModelState& newest = model_.newest();
    for (int i = -1; i < 8; ++i) {
      const std::string key = i < 0 ? "last" : "k" + std::to_string(i);
      const auto got = life_.store().get(key);
      if (!got) {
        life_.demand(got.error().code == Errc::kCorruption,
                     fmt::format("get {} {}: {}", key, when, kv::describe(got.error())));
        continue;
      }
      const auto expected = newest.find(key);
      const bool is_right =
          *got ? expected != newest.end() && (*got)->bytes == expected->second.bytes
               : expected == newest.end() || (may_lose_last && key == "last");
      life_.demand(
          is_right,
          fmt::format("get {} {}: {} instead of what was written or kCorruption", key, when,
                      *got ? fmt::format("version {}", (*got)->version) : "nothing"));
    }
  }

  const bool is_closed_;
  const std::uint64_t stride_;
  Life life_;
  io::SimDisk disk_;
  LogModel model_;
  std::uint64_t tried_ = 0;
};

}  // namespace

std::optional<Finding> explore_rot(std::uint64_t stride, std::uint64_t* tried) {
  for (const bool is_closed : {true, false}) {
    RotExplorer explorer(is_closed, stride);
    auto found = explorer.run();
    if (tried != nullptr) *tried += explorer.tried();
    if (found) return found;
  }
  return std::nullopt;
}

}  // namespace kv::torture
