#include "fake_redis.h"

#include <vector>

namespace kv::test {

namespace {

// The words of the next request; empty: there is none.
std::vector<std::string> next_request(Talk& talk) {
  std::vector<std::string> words;
  const std::string count = talk.read_line();
  if (!count.starts_with('*')) return words;
  words.resize(std::stoul(count.substr(1)));
  for (std::string& word : words) {
    word = talk.read(std::stoul(talk.read_line().substr(1)));
    talk.read(2);
  }
  return words;
}

std::string bulk(const std::string& value) {
  return "$" + std::to_string(value.size()) + "\r\n" + value + "\r\n";
}

}  // namespace

void FakeRedis::serve(Talk& talk) {
  for (auto words = next_request(talk); !words.empty(); words = next_request(talk)) {
    if (words[0] == "SET") {
      sets += 1;
      data[words[1]] = words[2];
      talk.say("+OK\r\n");
      continue;
    }
    gets += 1;
    const auto found = data.find(words[1]);
    if (found == data.end()) {
      talk.say("$-1\r\n");
    } else {
      talk.say(bulk(spoil ? spoil(found->second) : found->second));
    }
  }
}

}  // namespace kv::test
