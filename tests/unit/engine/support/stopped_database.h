#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include <doctest/doctest.h>

#include "kv/store.h"
#include "kv/verify.h"
#include "tests/support/scratch_dir.h"

namespace kv::test {

namespace stdfs = std::filesystem;

// A stopped database with three sealed segments: deletes, a batch and large values among them.
struct StoppedDatabase {
  kv::test::ScratchDir scratch;
  std::string path = scratch.path() + "/db";

  StoppedDatabase() {
    kv::Options options;
    options.segment_size_max = 4096;
    options.sync = kv::Sync::kNone;
    options.merges_automatically = false;
    for (int round = 0; round < 3; ++round) {
      auto store = kv::Store::open(path, options);
      REQUIRE(store.has_value());
      for (int i = 0; i < 20; ++i) {
        const std::string key = "key" + std::to_string(round) + "-" + std::to_string(i);
        REQUIRE(store->put(key, std::string(20, 'v')).has_value());
      }
      REQUIRE(store->del("key0-1").has_value());
      kv::Batch batch;
      batch.put("batch-a", "1");
      batch.put("batch-b", "2");
      REQUIRE(store->write(batch).has_value());
      REQUIRE(store->close().has_value());
    }
  }

  kv::VerifyReport verify() const {
    auto report = kv::verify(path);
    REQUIRE_MESSAGE(report.has_value(), (report ? "" : describe(report.error())));
    return std::move(*report);
  }
  // name -> content of every file.
  std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> all;
    for (const auto& entry : stdfs::directory_iterator(path)) {
      std::ifstream in(entry.path(), std::ios::binary);
      all[entry.path().filename().string()] =
          std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    }
    return all;
  }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(path + "/" + name, std::ios::binary | std::ios::trunc) << content;
  }
  std::string first(const std::string& extension) const {
    std::string found;
    for (const auto& [name, content] : contents()) {
      if (name.ends_with(extension) && content.size() > 200 && found.empty()) found = name;
    }
    REQUIRE(!found.empty());
    return found;
  }
};

}  // namespace kv::test
