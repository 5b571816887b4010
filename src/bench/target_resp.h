#pragma once

#include "bench/target.h"

namespace kv::bench {

// RESP2, as Redis and its kin speak it: GET and SET. It has no scan in the order of the keys.
class TargetResp : public Target {
 public:
  explicit TargetResp(const KeyNames& names);

  void append_get(std::string& out, std::uint32_t key) const override;
  void append_put(std::string& out, std::uint32_t key, std::uint32_t value_size,
                  std::uint32_t stamp) const override;
  void append_scan(std::string& out, std::uint32_t key, std::uint32_t count) const override;
  bool can_scan() const override { return false; }
  bool parse(std::string_view bytes, Answer& answer) const override;

 private:
  const std::string get_head_;
  const std::string set_head_;
};

}  // namespace kv::bench
