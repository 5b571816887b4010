#include "bench/workload.h"

#include <charconv>

#include <fmt/format.h>

#include "base/check.h"

namespace kv::bench {

namespace {

constexpr std::array<std::string_view, kOperationCount> kOperationNames = {"read", "update",
                                                                           "insert", "scan", "rmw"};
constexpr std::array<std::string_view, 3> kDistributionNames = {"uniform", "zipfian", "latest"};

// Takes "name=share" from the front of `text`, and the comma behind it. False: there is none.
bool take_share(std::string_view& text, std::array<std::uint32_t, kOperationCount>& shares) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return false;
  std::size_t operation = 0;
  while (operation < kOperationCount && kOperationNames[operation] != text.substr(0, equals)) {
    ++operation;
  }
  if (operation == kOperationCount || shares[operation] != 0) return false;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + equals + 1, end, shares[operation]);
  if (error != std::errc() || shares[operation] > Mix::kShareMax) return false;
  if (at != end && (*at != ',' || at + 1 == end)) return false;
  text =
      at == end ? std::string_view() : text.substr(static_cast<std::size_t>(at - text.data()) + 1);
  return true;
}

}  // namespace

std::string_view name_of(Operation operation) {
  return kOperationNames[static_cast<std::size_t>(operation)];
}

std::string_view name_of(Distribution distribution) {
  return kDistributionNames[static_cast<std::size_t>(distribution)];
}

std::optional<Distribution> parse_distribution(std::string_view text) {
  for (std::size_t i = 0; i < kDistributionNames.size(); ++i) {
    if (kDistributionNames[i] == text) return static_cast<Distribution>(i);
  }
  return std::nullopt;
}

Result<Mix> Mix::parse(std::string_view text) {
  std::array<std::uint32_t, kOperationCount> shares{};
  std::string_view rest = text;
  bool is_good = !rest.empty();
  while (is_good && !rest.empty()) is_good = take_share(rest, shares);
  if (!is_good || shares == std::array<std::uint32_t, kOperationCount>{}) {
    return tl::unexpected(Error{Errc::kInvalidArgument,
                                fmt::format("{} is no mix such as read=50,update=50; there are {}",
                                            text, fmt::join(kOperationNames, ", ")),
                                {}});
  }
  return Mix(shares);
}

Mix::Mix(const std::array<std::uint32_t, kOperationCount>& shares) : shares_(shares) {
  for (const std::uint32_t share : shares_) {
    KV_CHECK(share <= kShareMax);
    total_ += share;
  }
  KV_CHECK(total_ > 0);
}

Operation Mix::choose(Random& random) const {
  std::uint32_t left = random.below(total_);
  std::size_t operation = 0;
  while (left >= shares_[operation]) left -= shares_[operation++];
  return static_cast<Operation>(operation);
}

std::optional<Workload> ycsb(char letter) {
  switch (letter) {  // the shares of read, update, insert, scan, rmw
    case 'a':
      return Workload{Mix({50, 50, 0, 0, 0}), Distribution::kZipfian};
    case 'b':
      return Workload{Mix({95, 5, 0, 0, 0}), Distribution::kZipfian};
    case 'c':
      return Workload{Mix({100, 0, 0, 0, 0}), Distribution::kZipfian};
    case 'd':
      return Workload{Mix({95, 0, 5, 0, 0}), Distribution::kLatest};
    case 'e':
      return Workload{Mix({0, 0, 5, 95, 0}), Distribution::kZipfian};
    case 'f':
      return Workload{Mix({50, 0, 0, 0, 50}), Distribution::kZipfian};
    default:
      return std::nullopt;
  }
}

}  // namespace kv::bench
