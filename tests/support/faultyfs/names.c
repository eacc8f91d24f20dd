/* Calls about names and descriptors: open, close, rename, link, unlink, mkdir, rmdir, statvfs. */
#define _GNU_SOURCE
#include "faultyfs.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

static int fails(int error) {
  errno = error;
  return -1;
}

static bool status_of(int at, const char* path, struct stat* status) {
  int before = errno;
  bool there = fstatat(at, path, status, AT_SYMLINK_NOFOLLOW) == 0;
  errno = before;
  return there;
}

/* --- open --- */

static int open_below(int at, const char* path, int flags, mode_t mode, const char* below) {
  bool writes = (flags & O_ACCMODE) != O_RDONLY;
  if (writes || (flags & (O_CREAT | O_TRUNC)) != 0) {
    int error = faultyfs_strike(CALL_OPEN, below, NULL);
    if (error != 0) return fails(error);
  }
  if (!faultyfs_journalling() || (flags & (O_CREAT | O_TRUNC)) == 0) {
    int opened = (int)syscall(SYS_openat, at, path, flags, mode);
    if (opened >= 0) faultyfs_opened(opened, below, flags);
    return opened;
  }
  pthread_mutex_lock(&faultyfs_names_lock);
  struct stat before, now;
  bool there = status_of(at, path, &before);
  // Cut later, when what is cut has been noted.
  int opened = (int)syscall(SYS_openat, at, path, flags & ~O_TRUNC, mode);
  if (opened >= 0) {
    faultyfs_opened(opened, below, flags);
    if (!there && fstat(opened, &now) == 0) faultyfs_note(NOTE_CREATE, now.st_ino, below, NULL, 0, 0, 0, NULL, 0);
  }
  pthread_mutex_unlock(&faultyfs_names_lock);
  if (opened >= 0 && there && (flags & O_TRUNC) != 0 && before.st_size != 0 && ftruncate(opened, 0) != 0) {
    int error = errno;
    close(opened);
    return fails(error);
  }
  return opened;
}

static int open_any(int at, const char* path, int flags, mode_t mode) {
  char below[PATH_MAX];
  if ((flags & O_TMPFILE) == O_TMPFILE || !faultyfs_below(at, path, below)) {
    int opened = (int)syscall(SYS_openat, at, path, flags, mode);
    if (opened >= 0) faultyfs_closed(opened);  // a number of ours, used anew
    return opened;
  }
  return open_below(at, path, flags, mode, below);
}

#define MODE_OF(flags)                                              \
  mode_t mode = 0;                                                  \
  if (((flags)&O_CREAT) != 0 || ((flags)&O_TMPFILE) == O_TMPFILE) { \
    va_list more;                                                   \
    va_start(more, flags);                                          \
    mode = va_arg(more, mode_t);                                    \
    va_end(more);                                                   \
  }

int open(const char* path, int flags, ...) {
  MODE_OF(flags)
  return open_any(AT_FDCWD, path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  MODE_OF(flags)
  return open_any(AT_FDCWD, path, flags, mode);
}
int openat(int at, const char* path, int flags, ...) {
  MODE_OF(flags)
  return open_any(at, path, flags, mode);
}
int openat64(int at, const char* path, int flags, ...) {
  MODE_OF(flags)
  return open_any(at, path, flags, mode);
}
int __open_2(const char* path, int flags) { return open_any(AT_FDCWD, path, flags, 0); }
int __open64_2(const char* path, int flags) { return open_any(AT_FDCWD, path, flags, 0); }
int __openat_2(int at, const char* path, int flags) { return open_any(at, path, flags, 0); }
int __openat64_2(int at, const char* path, int flags) { return open_any(at, path, flags, 0); }
int creat(const char* path, mode_t mode) { return open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char* path, mode_t mode) { return creat(path, mode); }

/* --- descriptors --- */

int close(int fd) {
  faultyfs_closed(fd);
  return (int)syscall(SYS_close, fd);
}

int fclose(FILE* stream) {
  static int (*_Atomic real)(FILE*);
  if (real == NULL) real = (int (*)(FILE*))dlsym(RTLD_NEXT, "fclose");
  faultyfs_closed(fileno(stream));
  return real(stream);
}

int dup(int fd) {
  int made = (int)syscall(SYS_dup, fd);
  faultyfs_duplicated(fd, made);
  return made;
}
int dup3(int fd, int to, int flags) {
  int made = (int)syscall(SYS_dup3, fd, to, flags);
  faultyfs_duplicated(fd, made);
  return made;
}
int dup2(int fd, int to) {
  if (fd == to) return fcntl(fd, F_GETFD) < 0 ? -1 : to;
  return dup3(fd, to, 0);
}

static int control_descriptor(int fd, int command, void* argument) {
  int done = (int)syscall(SYS_fcntl, fd, command, argument);
  if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) faultyfs_duplicated(fd, done);
  return done;
}
int fcntl(int fd, int command, ...) {
  va_list more;
  va_start(more, command);
  void* argument = va_arg(more, void*);
  va_end(more);
  return control_descriptor(fd, command, argument);
}
int fcntl64(int fd, int command, ...) {
  va_list more;
  va_start(more, command);
  void* argument = va_arg(more, void*);
  va_end(more);
  return control_descriptor(fd, command, argument);
}

/* --- names --- */

/* Begins a change of names below the directory: the errno it fails with, or 0 with the lock held. */
static int begin_change(const char* below) {
  int error = faultyfs_strike(CALL_NAME, below, NULL);
  if (error == 0) pthread_mutex_lock(&faultyfs_names_lock);
  return error;
}

static int end_change(int done, uint64_t noted) {
  if (done != 0 && noted != 0) faultyfs_note(NOTE_UNDONE, 0, NULL, NULL, noted, 0, 0, NULL, 0);
  pthread_mutex_unlock(&faultyfs_names_lock);
  return done;
}

int renameat2(int from_at, const char* from, int to_at, const char* to, unsigned flags) {
  char below[PATH_MAX], below2[PATH_MAX];
  bool first = faultyfs_below(from_at, from, below), second = faultyfs_below(to_at, to, below2);
  if (!first && !second) return (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
  if (first != second) return fails(EXDEV);
  int error = begin_change(below2);
  if (error != 0) return fails(error);
  struct stat moved, replaced;
  uint64_t noted = 0;
  if (faultyfs_journalling() && status_of(from_at, from, &moved)) {
    bool there = status_of(to_at, to, &replaced);
    if (there && S_ISREG(replaced.st_mode)) faultyfs_bury(to_at, to, replaced.st_ino);
    noted = faultyfs_note(NOTE_RENAME, moved.st_ino, below, below2, there ? replaced.st_ino : 0, 0, 0, NULL, 0);
  }
  return end_change((int)syscall(SYS_renameat2, from_at, from, to_at, to, flags), noted);
}
int renameat(int from_at, const char* from, int to_at, const char* to) { return renameat2(from_at, from, to_at, to, 0); }
int rename(const char* from, const char* to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int linkat(int from_at, const char* from, int to_at, const char* to, int flags) {
  char below[PATH_MAX], below2[PATH_MAX];
  bool first = faultyfs_below(from_at, from, below);
  if (!faultyfs_below(to_at, to, below2)) return (int)syscall(SYS_linkat, from_at, from, to_at, to, flags);
  int error = begin_change(below2);
  if (error != 0) return fails(error);
  struct stat linked;
  int done = (int)syscall(SYS_linkat, from_at, from, to_at, to, flags);
  if (done == 0 && faultyfs_journalling() && status_of(to_at, to, &linked))
    faultyfs_note(NOTE_LINK, linked.st_ino, first ? below : "", below2, 0, 0, 0, NULL, 0);
  return end_change(done, 0);
}
int link(const char* from, const char* to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int at, const char* path, int flags) {
  char below[PATH_MAX];
  if (!faultyfs_below(at, path, below)) return (int)syscall(SYS_unlinkat, at, path, flags);
  int error = begin_change(below);
  if (error != 0) return fails(error);
  struct stat gone;
  uint64_t noted = 0;
  if (faultyfs_journalling() && status_of(at, path, &gone)) {
    bool directory = (flags & AT_REMOVEDIR) != 0;
    if (!directory && S_ISREG(gone.st_mode)) faultyfs_bury(at, path, gone.st_ino);
    noted = faultyfs_note(directory ? NOTE_RMDIR : NOTE_UNLINK, gone.st_ino, below, NULL, 0, 0, 0, NULL, 0);
  }
  return end_change((int)syscall(SYS_unlinkat, at, path, flags), noted);
}
int unlink(const char* path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char* path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char* path) {
  struct stat status;
  return unlinkat(AT_FDCWD, path, status_of(AT_FDCWD, path, &status) && S_ISDIR(status.st_mode) ? AT_REMOVEDIR : 0);
}

int mkdirat(int at, const char* path, mode_t mode) {
  char below[PATH_MAX];
  if (!faultyfs_below(at, path, below)) return (int)syscall(SYS_mkdirat, at, path, mode);
  int error = begin_change(below);
  if (error != 0) return fails(error);
  struct stat made;
  int done = (int)syscall(SYS_mkdirat, at, path, mode);
  if (done == 0 && faultyfs_journalling() && status_of(at, path, &made))
    faultyfs_note(NOTE_MKDIR, made.st_ino, below, NULL, 0, 0, 0, NULL, 0);
  return end_change(done, 0);
}
int mkdir(const char* path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int truncate(const char* path, off_t to) {
  char below[PATH_MAX];
  if (!faultyfs_below(AT_FDCWD, path, below)) return (int)syscall(SYS_truncate, path, to);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  int done = ftruncate(fd, to), error = errno;
  close(fd);
  errno = error;
  return done;
}
int truncate64(const char* path, off_t to) { return truncate(path, to); }

/* --- space: what the rules leave --- */

static void less_space(struct statvfs* about) {
  uint64_t left = faultyfs_space_left();
  if (left == UINT64_MAX || about->f_frsize == 0) return;
  uint64_t blocks = left / about->f_frsize;
  if (about->f_bfree > blocks) about->f_bfree = blocks;
  if (about->f_bavail > blocks) about->f_bavail = blocks;
}

int statvfs(const char* path, struct statvfs* about) {
  static int (*_Atomic real)(const char*, struct statvfs*);
  if (real == NULL) real = (int (*)(const char*, struct statvfs*))dlsym(RTLD_NEXT, "statvfs");
  char below[PATH_MAX];
  int done = real(path, about);
  if (done == 0 && faultyfs_below(AT_FDCWD, path, below)) less_space(about);
  return done;
}
int statvfs64(const char* path, struct statvfs64* about) { return statvfs(path, (struct statvfs*)about); }
int fstatvfs(int fd, struct statvfs* about) {
  static int (*_Atomic real)(int, struct statvfs*);
  if (real == NULL) real = (int (*)(int, struct statvfs*))dlsym(RTLD_NEXT, "fstatvfs");
  int done = real(fd, about);
  if (done == 0 && faultyfs_file(fd) != NULL) less_space(about);
  return done;
}
int fstatvfs64(int fd, struct statvfs64* about) { return fstatvfs(fd, (struct statvfs*)about); }
