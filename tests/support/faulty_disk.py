"""A disk that fails, waits and forgets when a test says so: faultyfs/, a layer below one program and one directory, seen from Python.

    with started(OwnBroker(faulty=True)) as broker:
        with broker.disk.fault(error=errno.EIO, calls=["sync"], pattern="*.log") as fault:
            ...
        assert fault.hits

Faults may be set, changed and taken back while the program runs. What a power failure leaves is power_failure.py's business; it needs
journal=True. The layer is compiled once per process, with `cc`.
"""

import atexit
import contextlib
import errno as errors
import mmap
import pathlib
import shutil
import struct
import subprocess
import tempfile

SOURCES = pathlib.Path(__file__).parent / "faultyfs"
CALLS = ("open", "write", "read", "sync", "sync_dir", "resize", "name")  # enum call
ERROR, DELAY, LIE, SPACE = 1, 2, 3, 4                                   # enum effect
MAGIC = 0x46464332
HEAD = struct.Struct("=II7QQQ")
RULE = struct.Struct("=IIIiQQQQQ96s")
RULES = 16
EVERY_CHANGE = ("open", "write", "resize", "name")

_built = None


def library():
    """The compiled layer."""
    global _built
    if _built is None:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="faultyfs-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        made = folder / "libfaultyfs.so"
        command = ["cc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread", "-o", str(made),
                   *map(str, sorted(SOURCES.glob("*.c"))), "-ldl"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"the layer below the disk cannot be compiled:\n{done.stderr}")
        _built = made
    return _built


def sanitizer_of(program):
    """The run-time library that wants to be loaded before any other, if the program was built with one."""
    listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True).stdout
    for line in listed.splitlines():
        words = line.split()
        if len(words) > 2 and words[0].startswith(("libasan", "libtsan")):
            return [words[2]]
    return []


class Fault:
    """One rule of the layer. `hits` counts the calls it struck, `seen` those it might have struck."""

    def __init__(self, disk, index):
        self.disk = disk
        self.index = index

    def field(self, number):
        return RULE.unpack_from(self.disk.control, self.disk.rule_at(self.index))[number]

    @property
    def seen(self):
        return self.field(7)

    @property
    def hits(self):
        return self.field(8)

    @property
    def left_bytes(self):
        """Of a fault of space: the octets that still fit."""
        return self.field(4)

    def give_space(self, count_bytes):
        struct.pack_into("=Q", self.disk.control, self.disk.rule_at(self.index) + 16, count_bytes)

    def end(self):
        """No more of it. Its counts can be read until another fault is set."""
        struct.pack_into("=I", self.disk.control, self.disk.rule_at(self.index), 0)
        self.disk.used.discard(self.index)


class FaultyDisk:
    """The directory `root`, which a program started with `environment()` has to use, and the layer's state beside it."""

    def __init__(self, home, journal=False):
        self.root = pathlib.Path(home) / "disk"
        self.state = pathlib.Path(home) / "faultyfs"
        self.journal = self.state / "journal"
        self.graves = self.state / "graves"
        self.root.mkdir()
        self.graves.mkdir(parents=True)
        if journal:
            self.journal.touch()
        self.used = set()
        path = self.state / "control"
        path.write_bytes(HEAD.pack(MAGIC, 0, *([0] * 8), 1) + bytes(RULE.size * RULES))
        with open(path, "r+b") as file:
            self.control = mmap.mmap(file.fileno(), 0)

    def environment(self, program):
        preload = " ".join([*sanitizer_of(program), str(library())])
        return {"LD_PRELOAD": preload, "FAULTYFS_DIR": str(self.root), "FAULTYFS_STATE": str(self.state)}

    @staticmethod
    def rule_at(index):
        return HEAD.size + index * RULE.size

    def set_quick_sync(self, quick):
        """Syncs cost nothing from here on; what they cover is noted all the same."""
        struct.pack_into("=I", self.control, 4, quick)

    def calls(self, name):
        return HEAD.unpack_from(self.control)[2 + CALLS.index(name)]

    @property
    def bytes_written(self):
        return HEAD.unpack_from(self.control)[9]

    def begin(self, effect, calls, *, error=0, after=0, times=0, delay_s=0.0, pattern=""):
        index = next(index for index in range(RULES) if index not in self.used)
        self.used.add(index)
        mask = sum(1 << CALLS.index(call) for call in calls)
        RULE.pack_into(self.control, self.rule_at(index), 0, mask, effect, error, after, times, round(delay_s * 1e6), 0, 0, pattern.encode())
        struct.pack_into("=I", self.control, self.rule_at(index), 1)
        return Fault(self, index)

    @contextlib.contextmanager
    def held(self, fault):
        try:
            yield fault
        finally:
            fault.end()

    def fault(self, error, calls, **more):
        """These calls (names of CALLS) fail with this errno for the length of the block: from the `after`-th on, `times` of them."""
        return self.held(self.begin(ERROR, calls, error=error, **more))

    def delay(self, seconds, calls, **more):
        return self.held(self.begin(DELAY, calls, delay_s=seconds, **more))

    def lie(self, calls=("sync", "sync_dir"), **more):
        """Syncs say they were done, and were not."""
        return self.held(self.begin(LIE, calls, **more))

    def full_after(self, left_bytes, pattern=""):
        """So many octets fit; then writes are short, and fail with ENOSPC."""
        return self.held(self.begin(SPACE, ["write"], after=left_bytes, pattern=pattern))

    def read_only(self):
        """As after a remount: nothing can be changed any more."""
        return self.fault(errors.EROFS, EVERY_CHANGE)
