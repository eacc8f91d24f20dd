/* What the layer knows: its directory, open files, rules, the journal. */
#define _GNU_SOURCE
#include "faultyfs.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

enum { FILES = 4096, DESCRIPTORS = 1 << 20, CONTENT_LOCKS = 64 };

struct control* faultyfs_control;
pthread_mutex_t faultyfs_names_lock = PTHREAD_MUTEX_INITIALIZER;

static char directory[PATH_MAX], real_directory[PATH_MAX], graves[PATH_MAX];
static int journal = -1;
static pthread_mutex_t journal_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t content_locks[CONTENT_LOCKS];
static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;
static struct file files[FILES];
static struct file* _Atomic by_descriptor[DESCRIPTORS];

_Noreturn void faultyfs_die(const char* text) {
  (void)!syscall(SYS_write, 2, "faultyfs: ", 10);
  (void)!syscall(SYS_write, 2, text, strlen(text));
  (void)!syscall(SYS_write, 2, "\n", 1);
  abort();
}

bool faultyfs_journalling(void) { return journal >= 0; }

__attribute__((constructor)) static void begin(void) {
  const char* where = getenv("FAULTYFS_DIR");
  const char* state = getenv("FAULTYFS_STATE");
  if (where == NULL || state == NULL) return;
  for (int i = 0; i < CONTENT_LOCKS; ++i) pthread_mutex_init(&content_locks[i], NULL);
  snprintf(directory, sizeof directory, "%s", where);
  if (realpath(where, real_directory) == NULL) faultyfs_die("FAULTYFS_DIR is not there");
  char name[PATH_MAX];
  snprintf(name, sizeof name, "%s/control", state);
  int control = (int)syscall(SYS_openat, AT_FDCWD, name, O_RDWR | O_CLOEXEC, 0);
  if (control < 0) faultyfs_die("FAULTYFS_STATE/control is not there");
  void* mapped = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, control, 0);
  syscall(SYS_close, control);
  if (mapped == MAP_FAILED || ((struct control*)mapped)->magic != CONTROL_MAGIC) faultyfs_die("FAULTYFS_STATE/control is none of ours");
  snprintf(graves, sizeof graves, "%s/graves", state);
  snprintf(name, sizeof name, "%s/journal", state);
  journal = (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
  faultyfs_control = mapped;
}

/* --- paths --- */

static bool inside(const char* absolute, const char* where, char* below) {
  size_t bytes = strlen(where);
  while (bytes > 1 && where[bytes - 1] == '/') --bytes;
  if (strncmp(absolute, where, bytes) != 0 || (absolute[bytes] != '/' && absolute[bytes] != 0)) return false;
  strcpy(below, absolute[bytes] == '/' ? absolute + bytes + 1 : absolute + bytes);
  return true;
}

/* Without ".", ".." and double slashes, by the text alone. */
static void tidy(char* path) {
  char* out = path;
  for (const char* in = path; *in != 0;) {
    while (*in == '/') ++in;
    size_t bytes = strcspn(in, "/");
    if (bytes == 2 && in[0] == '.' && in[1] == '.') {
      while (out > path && *--out != '/') {}
    } else if (bytes != 0 && !(bytes == 1 && in[0] == '.')) {
      *out++ = '/';
      memmove(out, in, bytes);
      out += bytes;
    }
    in += bytes;
  }
  if (out == path) *out++ = '/';
  *out = 0;
}

bool faultyfs_below(int at, const char* path, char* below) {
  if (faultyfs_control == NULL || path == NULL) return false;
  char absolute[2 * PATH_MAX];
  if (path[0] == '/') {
    if (strlen(path) >= PATH_MAX) return false;
    strcpy(absolute, path);
  } else {
    char link[64];
    snprintf(link, sizeof link, at == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", at);
    long bytes = syscall(SYS_readlink, link, absolute, PATH_MAX - 1);
    if (bytes < 0 || strlen(path) >= PATH_MAX) return false;
    absolute[bytes] = '/';
    strcpy(absolute + bytes + 1, path);
  }
  tidy(absolute);
  if (strlen(absolute) >= PATH_MAX) return false;
  return inside(absolute, directory, below) || inside(absolute, real_directory, below);
}

/* --- open files --- */

struct file* faultyfs_file(int descriptor) {
  if (faultyfs_control == NULL || descriptor < 0 || descriptor >= DESCRIPTORS) return NULL;
  struct file* file = atomic_load_explicit(&by_descriptor[descriptor], memory_order_acquire);
  if (file == NULL) return NULL;
  // A stream's close, or a call nobody thought of, may have given the number to another file since.
  struct stat now;
  if (fstat(descriptor, &now) == 0 && (uint64_t)now.st_dev == file->device && (uint64_t)now.st_ino == file->inode) return file;
  faultyfs_closed(descriptor);
  return NULL;
}

void faultyfs_opened(int descriptor, const char* below, int flags) {
  struct stat now;
  if (fstat(descriptor, &now) != 0 || !(S_ISREG(now.st_mode) || S_ISDIR(now.st_mode))) return;
  if (descriptor >= DESCRIPTORS) faultyfs_die("too large a file descriptor");
  faultyfs_closed(descriptor);  // whoever had the number before
  pthread_mutex_lock(&files_lock);
  struct file* file = NULL;
  for (int i = 0; i < FILES && file == NULL; ++i)
    if (atomic_load(&files[i].descriptors) == 0) file = &files[i];
  if (file == NULL) faultyfs_die("too many open files");
  file->device = now.st_dev;
  file->inode = now.st_ino;
  file->directory = S_ISDIR(now.st_mode);
  file->appends = (flags & O_APPEND) != 0;
  strcpy(file->path, below);
  atomic_store(&file->descriptors, 1);
  atomic_store(&by_descriptor[descriptor], file);
  pthread_mutex_unlock(&files_lock);
}

void faultyfs_duplicated(int from, int to) {
  if (faultyfs_control == NULL || to < 0) return;
  faultyfs_closed(to);
  struct file* file = faultyfs_file(from);
  if (file == NULL) return;
  if (to >= DESCRIPTORS) faultyfs_die("too large a file descriptor");
  atomic_fetch_add(&file->descriptors, 1);
  atomic_store(&by_descriptor[to], file);
}

void faultyfs_closed(int descriptor) {
  if (faultyfs_control == NULL || descriptor < 0 || descriptor >= DESCRIPTORS) return;
  struct file* file = atomic_exchange(&by_descriptor[descriptor], NULL);
  if (file != NULL) atomic_fetch_sub(&file->descriptors, 1);
}

/* --- rules --- */

static bool concerns(const struct rule* rule, enum call call, const char* below) {
  return atomic_load_explicit(&rule->active, memory_order_acquire) != 0 && (rule->calls & 1u << call) != 0 &&
         (rule->pattern[0] == 0 || fnmatch(rule->pattern, below, 0) == 0);
}

int faultyfs_strike(enum call call, const char* below, bool* lie) {
  atomic_fetch_add_explicit(&faultyfs_control->calls[call], 1, memory_order_relaxed);
  for (int i = 0; i < RULES; ++i) {
    struct rule* rule = &faultyfs_control->rules[i];
    if (!concerns(rule, call, below) || rule->effect == EFFECT_SPACE) continue;
    if (rule->effect == EFFECT_LIE && lie == NULL) continue;
    uint64_t seen = atomic_fetch_add(&rule->seen, 1);
    uint64_t after = atomic_load(&rule->after);
    if (seen < after || (rule->times != 0 && seen - after >= rule->times)) continue;
    atomic_fetch_add(&rule->hits, 1);
    if (rule->effect == EFFECT_ERROR) return rule->error;
    if (rule->effect == EFFECT_LIE) *lie = true;
    if (rule->effect == EFFECT_DELAY) {
      struct timespec pause = {(time_t)(rule->delay_us / 1000000), (long)(rule->delay_us % 1000000) * 1000};
      while (syscall(SYS_nanosleep, &pause, &pause) != 0 && errno == EINTR) {}
    }
  }
  return 0;
}

size_t faultyfs_room(const char* below, size_t wanted) {
  size_t room = wanted;
  for (int i = 0; i < RULES; ++i) {
    struct rule* rule = &faultyfs_control->rules[i];
    if (!concerns(rule, CALL_WRITE, below) || rule->effect != EFFECT_SPACE) continue;
    uint64_t left = atomic_load(&rule->after), taken;
    do taken = left < wanted ? left : wanted;
    while (!atomic_compare_exchange_weak(&rule->after, &left, left - taken));
    atomic_fetch_add(&rule->seen, 1);
    if (taken < wanted) atomic_fetch_add(&rule->hits, 1);
    if (taken < room) room = taken;
  }
  return room;
}

uint64_t faultyfs_space_left(void) {
  uint64_t least = UINT64_MAX;
  for (int i = 0; i < RULES; ++i) {
    struct rule* rule = &faultyfs_control->rules[i];
    if (atomic_load(&rule->active) == 0 || rule->effect != EFFECT_SPACE || rule->pattern[0] != 0) continue;
    uint64_t left = atomic_load(&rule->after);
    if (left < least) least = left;
  }
  return least;
}

/* --- the journal --- */

static void write_all(int to, struct iovec* pieces, int count) {
  while (count > 0) {
    long done = syscall(SYS_writev, to, pieces, count);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) faultyfs_die("the journal cannot be written");
    while (count > 0 && (size_t)done >= pieces->iov_len) done -= (long)pieces++->iov_len, --count;
    if (count > 0) pieces->iov_base = (char*)pieces->iov_base + done, pieces->iov_len -= (size_t)done;
  }
}

uint64_t faultyfs_note(enum note kind, uint64_t inode, const char* path, const char* path2, uint64_t a, uint64_t b, uint64_t c,
                       const void* data, size_t data_bytes) {
  struct note_head head = {
      .magic = JOURNAL_MAGIC, .kind = (uint16_t)kind, .inode = inode, .a = a, .b = b, .c = c, .data_bytes = data_bytes};
  head.path_bytes = path == NULL ? 0 : (uint16_t)strlen(path);
  head.path2_bytes = path2 == NULL ? 0 : (uint16_t)strlen(path2);
  struct iovec pieces[] = {
      {&head, sizeof head}, {(void*)path, head.path_bytes}, {(void*)path2, head.path2_bytes}, {(void*)data, data_bytes}};
  int before = errno;
  pthread_mutex_lock(&journal_lock);
  head.number = atomic_fetch_add(&faultyfs_control->next_number, 1);
  write_all(journal, pieces, 4);
  pthread_mutex_unlock(&journal_lock);
  errno = before;
  return head.number;
}

uint64_t faultyfs_next(void) { return atomic_load(&faultyfs_control->next_number); }

pthread_mutex_t* faultyfs_content_lock(uint64_t inode) { return &content_locks[inode % CONTENT_LOCKS]; }

void faultyfs_bury(int at, const char* path, uint64_t inode) {
  char grave[PATH_MAX + 32];
  snprintf(grave, sizeof grave, "%s/%llu", graves, (unsigned long long)inode);
  int before = errno;
  if (syscall(SYS_linkat, at, path, AT_FDCWD, grave, 0) != 0 && errno != EEXIST) faultyfs_die("a removed file cannot be kept");
  errno = before;
}

void faultyfs_note_resize(int descriptor, const struct file* file, uint64_t from, uint64_t to) {
  size_t cut = from > to ? (size_t)(from - to) : 0;
  void* lost = NULL;
  if (cut != 0) {
    // Another descriptor: this one may be for writing only.
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
    int reader = (int)syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC, 0);
    lost = mmap(NULL, cut, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (reader < 0 || lost == MAP_FAILED) faultyfs_die("what is cut off cannot be kept");
    for (size_t got = 0; got < cut;) {
      long now = syscall(SYS_pread64, reader, (char*)lost + got, cut - got, (off_t)(to + got));
      if (now <= 0) break;
      got += (size_t)now;
    }
    syscall(SYS_close, reader);
  }
  faultyfs_note(NOTE_RESIZE, file->inode, NULL, NULL, to, 0, from, lost, cut);
  if (lost != NULL) munmap(lost, cut);
}
