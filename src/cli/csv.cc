#include "cli/csv.h"

#include <cstdint>
#include <istream>

namespace kv::cli {

void append_csv_field(std::string& out, std::string_view field) {
  if (field.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += field;
    return;
  }
  out += '"';
  for (const char c : field) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

bool CsvReader::next(std::vector<std::string>& fields, std::string& problem) {
  fields.assign(1, {});
  problem.clear();
  line_ = next_line_;
  bool is_quoted = false;
  bool was_quoted = false;  // the field began with a quote that has ended
  bool has_any = false;
  for (int c = input_.get(); c != std::istream::traits_type::eof(); c = input_.get()) {
    ++bytes_;
    has_any = true;
    if (c == '\n') ++next_line_;
    if (is_quoted) {
      if (c != '"') {
        fields.back() += static_cast<char>(c);
      } else if (input_.peek() == '"') {
        input_.get();
        ++bytes_;
        fields.back() += '"';
      } else {
        is_quoted = false;
        was_quoted = true;
      }
    } else if (c == '"' && fields.back().empty() && !was_quoted) {
      is_quoted = true;
    } else if (c == ',') {
      fields.emplace_back();
      was_quoted = false;
    } else if (c == '\n') {
      return true;
    } else if (c != '\r' || input_.peek() != '\n') {
      if (was_quoted || c == '"') problem = "a quote in the middle of a field";
      fields.back() += static_cast<char>(c);
    }
  }
  if (is_quoted) problem = "a quoted field does not end";
  return has_any;
}

}  // namespace kv::cli
