#include "cli/suggest.h"

#include <algorithm>
#include <numeric>

namespace kv::cli {

namespace {

// Levenshtein distance.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string nearest(const std::string& typed, const std::vector<std::string>& names) {
  std::string best;
  std::size_t best_distance = 3;  // further away it is another word
  for (const std::string& name : names) {
    const std::size_t here = distance(typed, name);
    if (here < best_distance && here < name.size()) {
      best_distance = here;
      best = name;
    }
  }
  return best;
}

}  // namespace kv::cli
