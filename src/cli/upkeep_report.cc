#include "cli/upkeep_report.h"

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "cli/finding_text.h"
#include "cli/quantity.h"
#include "server/upkeep_text.h"

namespace kv::cli {

namespace {

using Json = nlohmann::json;

std::string key_of(const Json& json) {
  if (const auto text = json.find("key"); text != json.end()) return text->get<std::string>();
  return base::from_base64(json.at("key_b64").get<std::string>()).value_or("");
}

Finding finding_of(const Json& json) {
  Finding finding;
  json.at("what").get_to(finding.what);
  json.at("file").get_to(finding.file);
  json.at("offset").get_to(finding.offset);
  json.at("size").get_to(finding.size);
  json.at("first_version").get_to(finding.first_version);
  json.at("last_version").get_to(finding.last_version);
  for (const Json& key : json.at("keys")) finding.keys.push_back(key_of(key));
  json.at("has_unknown_keys").get_to(finding.has_unknown_keys);
  json.at("loses_data").get_to(finding.loses_data);
  json.at("details").get_to(finding.details);
  return finding;
}

// `take` reads the parsed text and throws, as the library does, where something is missing.
template <class T, class Take>
Result<T> parsed(const std::string& text, Take take) {
  try {
    return take(Json::parse(text));
  } catch (const Json::exception& problem) {
    return tl::unexpected(Error{Errc::kProtocol,
                                fmt::format("the server's report cannot be read ({}); is it of "
                                            "another version? `kv stats server` tells",
                                            problem.what()),
                                {}});
  }
}

}  // namespace

void print(const Common& common, const VerifyReport& report) {
  if (common.is_json) return say(server::verified_text(report, true) + "\n");
  for (const Finding& finding : report.findings) say(text_of(finding) + "\n");
  if (common.is_quiet) return;
  for (const std::string& note : report.notes) say("note: " + note + "\n");
  // Of a backup the files are compared, not their records.
  const std::string records =
      report.records > 0 ? counted(report.records, "record") + " in " : std::string();
  say(fmt::format("{}: {}{}, {}, {} read, {}\n", report.findings.empty() ? "clean" : "DAMAGED",
                  records, counted(report.segments, "segment"), counted(report.hints, "hint"),
                  human_bytes(static_cast<double>(report.bytes)),
                  counted(report.findings.size(), "finding")));
}

void print(const Common& common, const std::string& directory, const BackupSummary& summary) {
  if (common.is_json) return say(server::backed_up_text(summary, true) + "\n");
  if (common.is_quiet) return;
  say(fmt::format("{}: everything up to version {}, {}, {} ({} reused, {} linked, {} copied)\n",
                  directory, summary.version, counted(summary.files, "file"),
                  human_bytes(static_cast<double>(summary.bytes)), summary.reused, summary.linked,
                  summary.copied));
}

Result<VerifyReport> verify_report_of(const std::string& json) {
  return parsed<VerifyReport>(json, [](const Json& page) {
    VerifyReport report;
    page.at("segments").get_to(report.segments);
    page.at("hints").get_to(report.hints);
    page.at("records").get_to(report.records);
    page.at("bytes").get_to(report.bytes);
    page.at("notes").get_to(report.notes);
    for (const Json& finding : page.at("findings")) report.findings.push_back(finding_of(finding));
    return report;
  });
}

Result<BackupSummary> backup_summary_of(const std::string& json) {
  return parsed<BackupSummary>(json, [](const Json& page) {
    BackupSummary summary;
    page.at("version").get_to(summary.version);
    page.at("files").get_to(summary.files);
    page.at("bytes").get_to(summary.bytes);
    page.at("reused").get_to(summary.reused);
    page.at("linked").get_to(summary.linked);
    page.at("copied").get_to(summary.copied);
    page.at("bytes_copied").get_to(summary.bytes_copied);
    return summary;
  });
}

}  // namespace kv::cli
