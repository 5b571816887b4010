#pragma once

#include <absl/synchronization/mutex.h>

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#define KV_TELL_TSAN(call) call
#else
#define KV_TELL_TSAN(call) static_cast<void>(0)
#endif

namespace kv::engine {

// The index is held for a few microseconds at a time, and to sleep and be woken takes some seventy:
// so whoever finds it held tries again for about as long as one hold lasts before it sleeps.
template <class TryLock>
bool spin_for(TryLock try_lock) {
  constexpr int kTries = 400;
  for (int i = 0; i < kTries; ++i) {
    if (try_lock()) return true;
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("isb");
#endif
  }
  return false;
}

// The two ways to hold the index's mutex, while the object lives. The system's Abseil is compiled
// without TSan, which would therefore see no order between two holders; so it is told here.
class ABSL_SCOPED_LOCKABLE ReaderLock {
 public:
  explicit ReaderLock(absl::Mutex& mutex) ABSL_SHARED_LOCK_FUNCTION(mutex) : mutex_(mutex) {
    KV_TELL_TSAN(__tsan_mutex_pre_lock(&mutex_, __tsan_mutex_read_lock));
    if (!spin_for([this] { return mutex_.ReaderTryLock(); })) mutex_.ReaderLock();
    KV_TELL_TSAN(__tsan_mutex_post_lock(&mutex_, __tsan_mutex_read_lock, 0));
  }
  ~ReaderLock() ABSL_UNLOCK_FUNCTION() {
    KV_TELL_TSAN(__tsan_mutex_pre_unlock(&mutex_, __tsan_mutex_read_lock));
    mutex_.ReaderUnlock();
    KV_TELL_TSAN(__tsan_mutex_post_unlock(&mutex_, __tsan_mutex_read_lock));
  }
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

 private:
  absl::Mutex& mutex_;
};

class ABSL_SCOPED_LOCKABLE WriterLock {
 public:
  explicit WriterLock(absl::Mutex& mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) {
    KV_TELL_TSAN(__tsan_mutex_pre_lock(&mutex_, 0));
    if (!spin_for([this] { return mutex_.WriterTryLock(); })) mutex_.WriterLock();
    KV_TELL_TSAN(__tsan_mutex_post_lock(&mutex_, 0, 0));
  }
  ~WriterLock() ABSL_UNLOCK_FUNCTION() {
    KV_TELL_TSAN(__tsan_mutex_pre_unlock(&mutex_, 0));
    mutex_.WriterUnlock();
    KV_TELL_TSAN(__tsan_mutex_post_unlock(&mutex_, 0));
  }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  absl::Mutex& mutex_;
};

}  // namespace kv::engine

#undef KV_TELL_TSAN
