#include "cli/server_order.h"

namespace kv::cli {

namespace {

using Answers = std::vector<std::optional<Result<bool>>>;

bool is_first_known(const Answers& answers) {
  std::size_t unknown = 0;
  for (const auto& answer : answers) {
    // It comes first if those named before it are known not to be there.
    if (answer && *answer) return unknown == 0;
    unknown += answer ? 0 : 1;
  }
  return unknown <= 1;
}

}  // namespace

std::vector<std::string> server_order(const std::vector<std::string>& addresses,
                                      const std::function<Result<bool>(const std::string&)>& ask,
                                      Patience patience) {
  const auto answers = ask_at_once<bool>(addresses, ask, patience, is_first_known);
  std::vector<std::string> order;
  std::vector<std::string> unheard;  // of, so far
  std::vector<std::string> others;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const bool is_unheard = !answers[i] && answers[i].error().code == Errc::kTimeout;
    (answers[i] ? order : is_unheard ? unheard : others).push_back(addresses[i]);
  }
  // Where nobody is there, who may be comes before those who refuse.
  auto& next = order.empty() ? unheard : others;
  auto& last = order.empty() ? others : unheard;
  order.insert(order.end(), next.begin(), next.end());
  order.insert(order.end(), last.begin(), last.end());
  return order;
}

}  // namespace kv::cli
