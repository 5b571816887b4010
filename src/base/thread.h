#pragma once

namespace kv::base {

// Of the calling thread, from now on.

// What it is called in `top -H` and in debuggers: at most 15 bytes.
void name_thread(const char* name);
// 0 (as it is by itself) to 19: others go first on a processor that both want, and the more of it
// they get the higher this is. It cannot be raised again without privileges.
void lower_priority(int nice);

}  // namespace kv::base
