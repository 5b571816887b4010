#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kv::bench {

// The keys of the load generator: "bench:0000000042" is key 42 when they are 16 bytes long. Shorter
// ones have less of the word in front, longer ones more zeros; the order of the keys is that of
// their numbers. Constant after construction.
class KeyNames {
 public:
  static constexpr std::size_t kSizeMin = 10;  // the digits of every number there is
  static constexpr std::size_t kSizeMax = 1024;

  explicit KeyNames(std::size_t size);

  std::size_t size() const { return prefix_.size() + kSizeMin; }
  void append(std::string& out, std::uint32_t number) const;
  std::string name(std::uint32_t number) const;
  // nullopt: no key of this size and form.
  std::optional<std::uint32_t> number(std::string_view key) const;

 private:
  std::string prefix_;
};

}  // namespace kv::bench
