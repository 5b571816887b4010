#include "torture/finding.h"

#include <fmt/format.h>

namespace kv::torture {

std::string describe(const Finding& finding) {
  std::string text = fmt::format("{}\n  where: {}\n  operation: {}\n  replay: kv torture {}\n",
                                 finding.problem, finding.where, finding.operation, finding.replay);
  for (const std::string& step : finding.trail) text += fmt::format("  {}\n", step);
  return text;
}

}  // namespace kv::torture
