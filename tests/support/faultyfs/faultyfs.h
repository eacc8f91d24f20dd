/* A layer between a program and its disk, for LD_PRELOAD: below one directory it makes calls fail or wait as tests want them to, and notes
 * what was written and what of it was synced, so that a test can afterwards leave what a power failure leaves.
 *
 *   FAULTYFS_DIR     the directory; calls for anything else pass untouched
 *   FAULTYFS_STATE   a directory on the same file system, outside of the first:
 *                      control   struct control, mapped by both sides; tests change it while the program runs
 *                      journal   what was done, if the file is there when the program starts; faulty_disk.py and power_failure.py read it
 *                      graves/   a link to every file that was unlinked or replaced and may have to come back
 *
 * All calls go to the kernel by syscall(2): no allocation, no dlsym(3) on the way, so allocators and sanitizers do not notice. Not
 * followed: stdio streams opened for writing (what they write counts as synced), splice(2), io_uring; a writable shared mapping ends the
 * program. Linux with 64-bit off_t, C11. Every function may be called on any thread. */
#ifndef FAULTYFS_H
#define FAULTYFS_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* What a rule may be about. The numbers are indices of control.calls, and 1 << number a bit of rule.calls. */
enum call {
  CALL_OPEN,     /* to open or create for writing */
  CALL_WRITE,    /* all kinds of write */
  CALL_READ,     /* all kinds of read */
  CALL_SYNC,     /* fsync and fdatasync of a file, syncfs */
  CALL_SYNC_DIR, /* fsync of a directory */
  CALL_RESIZE,   /* truncate and allocate */
  CALL_NAME,     /* rename, link, unlink, mkdir, rmdir */
  CALLS
};

enum effect {
  EFFECT_ERROR = 1, /* fails with rule.error, and does nothing */
  EFFECT_DELAY = 2, /* takes rule.delay_us longer */
  EFFECT_LIE = 3,   /* a sync says that it was done, and was not */
  EFFECT_SPACE = 4, /* the disk has rule.after octets left: a write that does not fit is short, the next one fails with ENOSPC */
};

enum { RULES = 16, PATTERN_BYTES = 96 };

/* One fault. The test writes `active` last; the layer counts in `seen` and `hits`. */
struct rule {
  _Atomic uint32_t active;
  uint32_t calls;         /* 1 << enum call */
  uint32_t effect;        /* enum effect */
  int32_t error;          /* errno */
  _Atomic uint64_t after; /* so many calls pass first; of EFFECT_SPACE: octets that still fit */
  uint64_t times;         /* so many calls are hit, the later ones pass; 0 = no end */
  uint64_t delay_us;
  _Atomic uint64_t seen;       /* calls it matched */
  _Atomic uint64_t hits;       /* calls it hit */
  char pattern[PATTERN_BYTES]; /* fnmatch(3) on the path below FAULTYFS_DIR, * matches / too; empty = everything */
};

struct control {
  uint32_t magic;
  _Atomic uint32_t quick_sync; /* syncs are noted and not passed on: quick, where only the notes matter */
  _Atomic uint64_t calls[CALLS];
  _Atomic uint64_t bytes_written;
  _Atomic uint64_t next_number; /* of a note; here, so that programs which run one after another count on */
  struct rule rules[RULES];
};

enum { CONTROL_MAGIC = 0x46464332, JOURNAL_MAGIC = 0x46464a32 };

/* What the journal tells. `upto`: the sync covers what has a smaller number. */
enum note {
  NOTE_CREATE = 1,    /* path, inode */
  NOTE_WRITE = 2,     /* inode, a = offset, b = length, c = size before, data = what was there; noted before it is done */
  NOTE_SHORT = 3,     /* a = number of the write, b = how much of it was done */
  NOTE_RESIZE = 4,    /* inode, a = new size, c = size before, data = what was cut off */
  NOTE_SYNC = 5,      /* inode, a = upto */
  NOTE_SYNC_DIR = 6,  /* path, a = upto */
  NOTE_RENAME = 7,    /* path, path2, inode, a = inode replaced or 0; noted before it is done */
  NOTE_LINK = 8,      /* path (there already), path2, inode */
  NOTE_UNLINK = 9,    /* path, inode; noted before it is done */
  NOTE_MKDIR = 10,    /* path, inode */
  NOTE_RMDIR = 11,    /* path, inode; noted before it is done */
  NOTE_UNDONE = 12,   /* a = number of a note about what then failed */
  NOTE_SYNC_ALL = 13, /* a = upto */
  NOTE_SYNC_LOST = 14 /* inode, a = upto: a sync that failed; a later one does not cover this any more */
};

struct note_head {
  uint32_t magic;
  uint16_t kind;
  uint16_t path_bytes;
  uint16_t path2_bytes;
  uint16_t unused;
  uint64_t number;
  uint64_t inode;
  uint64_t a, b, c;
  uint64_t data_bytes;
} __attribute__((packed));

/* An open file or directory below FAULTYFS_DIR. */
struct file {
  _Atomic int descriptors; /* 0 = free */
  uint64_t device, inode;
  bool directory;
  bool appends;
  char path[PATH_MAX]; /* below FAULTYFS_DIR, as it was opened */
};

/* --- state.c --- */
extern struct control* faultyfs_control; /* NULL: the layer is off */
bool faultyfs_journalling(void);
_Noreturn void faultyfs_die(const char* text);

/* True with the path below FAULTYFS_DIR in `below` (PATH_MAX octets, empty for the directory itself). */
bool faultyfs_below(int at, const char* path, char* below);
/* The file behind a descriptor, or NULL when that is none of ours. */
struct file* faultyfs_file(int descriptor);
void faultyfs_opened(int descriptor, const char* below, int flags);
void faultyfs_duplicated(int from, int to);
void faultyfs_closed(int descriptor);

/* What happens to such a call: 0, or the errno it fails with, after any delay. `lie`, if given, tells whether to do nothing and say done.
 */
int faultyfs_strike(enum call call, const char* below, bool* lie);
/* How many of `wanted` octets still fit (all, as a rule); takes them. */
size_t faultyfs_room(const char* below, size_t wanted);
/* Octets left by the tightest rule, or UINT64_MAX. */
uint64_t faultyfs_space_left(void);

/* Writes a note and returns its number. */
uint64_t faultyfs_note(enum note kind, uint64_t inode, const char* path, const char* path2, uint64_t a, uint64_t b, uint64_t c,
                       const void* data, size_t data_bytes);
/* The number the next note will have. */
uint64_t faultyfs_next(void);
/* Keeps what `absolute` names from vanishing with its last name. */
void faultyfs_bury(int at, const char* path, uint64_t inode);
/* Held while the content of an inode changes, and while a sync takes its `upto`. */
pthread_mutex_t* faultyfs_content_lock(uint64_t inode);
/* Held while names change. */
extern pthread_mutex_t faultyfs_names_lock;

/* Notes that a file is about to change in size, with what is cut off. */
void faultyfs_note_resize(int descriptor, const struct file* file, uint64_t from, uint64_t to);

#endif
