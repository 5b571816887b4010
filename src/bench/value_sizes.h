#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/random.h"
#include "bench/zipf.h"
#include "kv/result.h"

namespace kv::bench {

// How large values are, in bytes. Constant after construction.
class ValueSizes {
 public:
  static constexpr std::string_view kSyntax =
      "100, 64-1024 (each as likely), zipf:1024 (1 to 1024, small ones often), 100:90,4096:10 "
      "(with their shares)";

  // As kSyntax says; kInvalidArgument.
  static Result<ValueSizes> parse(std::string_view text);

  std::uint32_t choose(Random& random) const;
  std::uint32_t min() const { return min_; }
  std::uint32_t max() const { return max_; }

 private:
  enum class Kind { kUniform, kZipf, kList };
  struct Share {
    std::uint32_t size;
    std::uint32_t share;
  };
  ValueSizes(Kind kind, std::uint32_t min, std::uint32_t max)
      : kind_(kind), min_(min), max_(max), zipf_(max - min + 1) {}
  static Result<ValueSizes> parse_list(std::string_view text);

  Kind kind_;
  std::uint32_t min_;
  std::uint32_t max_;
  Zipf zipf_;  // of the sizes from min_ to max_
  std::vector<Share> shares_;
  std::uint32_t shares_total_ = 0;
};

}  // namespace kv::bench
