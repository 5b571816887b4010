#pragma once

#include <functional>
#include <string>
#include <vector>

#include "torture/life.h"

namespace kv::torture {

// A fixed life, the same every time, made to be cut off at every operation. Between them the
// scripts create a database, fill and rotate segments, write batches, delete, seal, write hints,
// merge with other clients' writes in between, drop tombstones, write the MANIFEST anew, and
// recover.
struct Script {
  std::string name;
  Life::Settings settings;
  io::SimDisk disk;                // what the machine begins with
  std::function<bool(Life&)> run;  // false: the power went, or there is a problem
};

const std::vector<Script>& scripts();

// The machine of a database whose MANIFEST is so long that the next open writes it anew.
io::SimDisk disk_with_long_manifest();

}  // namespace kv::torture
