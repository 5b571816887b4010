#pragma once

#include <string>

#include "io/file_system.h"
#include "io/sim_file_system.h"
#include "tests/support/scratch_dir.h"

namespace kv::io {

// The implementations that the tests of the contract run against: each gives a file system and an
// empty folder in it.
class PosixSubject {
 public:
  FileSystem& fs() { return posix_file_system(); }
  std::string dir() const { return scratch_.path(); }

 private:
  test::ScratchDir scratch_;
};

class SimSubject {
 public:
  SimSubject() { static_cast<void>(fs_.create_dir(dir())); }  // in memory: cannot fail
  FileSystem& fs() { return fs_; }
  std::string dir() const { return "/sim"; }

 private:
  SimFileSystem fs_;
};

}  // namespace kv::io

#define KV_FILE_SYSTEMS kv::io::PosixSubject, kv::io::SimSubject
