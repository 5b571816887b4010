#include "server/admin_text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace kv::server {

namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Inspection::Record& record) {
  return {{"version", record.version},     {"kind", record.is_delete ? "delete" : "put"},
          {"current", record.is_current},  {"segment", record.segment},
          {"merged", record.is_in_merged}, {"offset", record.offset},
          {"bytes", record.bytes},         {"value_bytes", record.value_size}};
}

}  // namespace

std::string begun_text(const MergeTicket& ticket) {
  return fmt::format("merge: {}\nnumber: {}", ticket.has_joined ? "joined" : "started",
                     ticket.number);
}

std::string merged_text(const MergeSummary& summary) {
  const std::uint64_t freed =
      summary.bytes_read > summary.bytes_written ? summary.bytes_read - summary.bytes_written : 0;
  return fmt::format(
      "merge: {}\nsegments_read: {}\nsegments_written: {}\nbytes_read: {}\nbytes_written: {}\n"
      "bytes_freed: {}\nputs_kept: {}\ndeletes_kept: {}\ndeletes_dropped: {}",
      summary.was_stopped ? "stopped" : "done", summary.inputs, summary.outputs, summary.bytes_read,
      summary.bytes_written, freed, summary.puts_kept, summary.deletes_kept,
      summary.deletes_dropped);
}

std::string inspection_text(const Inspection& inspection, bool is_json) {
  Json records = Json::array();
  for (const Inspection::Record& record : inspection.records) records.push_back(json_of(record));
  const Json page = {{"records", std::move(records)},
                     {"segments", inspection.segments},
                     {"segments_skipped", inspection.segments_skipped},
                     {"damaged_segments", inspection.damaged_segments}};
  if (is_json) return page.dump();
  std::string out;
  for (const Json& record : page["records"]) {
    out += fmt::format("record: {}\n", record.dump());
  }
  for (const char* name : {"segments", "segments_skipped", "damaged_segments"}) {
    out += fmt::format("{}: {}\n", name, page[name].dump());
  }
  out.pop_back();  // the protocol adds one
  return out;
}

}  // namespace kv::server
