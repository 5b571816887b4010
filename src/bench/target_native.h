#pragma once

#include <optional>

#include "bench/target.h"
#include "kv/options.h"

namespace kv::bench {

// The protocol of protocol/README.md. Writes ask for `sync`, if there is one.
class TargetNative : public Target {
 public:
  TargetNative(const KeyNames& names, std::optional<Sync> sync);

  void append_get(std::string& out, std::uint32_t key) const override;
  void append_put(std::string& out, std::uint32_t key, std::uint32_t value_size,
                  std::uint32_t stamp) const override;
  void append_scan(std::string& out, std::uint32_t key, std::uint32_t count) const override;
  bool can_scan() const override { return true; }
  bool parse(std::string_view bytes, Answer& answer) const override;

 private:
  // What requests are made of, spelled once.
  const std::string get_head_;
  const std::string put_head_;  // up to the value's size
  const std::string put_tail_;  // behind it
  const std::string scan_head_;
};

}  // namespace kv::bench
