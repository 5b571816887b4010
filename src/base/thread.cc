#include "base/thread.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

namespace kv::base {

void name_thread(const char* name) { ::pthread_setname_np(::pthread_self(), name); }

void lower_priority(int nice) {
  if (nice > 0) ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), nice);
}

}  // namespace kv::base
