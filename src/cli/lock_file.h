#pragma once

#include <optional>
#include <string>
#include <sys/types.h>

namespace kv::cli {

// What the LOCK file says of the process that holds it.
struct Holder {
  pid_t pid = 0;  // 0: none of kv's servers
  std::string address;
  std::string since;
  std::string text = {};  // all that the file says

  bool is_server() const { return pid > 0 && !address.empty(); }
};

std::string holder_text(const Holder& holder);
// nullopt: nobody holds the lock of that data directory now, whatever the file says.
std::optional<Holder> find_holder(const std::string& data_dir);
// "./kv-data is in use by kv pid 4242 on 127.0.0.1:7400 since 2026-01-01T10:02:00Z"
std::string in_use_text(const std::string& data_dir, const Holder& holder);
// Waits until nobody holds it, for at most `seconds`. False: somebody still does.
bool wait_until_free(const std::string& data_dir, double seconds);

}  // namespace kv::cli
