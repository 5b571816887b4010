#pragma once

#include <string>
#include <utility>

#include "kv/result.h"

namespace kv::format {

// The two ways in which stored bytes are refused. The context says what is wrong and where; the
// caller, who knows it, adds the file's name.
inline tl::unexpected<Error> corruption(std::string context) {
  return tl::unexpected(Error{.code = Errc::kCorruption, .context = std::move(context)});
}
inline tl::unexpected<Error> newer_format(std::string context) {
  return tl::unexpected(Error{.code = Errc::kNewerFormat, .context = std::move(context)});
}

}  // namespace kv::format
