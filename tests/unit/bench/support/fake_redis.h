#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "support/fake_server.h"

namespace kv::test {

// GET and SET over RESP, as a script of FakeServer: each of its connections is served to its end.
// What it holds is for before the load and behind join().
struct FakeRedis {
  std::map<std::string, std::string> data;
  std::uint64_t gets = 0;
  std::uint64_t sets = 0;
  // What is answered to a GET in place of the value, if set.
  std::function<std::string(const std::string& value)> spoil;

  FakeServer::Script script() {
    return [this](Talk& talk) { serve(talk); };
  }

 private:
  void serve(Talk& talk);
};

}  // namespace kv::test
