#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kv {

// Writes that become visible, durable and lost together: one record in the log. Of several
// operations on one key the last counts. Keys and values are copied in.
class Batch {
 public:
  struct Operation {
    std::string key;
    std::string value;
    bool is_delete = false;
  };

  void put(std::string_view key, std::string_view value) {
    operations_.push_back({std::string(key), std::string(value), false});
  }
  void del(std::string_view key) { operations_.push_back({std::string(key), {}, true}); }

  const std::vector<Operation>& operations() const { return operations_; }
  void clear() { operations_.clear(); }

 private:
  std::vector<Operation> operations_;
};

}  // namespace kv
