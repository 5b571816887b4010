#include "protocol/vector_file.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace kv::protocol {

namespace {

constexpr std::size_t kShownMax = 200;

// Collects the cases of one file line by line.
class Reader {
 public:
  explicit Reader(std::string_view file) : file_(file) {}

  std::optional<Error> take(std::string_view line);
  std::optional<Error> finish();
  std::vector<VectorCase> cases;

 private:
  std::optional<Error> take_bytes(char mark, std::string_view text);
  std::optional<Error> take_event(std::string_view text);
  Error wrong(std::string_view what) const {
    return {Errc::kInvalidArgument, fmt::format("{}:{}: {}", file_, line_, what), {}};
  }

  const std::string file_;
  std::size_t line_ = 0;
  bool is_in_case_ = false;  // a title came, and its "! open" or "! close" did not
};

std::optional<Error> Reader::take(std::string_view line) {
  line_ += 1;
  if (line.empty() || line[0] == '#') return std::nullopt;
  if (line.size() < 3 || line[1] != ' ' || line.back() == ' ') {
    return wrong("not '= title', '> sent', '< expected', '! event' or '# comment'");
  }
  const std::string_view text = line.substr(2);
  if (line[0] == '=') {
    if (is_in_case_) return wrong("the case before has no '! open' or '! close'");
    is_in_case_ = true;
    cases.emplace_back();
    cases.back().file = file_;
    cases.back().line = line_;
    cases.back().title = text;
    return std::nullopt;
  }
  if (!is_in_case_) return wrong("a case begins with its title, '= title'");
  if (line[0] == '!') return take_event(text);
  return take_bytes(line[0], text);
}

std::optional<Error> Reader::take_bytes(char mark, std::string_view text) {
  if (mark == '<') {
    auto pattern = ReplyPattern::parse(text);
    if (!pattern) return wrong(pattern.error().context);
    cases.back().expected.push_back(*std::move(pattern));
    return std::nullopt;
  }
  if (mark != '>') return wrong("a line begins with one of = > < ! #");
  auto bytes = unescape_bytes(text);
  if (!bytes) return wrong(bytes.error().context);
  cases.back().sent += *bytes;
  return std::nullopt;
}

std::optional<Error> Reader::take_event(std::string_view text) {
  if (text == "eof") {
    cases.back().ends_input = true;
    return std::nullopt;
  }
  if (text != "open" && text != "close") return wrong("an event is eof, open or close");
  if (text == "open" && cases.back().ends_input) return wrong("after eof the server closes");
  cases.back().then = text == "open" ? VectorCase::Then::kOpen : VectorCase::Then::kClose;
  is_in_case_ = false;
  return std::nullopt;
}

std::optional<Error> Reader::finish() {
  if (is_in_case_) return wrong("the last case has no '! open' or '! close'");
  return std::nullopt;
}

std::string shown(std::string_view bytes) {
  std::string out = escape_bytes(bytes.substr(0, kShownMax));
  if (bytes.size() > kShownMax) out += fmt::format("... ({} bytes)", bytes.size());
  return out;
}

Result<std::string> read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (file.bad() || !file.is_open()) {
    return tl::unexpected(Error{Errc::kIo, fmt::format("read {}", path.string()), {}});
  }
  return text;
}

}  // namespace

Result<std::vector<VectorCase>> parse_vectors(std::string_view file, std::string_view text) {
  Reader reader(file);
  while (!text.empty()) {
    const std::size_t size = std::min(text.find('\n'), text.size());
    if (auto wrong = reader.take(text.substr(0, size))) return tl::unexpected(*std::move(wrong));
    text.remove_prefix(std::min(size + 1, text.size()));
  }
  if (auto wrong = reader.finish()) return tl::unexpected(*std::move(wrong));
  return std::move(reader.cases);
}

Result<std::vector<VectorCase>> load_vectors(const std::filesystem::path& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().extension() == ".vec") files.push_back(at->path());
  }
  if (error || files.empty()) {
    return tl::unexpected(
        Error{Errc::kIo, fmt::format("no vectors (*.vec) in {}", folder.string()), error});
  }
  std::sort(files.begin(), files.end());
  std::vector<VectorCase> all;
  for (const auto& path : files) {
    const auto text = read_text(path);
    if (!text) return tl::unexpected(text.error());
    auto cases = parse_vectors(path.filename().string(), *text);
    if (!cases) return cases;
    std::move(cases->begin(), cases->end(), std::back_inserter(all));
  }
  return all;
}

std::optional<std::string> mismatch(const std::vector<ReplyPattern>& expected,
                                    std::string_view actual) {
  std::string_view rest = actual;
  for (const ReplyPattern& pattern : expected) {
    const auto size = pattern.match_front(rest);
    if (!size) {
      return fmt::format("expected: {}\n  actual: {}", pattern.text(),
                         rest.empty() ? "(nothing)" : shown(rest));
    }
    rest.remove_prefix(*size);
  }
  if (rest.empty()) return std::nullopt;
  return fmt::format("expected: (nothing more)\n  actual: {}", shown(rest));
}

}  // namespace kv::protocol
