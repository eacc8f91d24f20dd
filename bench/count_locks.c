// Counts how often a program takes a POSIX lock, and how often it finds it taken; says so on stderr when the program ends.
// bench/locks.sh loads it into brokerd. What C++ mutexes and shared mutexes do on Linux comes through these functions.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

struct count {
  const char* what;
  atomic_ulong taken, contended;
};
static struct count mutexes = {"mutex"}, readers = {"shared lock"}, writers = {"exclusive lock"};

typedef int (*lock_function)(void*);

static lock_function next(const char* name) {
  union {
    void* object;
    lock_function function;
  } found = {dlsym(RTLD_NEXT, name)};
  return found.function;
}

static int take(struct count* count, lock_function* try_it, const char* try_name, lock_function* wait, const char* wait_name, void* lock) {
  if (*try_it == NULL) {
    *wait = next(wait_name);
    *try_it = next(try_name);
  }
  atomic_fetch_add_explicit(&count->taken, 1, memory_order_relaxed);
  if ((*try_it)(lock) == 0) return 0;
  atomic_fetch_add_explicit(&count->contended, 1, memory_order_relaxed);
  return (*wait)(lock);
}

int pthread_mutex_lock(pthread_mutex_t* mutex) {
  static lock_function try_it, wait;
  return take(&mutexes, &try_it, "pthread_mutex_trylock", &wait, "pthread_mutex_lock", mutex);
}

int pthread_rwlock_rdlock(pthread_rwlock_t* lock) {
  static lock_function try_it, wait;
  return take(&readers, &try_it, "pthread_rwlock_tryrdlock", &wait, "pthread_rwlock_rdlock", lock);
}

int pthread_rwlock_wrlock(pthread_rwlock_t* lock) {
  static lock_function try_it, wait;
  return take(&writers, &try_it, "pthread_rwlock_trywrlock", &wait, "pthread_rwlock_wrlock", lock);
}

__attribute__((destructor)) static void tell(void) {
  const struct count* all[] = {&mutexes, &readers, &writers};
  for (int i = 0; i < 3; ++i) fprintf(stderr, "locks: %s %lu %lu\n", all[i]->what, atomic_load(&all[i]->taken), atomic_load(&all[i]->contended));
}
