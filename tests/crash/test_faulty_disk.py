"""The layer below the disk (tests/support/faultyfs), held against programs whose every write is known."""

import errno
import json
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from faulty_disk import FaultyDisk  # noqa: E402
from power_failure import Outage, fail_power, tree_of  # noqa: E402

SEEDS = 200

# What the programs below begin with. tell() hands results to the test.
PRELUDE = """
import errno, json, os, sys
def make(path, data=b"", flags=0):
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | flags, 0o600)
    if data: os.write(fd, data)
    return fd
def sync_dir(path="."):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
def attempt(action):
    try: return action()
    except OSError as error: return "-" + errno.errorcode[error.errno]
def tell(value): print(json.dumps(value))
"""


@pytest.fixture
def disk(tmp_path):
    return FaultyDisk(tmp_path, journal=True)


def run(disk, program):
    """Runs it in the disk's directory, and kills it at its end: nothing is flushed by leaving."""
    ending = "\nsys.stdout.flush()\nos.kill(os.getpid(), 9)\n"
    done = subprocess.run([sys.executable, "-c", PRELUDE + program + ending], cwd=disk.root, capture_output=True, text=True,
                          env=dict(os.environ, **disk.environment(sys.executable)))
    assert done.returncode == -9, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def drawn(disk):
    """What is there after many power failures: a list of {path: octets}."""
    outage = Outage(disk)
    found = []
    for seed in range(SEEDS):
        tree, changed, _losses = outage.draw(seed)
        found.append({path: changed.get(inode) if inode in changed else outage.sources[inode].read_bytes()
                      for path, (inode, folder) in tree.items() if not folder})
    return found


def states(disk, program):
    run(disk, program)
    return drawn(disk)


def test_what_was_synced_is_there_and_what_was_not_may_be_missing_in_part(disk):
    found = states(disk, """
fd = make("log", b"a" * 5000)
os.fdatasync(fd)
os.write(fd, b"b" * 6000)
sync_dir()
""")
    contents = [state["log"] for state in found]
    assert all(octets[:5000] == b"a" * 5000 and len(octets) <= 11000 for octets in contents)
    assert b"a" * 5000 in contents and b"a" * 5000 + b"b" * 6000 in contents
    assert any(5000 < len(octets) < 11000 and set(octets[5000:]) == {ord("b")} for octets in contents), "no cut in the middle"
    assert any(0 in octets for octets in contents), "no block is zero"
    assert any(set(octets) - set(b"ab\0") for octets in contents), "no garbage"


def test_a_name_is_there_only_when_its_directory_was_synced(disk):
    found = states(disk, """
fd = make("kept", b"1"); os.fsync(fd); sync_dir()
fd = make("unsure", b"2"); os.fsync(fd)
""")
    assert all("kept" in state for state in found)
    assert {"unsure" in state for state in found} == {True, False}


def test_a_rename_may_be_undone_and_what_it_replaced_is_back_then(disk):
    found = states(disk, """
fd = make("CURRENT", b"old"); os.fsync(fd); sync_dir()
fd = make("CURRENT.tmp", b"new"); os.fsync(fd)
os.rename("CURRENT.tmp", "CURRENT")
""")
    assert {state["CURRENT"] for state in found} == {b"old", b"new"}


def test_an_unlinked_file_may_be_back_with_what_it_held(disk):
    found = states(disk, """
fd = make("old", b"octets"); os.fsync(fd); sync_dir()
os.unlink("old")
""")
    assert {state.get("old") for state in found} == {b"octets", None}


def test_a_synced_directory_keeps_removals_and_renames(disk):
    found = states(disk, """
os.mkdir("d"); sync_dir()
for name in "d/a", "d/b", "d/c": os.fsync(make(name, name.encode()))
sync_dir("d")
os.unlink("d/a"); os.rename("d/b", "d/c"); sync_dir("d")
""")
    assert all(state == {"d/c": b"d/b"} for state in found)


def test_a_directory_that_was_not_synced_into_its_parent_takes_all_with_it(disk):
    found = states(disk, """
os.mkdir("d"); os.fsync(make("d/a", b"1")); sync_dir("d")
""")
    assert {tuple(state) for state in found} == {(), ("d/a",)}


def test_what_was_overwritten_or_cut_off_comes_back_unless_that_was_synced(disk):
    found = states(disk, """
fd = os.open("f", os.O_CREAT | os.O_RDWR, 0o600)
os.write(fd, b"x" * 9000); os.fsync(fd); sync_dir()
os.pwrite(fd, b"y" * 4096, 0)
os.ftruncate(fd, 4096)
""")
    contents = {state["f"] for state in found}
    assert {b"x" * 9000, b"y" * 4096} <= contents
    assert all(not octets[4096:].strip(b"x\0") for octets in contents)


def test_writes_of_every_kind_are_noted(disk):
    found = states(disk, """
fd = make("f"); sync_dir()
os.write(fd, b"1"); os.writev(fd, [b"2", b"3"]); os.pwrite(fd, b"4", 3); os.pwritev(fd, [b"5"], 4); os.lseek(fd, 0, 2)
twin = os.dup(fd); os.write(twin, b"6"); os.posix_fallocate(fd, 0, 10)
zeros = os.open("/dev/zero", os.O_RDONLY); os.lseek(fd, 6, 0); os.sendfile(fd, zeros, None, 4); os.pwrite(fd, b"7" * 3, 10)
""")
    contents = {state["f"] for state in found}
    assert b"" in contents and b"123456" + bytes(4) + b"777" in contents


def test_a_sync_that_failed_is_not_made_good_by_a_later_one(disk):
    with disk.fault(errno.EIO, ["sync"], times=1, pattern="f"):
        assert run(disk, """
fd = make("f", b"first"); sync_dir()
tell(attempt(lambda: os.fsync(fd)))
os.write(fd, b"second")
tell(attempt(lambda: os.fsync(fd)))
""") == ["-EIO", None]
    contents = [state["f"] for state in drawn(disk)]
    assert all(octets[5:] == b"second" for octets in contents)
    assert {b"firstsecond", bytes(5) + b"second"} <= set(contents)


def test_a_disk_that_lies_loses_what_it_said_was_synced(disk):
    with disk.lie() as fault:
        assert run(disk, "fd = make('f', b'x'); tell(attempt(lambda: os.fsync(fd))); sync_dir()") == [None]
    assert fault.hits == 2
    found = drawn(disk)
    assert {"f": b"x"} in found and {"f": b""} in found and {} in found


def test_the_disk_is_brought_to_the_state_that_was_drawn_and_goes_on_from_there(disk):
    run(disk, """
os.mkdir("d"); sync_dir(); fd = make("d/f", b"kept"); os.fsync(fd); sync_dir("d"); os.write(fd, b"x" * 10000); os.rename("d/f", "d/g")
""")
    expected = drawn(disk)[7]
    fail_power(disk, 7)
    assert {path: (disk.root / path).read_bytes() for path, (_inode, folder) in tree_of(disk.root).items() if not folder} == expected
    run(disk, "fd = make('d/h', b'more'); os.fsync(fd); sync_dir('d')")
    assert all(state == dict(expected, **{"d/h": b"more"}) for state in drawn(disk))


def test_of_programs_that_ran_one_after_another_all_that_was_synced_is_there(disk):
    run(disk, """
for number in range(40): make(f"first-{number}")
sync_dir()
""")
    found = states(disk, """
fd = make("log.new", b"b" * 100)
os.fdatasync(fd)
os.rename("log.new", "log")
make("table", b"t")
sync_dir()
os.unlink("first-0")
""")
    assert all(state["log"] == b"b" * 100 and "table" in state for state in found)
    assert {"first-0" in state for state in found} == {False, True}


def test_a_full_disk_writes_what_fits_and_then_says_so(disk):
    with disk.full_after(1000) as fault:
        assert run(disk, """
fd = make("f")
tell(os.write(fd, b"x" * 800))
tell(os.write(fd, b"x" * 800))
tell(attempt(lambda: os.write(fd, b"x")))
tell(os.statvfs(".").f_bavail)
""") == [800, 200, "-ENOSPC", 0]
    assert fault.hits == 2
    assert (disk.root / "f").stat().st_size == 1000


def test_faults_strike_the_calls_and_files_they_are_for_as_often_as_they_are_told(disk):
    with disk.fault(errno.EIO, ["sync"], pattern="*.log", after=1, times=2) as fault:
        assert run(disk, """
log, other = make("a.log"), make("a.sst")
tell([attempt(lambda: os.fsync(log)) for _ in range(5)])
tell(attempt(lambda: os.fsync(other)))
""") == [[None, "-EIO", "-EIO", None, None], None]
    assert (fault.seen, fault.hits) == (5, 2)


def test_a_read_only_disk_can_be_read(disk):
    (disk.root / "f").write_bytes(b"octets")
    with disk.read_only():
        assert run(disk, """
tell(os.read(os.open("f", os.O_RDONLY), 10).decode())
tell([attempt(lambda: os.open("f", os.O_WRONLY)), attempt(lambda: os.rename("f", "g")), attempt(lambda: os.unlink("f")),
      attempt(lambda: os.mkdir("d")), attempt(lambda: make("h"))])
""") == ["octets", ["-EROFS"] * 5]


def test_a_read_can_fail(disk):
    (disk.root / "f").write_bytes(b"octets")
    with disk.fault(errno.EIO, ["read"], pattern="f"):
        assert run(disk, "fd = os.open('f', os.O_RDONLY); tell([attempt(lambda: os.read(fd, 1)), attempt(lambda: os.pread(fd, 1, 0))])") == \
            [["-EIO", "-EIO"]]


def test_a_fault_can_be_set_and_ended_while_the_program_runs(disk):
    program = subprocess.Popen([sys.executable, "-c", PRELUDE + """
fd = make("f")
for line in sys.stdin:
    tell(attempt(lambda: os.write(fd, b"x")))
    sys.stdout.flush()
"""], cwd=disk.root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ, **disk.environment(sys.executable)))

    def ask():
        program.stdin.write("\n")
        program.stdin.flush()
        return json.loads(program.stdout.readline())

    with program:
        assert ask() == 1
        with disk.fault(errno.EIO, ["write"]):
            assert ask() == "-EIO"
        assert ask() == 1
        program.stdin.close()


def test_what_lies_elsewhere_is_left_alone(disk, tmp_path):
    with disk.fault(errno.EIO, ["open", "write", "read", "sync", "name"]) as fault:
        assert run(disk, f"""
fd = make({str(tmp_path / 'elsewhere')!r}, b"x"); os.fsync(fd); os.unlink({str(tmp_path / 'elsewhere')!r})
import socket
one, two = socket.socketpair()
one.sendall(b"x"); tell(os.read(two.fileno(), 1).decode())
""") == ["x"]
    assert fault.hits == 0
