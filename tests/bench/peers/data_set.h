#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace kv::bench {

// "key:" and twelve digits, as redis-benchmark writes them.
class Key {
 public:
  static constexpr std::size_t kSize = 16;

  explicit Key(std::uint64_t number);
  // A key that is in no data set, and sorts in the middle of one: its last digit is a letter.
  static Key absent(std::uint64_t number);
  operator std::string_view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::array<char, kSize> bytes_{'k', 'e', 'y', ':'};
};

// What every database here holds: keys 0 .. keys()-1, and for each a value that the key decides, of
// bytes that do not compress.
class DataSet {
 public:
  DataSet(std::uint64_t keys, std::size_t value_size);

  std::uint64_t keys() const { return keys_; }
  std::size_t value_size() const { return value_size_; }
  std::string_view value(std::uint64_t number) const;
  // Ends the program unless `value` is the one of the key.
  void check(std::uint64_t number, std::string_view value) const;
  // The number in a key of this set; ends the program when it is none.
  std::uint64_t number_of(std::string_view key) const;

 private:
  std::uint64_t keys_;
  std::size_t value_size_;
  std::string pool_;  // values are windows into it
};

// Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t x = state_ += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
  }
  // Uniform; `limit` is below 2^32.
  std::uint64_t below(std::uint64_t limit) { return ((next() >> 32) * limit) >> 32; }

 private:
  std::uint64_t state_;
};

}  // namespace kv::bench
