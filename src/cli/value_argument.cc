#include "cli/value_argument.h"

#include <cerrno>
#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "cli/quantity.h"

namespace kv::cli {

namespace {

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

Error cannot_read(const std::string& name, int number) {
  return {Errc::kInvalidArgument, "cannot read " + name, {number, std::generic_category()}};
}

}  // namespace

Result<std::string> value_of_argument(const std::string& argument, std::uint64_t size_max) {
  const bool is_stdin = argument == "-";
  if (!is_stdin && !argument.starts_with('@')) return argument;
  const std::string name = is_stdin ? "stdin" : argument.substr(1);
  const std::unique_ptr<std::FILE, CloseFile> file(is_stdin ? stdin
                                                            : std::fopen(name.c_str(), "rb"));
  if (!file) return tl::unexpected(cannot_read(name, errno));
  std::string value;
  constexpr std::size_t kStep = 1024 * 1024;
  for (;;) {
    const std::size_t before = value.size();
    value.resize(before + kStep);
    const std::size_t got = std::fread(value.data() + before, 1, kStep, file.get());
    value.resize(before + got);
    if (value.size() > size_max) {
      return tl::unexpected(Error{
          Errc::kInvalidArgument,
          fmt::format("{} is larger than {} bytes, the most a value may have", name, size_max),
          {}});
    }
    if (got == kStep) continue;
    if (std::ferror(file.get()) != 0) return tl::unexpected(cannot_read(name, errno));
    return value;
  }
}

}  // namespace kv::cli
