#include "bench/value_sizes.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "kv/options.h"

namespace kv::bench {

namespace {

constexpr std::uint32_t kShareMax = 1'000'000;

std::optional<std::uint32_t> number_in(std::string_view text, std::uint32_t max) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  return is_number && number <= max ? std::optional(number) : std::nullopt;
}

tl::unexpected<Error> refuse(std::string_view text) {
  return tl::unexpected(
      Error{Errc::kInvalidArgument,
            fmt::format("{} names no sizes such as {}", text, ValueSizes::kSyntax),
            {}});
}

}  // namespace

Result<ValueSizes> ValueSizes::parse(std::string_view text) {
  constexpr std::string_view kZipf = "zipf:";
  if (text.starts_with(kZipf)) {
    const auto max = number_in(text.substr(kZipf.size()), kValueSizeMax);
    if (!max || *max == 0) return refuse(text);
    return ValueSizes(Kind::kZipf, 1, *max);
  }
  if (text.find(':') != std::string_view::npos) return parse_list(text);
  const std::size_t dash = text.find('-');
  const auto min = number_in(text.substr(0, dash), kValueSizeMax);
  const auto max =
      dash == std::string_view::npos ? min : number_in(text.substr(dash + 1), kValueSizeMax);
  if (!min || !max || *max < *min) return refuse(text);
  return ValueSizes(Kind::kUniform, *min, *max);
}

Result<ValueSizes> ValueSizes::parse_list(std::string_view text) {
  std::vector<Share> shares;
  std::uint32_t total = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t comma = rest.find(',');
    const std::string_view one = rest.substr(0, comma);
    const std::size_t colon = one.find(':');
    if (colon == std::string_view::npos || comma + 1 == rest.size()) return refuse(text);
    const auto size = number_in(one.substr(0, colon), kValueSizeMax);
    const auto share = number_in(one.substr(colon + 1), kShareMax);
    if (!size || !share || *share == 0 || total + *share > kShareMax) return refuse(text);
    shares.push_back({*size, *share});
    total += *share;
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  const auto by_size = [](const Share& a, const Share& b) { return a.size < b.size; };
  const auto [min, max] = std::minmax_element(shares.begin(), shares.end(), by_size);
  ValueSizes sizes(Kind::kList, min->size, max->size);
  sizes.shares_ = std::move(shares);
  sizes.shares_total_ = total;
  return sizes;
}

std::uint32_t ValueSizes::choose(Random& random) const {
  switch (kind_) {
    case Kind::kUniform:
      return min_ == max_ ? min_ : min_ + random.below(max_ - min_ + 1);
    case Kind::kZipf:
      return min_ + zipf_.choose(random);
    case Kind::kList:
      break;
  }
  std::uint32_t left = random.below(shares_total_);
  std::size_t i = 0;
  while (left >= shares_[i].share) left -= shares_[i++].share;
  return shares_[i].size;
}

}  // namespace kv::bench
