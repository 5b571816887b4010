#include "cli/finding_text.h"

#include <fmt/format.h>

#include "cli/escape.h"

namespace kv::cli {

namespace {

constexpr std::size_t kKeysShown = 10;

std::string keys_of(const Finding& finding) {
  std::string out;
  for (std::size_t i = 0; i < finding.keys.size() && i < kKeysShown; ++i) {
    out += (i == 0 ? "" : " ") + in_quotes(finding.keys[i]);
  }
  if (finding.keys.size() > kKeysShown) {
    out += fmt::format(" and {} more", finding.keys.size() - kKeysShown);
  }
  if (!finding.has_unknown_keys) return out;
  return out.empty() ? "cannot be told" : out + " and perhaps others";
}

}  // namespace

std::string text_of(const Finding& finding) {
  std::string out = fmt::format("{}: {}", finding.what, finding.file);
  if (finding.size > 0) out += fmt::format(" offset={} size={}", finding.offset, finding.size);
  if (finding.first_version > 0) {
    out += finding.last_version > 0
               ? fmt::format(" versions={}..{}", finding.first_version, finding.last_version)
               : fmt::format(" versions={}..", finding.first_version);
  }
  if (const std::string keys = keys_of(finding); !keys.empty()) out += " keys: " + keys;
  if (!finding.details.empty()) out += " (" + finding.details + ")";
  if (!finding.loses_data) out += " [no data lost]";
  return out;
}

}  // namespace kv::cli
