#pragma once

#include <optional>
#include <string>
#include <sys/types.h>

namespace kv::cli {

// What the LOCK file of a running server says of it.
struct Holder {
  pid_t pid = 0;
  std::string address;
  std::string since;
};

std::string holder_text(const Holder& holder);
// nullopt: nobody holds the lock of that data directory now, whatever the file says.
std::optional<Holder> find_holder(const std::string& data_dir);
// Waits until nobody holds it, for at most `seconds`. False: somebody still does.
bool wait_until_free(const std::string& data_dir, double seconds);

}  // namespace kv::cli
