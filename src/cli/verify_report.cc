#include "cli/verify_report.h"

#include <nlohmann/json.hpp>

#include "cli/finding_text.h"
#include "cli/quantity.h"

namespace kv::cli {

void print(const Common& common, const VerifyReport& report) {
  if (common.is_json) {
    nlohmann::ordered_json out{{"segments", report.segments}, {"hints", report.hints},
                               {"records", report.records},   {"bytes", report.bytes},
                               {"notes", report.notes},       {"findings", nullptr}};
    out["findings"] = nlohmann::ordered_json::parse(json_of(report.findings));
    say(out.dump() + "\n");
    return;
  }
  for (const Finding& finding : report.findings) say(text_of(finding) + "\n");
  if (common.is_quiet) return;
  for (const std::string& note : report.notes) say("note: " + note + "\n");
  say(fmt::format("{}: {} records in {} segments, {} hints, {} read, {} findings\n",
                  report.findings.empty() ? "clean" : "DAMAGED", human_count(report.records),
                  report.segments, report.hints, human_bytes(static_cast<double>(report.bytes)),
                  report.findings.size()));
}

}  // namespace kv::cli
