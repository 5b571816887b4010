#include "data_set.h"

#include <charconv>

#include "fail.h"

namespace kv::bench {

namespace {

constexpr std::size_t kPrefixSize = 4;
constexpr std::size_t kPoolSize = std::size_t{1} << 20;

}  // namespace

Key::Key(std::uint64_t number) {
  for (std::size_t at = kSize; at-- > kPrefixSize; number /= 10)
    bytes_[at] = static_cast<char>('0' + number % 10);
}

Key Key::absent(std::uint64_t number) {
  Key key(number);
  key.bytes_.back() = static_cast<char>(key.bytes_.back() - '0' + 'a');
  return key;
}

DataSet::DataSet(std::uint64_t keys, std::size_t value_size)
    : keys_(keys), value_size_(value_size), pool_(kPoolSize + value_size, '\0') {
  Random random(1);
  for (char& byte : pool_) byte = static_cast<char>(random.next());
}

std::string_view DataSet::value(std::uint64_t number) const {
  const std::uint64_t at = Random(number).next() % kPoolSize;
  return std::string_view(pool_).substr(at, value_size_);
}

void DataSet::check(std::uint64_t number, std::string_view found) const {
  if (found != value(number)) fail("wrong value for " + std::string(Key(number)));
}

std::uint64_t DataSet::number_of(std::string_view key) const {
  std::uint64_t number = 0;
  if (key.size() == Key::kSize && key.starts_with("key:")) {
    const char* const last = key.data() + key.size();
    const auto [end, error] = std::from_chars(key.data() + kPrefixSize, last, number);
    if (error == std::errc{} && end == last && number < keys_) return number;
  }
  fail("a key that was never put: " + std::string(key));
}

}  // namespace kv::bench
