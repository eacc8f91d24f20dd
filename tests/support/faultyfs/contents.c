/* Calls about what is in files: read, write, resize, sync. */
#define _GNU_SOURCE
#include "faultyfs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { PIECES = 1024 };

static long fails(int error) {
  errno = error;
  return -1;
}

/* --- reading --- */

#define READING(descriptor, call)                             \
  struct file* file = faultyfs_file(descriptor);              \
  if (file != NULL) {                                         \
    int error = faultyfs_strike(CALL_READ, file->path, NULL); \
    if (error != 0) return fails(error);                      \
  }                                                           \
  return call

ssize_t read(int fd, void* into, size_t bytes) { READING(fd, syscall(SYS_read, fd, into, bytes)); }
ssize_t pread(int fd, void* into, size_t bytes, off_t at) { READING(fd, syscall(SYS_pread64, fd, into, bytes, at)); }
ssize_t pread64(int fd, void* into, size_t bytes, off_t at) { READING(fd, syscall(SYS_pread64, fd, into, bytes, at)); }
ssize_t readv(int fd, const struct iovec* into, int count) { READING(fd, syscall(SYS_readv, fd, into, count)); }
ssize_t preadv(int fd, const struct iovec* into, int count, off_t at) { READING(fd, syscall(SYS_preadv, fd, into, count, at, 0)); }
ssize_t preadv64(int fd, const struct iovec* into, int count, off_t at) { READING(fd, syscall(SYS_preadv, fd, into, count, at, 0)); }
ssize_t __read_chk(int fd, void* into, size_t bytes, size_t room) {
  if (bytes > room) faultyfs_die("a read beyond its buffer");
  return read(fd, into, bytes);
}
ssize_t __pread_chk(int fd, void* into, size_t bytes, off_t at, size_t room) {
  if (bytes > room) faultyfs_die("a read beyond its buffer");
  return pread(fd, into, bytes, at);
}
ssize_t __pread64_chk(int fd, void* into, size_t bytes, off_t at, size_t room) { return __pread_chk(fd, into, bytes, at, room); }

/* --- writing --- */

static size_t total(const struct iovec* pieces, int count) {
  size_t bytes = 0;
  for (int i = 0; i < count; ++i) bytes += pieces[i].iov_len;
  return bytes;
}

/* What a write is about to cover, as far as it is there. Private memory, `*bytes` of it, or NULL. */
static void* overwritten(int descriptor, uint64_t at, size_t length, uint64_t size, size_t* bytes) {
  *bytes = at >= size ? 0 : size - at < length ? (size_t)(size - at) : length;
  if (*bytes == 0) return NULL;
  char name[64] = "/proc/self/fd/";
  char* end = name + strlen(name);
  char digits[16];
  int count = 0;
  for (int left = descriptor; count == 0 || left != 0; left /= 10) digits[count++] = (char)('0' + left % 10);
  while (count > 0) *end++ = digits[--count];
  *end = 0;
  int reader = (int)syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC, 0);
  void* kept = mmap(NULL, *bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (reader < 0 || kept == MAP_FAILED) faultyfs_die("what is overwritten cannot be kept");
  for (size_t got = 0; got < *bytes;) {
    long now = syscall(SYS_pread64, reader, (char*)kept + got, *bytes - got, (off_t)(at + got));
    if (now <= 0) break;
    got += (size_t)now;
  }
  syscall(SYS_close, reader);
  return kept;
}

/* Does `count` pieces at `at`, or at the descriptor's place when `at` is negative; notes it first. */
static ssize_t noted_write(int fd, const struct file* file, const struct iovec* pieces, int count, off_t at) {
  if (!faultyfs_journalling()) return at < 0 ? syscall(SYS_writev, fd, pieces, count) : syscall(SYS_pwritev, fd, pieces, count, at, 0);
  pthread_mutex_t* lock = faultyfs_content_lock(file->inode);
  pthread_mutex_lock(lock);
  struct stat now;
  fstat(fd, &now);
  size_t length = total(pieces, count), kept_bytes;
  uint64_t from = file->appends ? (uint64_t)now.st_size : at >= 0 ? (uint64_t)at : (uint64_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
  void* kept = overwritten(fd, from, length, (uint64_t)now.st_size, &kept_bytes);
  uint64_t number = faultyfs_note(NOTE_WRITE, file->inode, NULL, NULL, from, length, (uint64_t)now.st_size, kept, kept_bytes);
  if (kept != NULL) munmap(kept, kept_bytes);
  ssize_t done = at < 0 ? syscall(SYS_writev, fd, pieces, count) : syscall(SYS_pwritev, fd, pieces, count, at, 0);
  if (done < (ssize_t)length) faultyfs_note(NOTE_SHORT, file->inode, NULL, NULL, number, done < 0 ? 0 : (uint64_t)done, 0, NULL, 0);
  pthread_mutex_unlock(lock);
  return done;
}

static ssize_t put(int fd, const struct file* file, const struct iovec* pieces, int count, off_t at) {
  int error = faultyfs_strike(CALL_WRITE, file->path, NULL);
  if (error != 0) return fails(error);
  struct iovec fitting[PIECES];
  size_t wanted = total(pieces, count), room = faultyfs_room(file->path, wanted);
  if (room < wanted) {
    if (room == 0) return fails(ENOSPC);
    int used = 0;
    for (size_t left = room; left != 0 && used < count && used < PIECES; ++used) {
      fitting[used] = pieces[used];
      if (fitting[used].iov_len > left) fitting[used].iov_len = left;
      left -= fitting[used].iov_len;
    }
    pieces = fitting, count = used;
  }
  ssize_t done = noted_write(fd, file, pieces, count, at);
  if (done > 0) atomic_fetch_add_explicit(&faultyfs_control->bytes_written, (uint64_t)done, memory_order_relaxed);
  return done;
}

#define WRITING(fd, pieces, count, at, otherwise) \
  struct file* file = faultyfs_file(fd);          \
  return file == NULL ? otherwise : put(fd, file, pieces, count, at)

ssize_t write(int fd, const void* from, size_t bytes) {
  struct iovec piece = {(void*)from, bytes};
  WRITING(fd, &piece, 1, -1, syscall(SYS_write, fd, from, bytes));
}
ssize_t pwrite(int fd, const void* from, size_t bytes, off_t at) {
  struct iovec piece = {(void*)from, bytes};
  WRITING(fd, &piece, 1, at, syscall(SYS_pwrite64, fd, from, bytes, at));
}
ssize_t pwrite64(int fd, const void* from, size_t bytes, off_t at) { return pwrite(fd, from, bytes, at); }
ssize_t writev(int fd, const struct iovec* pieces, int count) { WRITING(fd, pieces, count, -1, syscall(SYS_writev, fd, pieces, count)); }
ssize_t pwritev(int fd, const struct iovec* pieces, int count, off_t at) {
  WRITING(fd, pieces, count, at, syscall(SYS_pwritev, fd, pieces, count, at, 0));
}
ssize_t pwritev64(int fd, const struct iovec* pieces, int count, off_t at) { return pwritev(fd, pieces, count, at); }

/* Copies inside the kernel have no buffer of ours to write from; below the directory they go through one. */
static ssize_t copied(int to, const struct file* file, int from, off_t* from_at, off_t* to_at, size_t bytes) {
  char buffer[1 << 16];
  if (bytes > sizeof buffer) bytes = sizeof buffer;
  ssize_t got = from_at != NULL ? pread(from, buffer, bytes, *from_at) : read(from, buffer, bytes);
  if (got <= 0) return got;
  struct iovec piece = {buffer, (size_t)got};
  ssize_t done = put(to, file, &piece, 1, to_at != NULL ? *to_at : -1);
  if (done < 0) return done;
  if (from_at != NULL) *from_at += done;
  else if (done < got) syscall(SYS_lseek, from, done - got, SEEK_CUR);
  if (to_at != NULL) *to_at += done;
  return done;
}
ssize_t sendfile(int to, int from, off_t* at, size_t bytes) {
  struct file* file = faultyfs_file(to);
  return file == NULL ? syscall(SYS_sendfile, to, from, at, bytes) : copied(to, file, from, at, NULL, bytes);
}
ssize_t sendfile64(int to, int from, off_t* at, size_t bytes) { return sendfile(to, from, at, bytes); }
ssize_t copy_file_range(int from, off_t* from_at, int to, off_t* to_at, size_t bytes, unsigned flags) {
  struct file* file = faultyfs_file(to);
  return file == NULL ? syscall(SYS_copy_file_range, from, from_at, to, to_at, bytes, flags)
                      : copied(to, file, from, from_at, to_at, bytes);
}

void* mmap(void* where, size_t bytes, int protection, int flags, int fd, off_t at) {
  if (fd >= 0 && (protection & PROT_WRITE) != 0 && (flags & MAP_SHARED) != 0 && faultyfs_file(fd) != NULL)
    faultyfs_die("a file is mapped to be written, which is not followed");
  return (void*)syscall(SYS_mmap, where, bytes, protection, flags, fd, at);
}
void* mmap64(void* where, size_t bytes, int protection, int flags, int fd, off_t at) {
  return mmap(where, bytes, protection, flags, fd, at);
}

/* --- size --- */

/* Does `change` (a system call on fd) to a file that then has `to` octets. */
static int resize(int fd, const struct file* file, uint64_t to, long change, long first, long second, long third) {
  int error = faultyfs_strike(CALL_RESIZE, file->path, NULL);
  if (error != 0) return (int)fails(error);
  if (!faultyfs_journalling()) return (int)syscall(change, fd, first, second, third);
  pthread_mutex_t* lock = faultyfs_content_lock(file->inode);
  pthread_mutex_lock(lock);
  struct stat now;
  fstat(fd, &now);
  if (to != (uint64_t)now.st_size) faultyfs_note_resize(fd, file, (uint64_t)now.st_size, to);
  int done = (int)syscall(change, fd, first, second, third);
  if (done != 0 && to != (uint64_t)now.st_size) faultyfs_die("a resize that was noted failed");
  pthread_mutex_unlock(lock);
  return done;
}

int ftruncate(int fd, off_t to) {
  struct file* file = faultyfs_file(fd);
  return file == NULL ? (int)syscall(SYS_ftruncate, fd, to) : resize(fd, file, (uint64_t)to, SYS_ftruncate, to, 0, 0);
}
int ftruncate64(int fd, off_t to) { return ftruncate(fd, to); }

int fallocate(int fd, int mode, off_t at, off_t bytes) {
  struct file* file = faultyfs_file(fd);
  if (file == NULL) return (int)syscall(SYS_fallocate, fd, mode, at, bytes);
  struct stat now;
  fstat(fd, &now);
  // Holes inside of a file are punched into what is there; RocksDB makes them behind the end.
  if ((mode & ~FALLOC_FL_KEEP_SIZE) != 0 && !(mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) && at >= now.st_size))
    return (int)fails(EOPNOTSUPP);
  uint64_t end = (uint64_t)at + (uint64_t)bytes;
  uint64_t to = (mode & FALLOC_FL_KEEP_SIZE) == 0 && end > (uint64_t)now.st_size ? end : (uint64_t)now.st_size;
  return resize(fd, file, to, SYS_fallocate, mode, at, bytes);
}
int fallocate64(int fd, int mode, off_t at, off_t bytes) { return fallocate(fd, mode, at, bytes); }
int posix_fallocate(int fd, off_t at, off_t bytes) { return fallocate(fd, 0, at, bytes) == 0 ? 0 : errno; }
int posix_fallocate64(int fd, off_t at, off_t bytes) { return posix_fallocate(fd, at, bytes); }

/* --- syncing --- */

static int sync_with(int fd, long call) {
  struct file* file = faultyfs_file(fd);
  if (file == NULL) return (int)syscall(call, fd);
  // What is written while the sync is under way is not promised.
  uint64_t upto = 0;
  if (faultyfs_journalling()) {
    pthread_mutex_t* lock = file->directory ? &faultyfs_names_lock : faultyfs_content_lock(file->inode);
    pthread_mutex_lock(lock);
    upto = faultyfs_next();
    pthread_mutex_unlock(lock);
  }
  bool lie = false;
  int error = faultyfs_strike(file->directory ? CALL_SYNC_DIR : CALL_SYNC, file->path, &lie);
  if (lie && error == 0) return 0;
  int done = error != 0 ? (int)fails(error) : atomic_load(&faultyfs_control->quick_sync) != 0 ? 0 : (int)syscall(call, fd);
  if (!faultyfs_journalling()) return done;
  if (file->directory) {
    if (done == 0) faultyfs_note(NOTE_SYNC_DIR, file->inode, file->path, NULL, upto, 0, 0, NULL, 0);
  } else {
    faultyfs_note(done == 0 ? NOTE_SYNC : NOTE_SYNC_LOST, file->inode, NULL, NULL, upto, 0, 0, NULL, 0);
  }
  return done;
}

int fsync(int fd) { return sync_with(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_with(fd, SYS_fdatasync); }

int syncfs(int fd) {
  struct file* file = faultyfs_file(fd);
  if (file == NULL) return (int)syscall(SYS_syncfs, fd);
  uint64_t upto = 0;
  if (faultyfs_journalling()) {
    // Whoever holds any of the locks has noted what he does, and has not done it.
    pthread_mutex_lock(&faultyfs_names_lock);
    for (uint64_t i = 0; i < 64; ++i) pthread_mutex_lock(faultyfs_content_lock(i));
    upto = faultyfs_next();
    for (uint64_t i = 0; i < 64; ++i) pthread_mutex_unlock(faultyfs_content_lock(i));
    pthread_mutex_unlock(&faultyfs_names_lock);
  }
  bool lie = false;
  int error = faultyfs_strike(CALL_SYNC, file->path, &lie);
  if (error != 0) return (int)fails(error);
  int done = lie || atomic_load(&faultyfs_control->quick_sync) != 0 ? 0 : (int)syscall(SYS_syncfs, fd);
  if (done == 0 && !lie && faultyfs_journalling()) faultyfs_note(NOTE_SYNC_ALL, 0, NULL, NULL, upto, 0, 0, NULL, 0);
  return done;
}

/* It starts writing, and waits for that if asked, but neither for the file's size nor for the disk's own cache: it promises nothing. */
int sync_file_range(int fd, off_t at, off_t bytes, unsigned flags) {
  if (faultyfs_file(fd) != NULL && atomic_load(&faultyfs_control->quick_sync) != 0) return 0;
  return (int)syscall(SYS_sync_file_range, fd, at, bytes, flags);
}
