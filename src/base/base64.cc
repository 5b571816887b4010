#include "base/base64.h"

#include <cstdint>

namespace kv::base {

namespace {

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t at) {
      return at < bytes.size() ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at]))
                               : 0u;
    };
    const std::uint32_t three = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    out += kBase64[three >> 18];
    out += kBase64[three >> 12 & 63];
    out += i + 1 < bytes.size() ? kBase64[three >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? kBase64[three & 63] : '=';
  }
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::uint32_t four = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const bool is_padding = i + j >= text.size() - padding;
      const std::size_t digit = is_padding ? 0 : kBase64.find(text[i + j]);
      if (digit == std::string_view::npos) return std::nullopt;
      four = four << 6 | static_cast<std::uint32_t>(digit);
    }
    out += static_cast<char>(four >> 16 & 0xff);
    out += static_cast<char>(four >> 8 & 0xff);
    out += static_cast<char>(four & 0xff);
  }
  out.resize(out.size() - padding);
  // The last digit may hold bits that stand for nothing.
  if (padding > 0 &&
      base64(std::string_view(out).substr(out.size() / 3 * 3)) != text.substr(text.size() - 4)) {
    return std::nullopt;
  }
  return out;
}

}  // namespace kv::base
