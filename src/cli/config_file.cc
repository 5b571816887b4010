#include "cli/config_file.h"

#include <algorithm>
#include <cstdlib>

namespace kv::cli {

namespace {

std::string environment_name(std::string option) {
  std::transform(option.begin(), option.end(), option.begin(), [](unsigned char c) {
    return c == '-' ? '_' : static_cast<char>(std::toupper(c));
  });
  return "KV_" + option;
}

class ConfigReader final : public CLI::ConfigTOML {
 public:
  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    auto entries = CLI::ConfigTOML::from_config(input);
    std::erase_if(entries, [](const CLI::ConfigItem& item) {
      return std::getenv(environment_name(item.name).c_str()) != nullptr;
    });
    return entries;
  }
};

}  // namespace

std::shared_ptr<CLI::Config> make_config_reader() { return std::make_shared<ConfigReader>(); }

}  // namespace kv::cli
