#pragma once

#include <string>
#include <vector>

namespace kv::cli {

// Rows of cells as lines, columns two blanks apart and as wide as their widest cell. A column whose
// cells below the first row all begin with a digit, or are "-", stands to the right.
std::string table_text(const std::vector<std::vector<std::string>>& rows);

}  // namespace kv::cli
