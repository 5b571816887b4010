#include "cli/table.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace kv::cli {

namespace {

struct Column {
  std::size_t width = 0;
  bool is_right = true;
};

}  // namespace

std::string table_text(const std::vector<std::vector<std::string>>& rows) {
  std::vector<Column> columns;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    columns.resize(std::max(columns.size(), rows[r].size()));
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      const std::string& cell = rows[r][c];
      columns[c].width = std::max(columns[c].width, cell.size());
      const bool is_number =
          cell == "-" ||
          (!cell.empty() && std::isdigit(static_cast<unsigned char>(cell.front())) != 0);
      if (r > 0 && !is_number) columns[c].is_right = false;
    }
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (c > 0) line += "  ";
      line += columns[c].is_right ? fmt::format("{:>{}}", row[c], columns[c].width)
                                  : fmt::format("{:<{}}", row[c], columns[c].width);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace kv::cli
