#include "cli/record_source.h"

#include <fmt/format.h>

#include "base/base64.h"
#include "kv/options.h"

namespace kv::cli {

RecordSource::Step RecordSource::next(JsonRecord& record) {
  problem_.clear();
  if (!has_begun_) {
    skip_byte_order_mark();
    has_begun_ = true;
    if (format_ == Format::kCsv && !read_header()) {
      return problem_.empty() ? Step::kEnd : Step::kBroken;
    }
  }
  const Step step = format_ == Format::kCsv ? next_csv(record) : next_json(record);
  if (step != Step::kRecord) return step;
  if (record.key.empty() || record.key.size() > kKeySizeMax) {
    problem_ = fmt::format("a key of {} bytes; 1 to {} can be", record.key.size(), kKeySizeMax);
  } else if (record.value.size() > kValueSizeMax) {
    problem_ =
        fmt::format("a value of {} bytes; {} is the most", record.value.size(), kValueSizeMax);
  }
  return problem_.empty() ? Step::kRecord : Step::kBad;
}

void RecordSource::skip_byte_order_mark() {
  constexpr int kFirst = 0xef;  // begins no JSON object and no column name
  if (input_.peek() != kFirst) return;
  for (int i = 0; i < 3; ++i) input_.get();
}

RecordSource::Step RecordSource::next_json(JsonRecord& record) {
  for (std::string text; std::getline(input_, text);) {
    line_ += 1;
    bytes_ += text.size() + 1;
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto taken = record_of_json(text, problem_);
    if (!taken) return Step::kBad;
    record = std::move(*taken);
    return Step::kRecord;
  }
  return Step::kEnd;
}

bool RecordSource::read_header() {
  if (!csv_.next(fields_, problem_) || !problem_.empty()) return false;
  column_count_ = fields_.size();
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    if (fields_[i] == "key" || fields_[i] == "key_b64") key_ = {i, fields_[i] != "key"};
    if (fields_[i] == "value" || fields_[i] == "value_b64") value_ = {i, fields_[i] != "value"};
  }
  const bool is_header = column_count_ == 2 && key_.index != SIZE_MAX && value_.index != SIZE_MAX;
  if (!is_header) problem_ = "the first line must be key,value (or key_b64,value_b64)";
  return is_header;
}

RecordSource::Step RecordSource::next_csv(JsonRecord& record) {
  do {
    if (!csv_.next(fields_, problem_)) return Step::kEnd;
    if (!problem_.empty()) return Step::kBad;
  } while (fields_.size() == 1 && fields_[0].empty());
  if (fields_.size() != column_count_) {
    problem_ = fmt::format("{} fields instead of {}", fields_.size(), column_count_);
    return Step::kBad;
  }
  const bool is_taken = take(key_, "key", record.key) && take(value_, "value", record.value);
  return is_taken ? Step::kRecord : Step::kBad;
}

bool RecordSource::take(const Column& column, const char* name, std::string& out) {
  if (!column.is_base64) {
    out = std::move(fields_[column.index]);
    return true;
  }
  auto bytes = base::from_base64(fields_[column.index]);
  if (!bytes) {
    problem_ = fmt::format("{}_b64 is not base64", name);
    return false;
  }
  out = std::move(*bytes);
  return true;
}

}  // namespace kv::cli
