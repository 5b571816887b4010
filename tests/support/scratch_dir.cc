#include "tests/support/scratch_dir.h"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace kv::test {

ScratchDir::ScratchDir() {
  std::string name = std::filesystem::temp_directory_path() / "kv-test-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no scratch directory");
  path_ = name;
}

ScratchDir::~ScratchDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace kv::test
