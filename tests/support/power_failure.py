"""What a disk holds after the power failed: anything between what was synced and all that was written, as a seed decides.

Works on what the layer of faulty_disk.py noted, after the program below it was killed. Two parts, each strict:

  contents  What an fsync or fdatasync of a file covered is there. Of the writes behind it: none, all, the first ones and a piece of the
            next, or some of their blocks, the others being old, zero or garbage. A sync that failed takes what it covered out of the reach of
            later ones, as Linux does.
  names     What an fsync of a directory covered is there: files made, renamed, linked, unlinked. Of the changes behind it either the
            first ones survive, as from a journal (ext4, xfs); there an fsync of a file saves no name, which is stricter than they are. Or
            every name fares by itself, and that of a file whose content was synced is there (btrfs): RocksDB relies on this where CURRENT
            comes to name a new manifest.
"""

import os
import random
import shutil
import struct
from collections import Counter, namedtuple

CREATE, WRITE, SHORT, RESIZE, SYNC, SYNC_DIR, RENAME, LINK, UNLINK, MKDIR, RMDIR, UNDONE, SYNC_ALL, SYNC_LOST = range(1, 15)
NAMES = (CREATE, RENAME, LINK, UNLINK, MKDIR, RMDIR)
HEAD = struct.Struct("<IHHHHQQQQQQ")
MAGIC = 0x46464A32

Note = namedtuple("Note", "kind number inode path path2 a b c data")


def read_journal(path):
    """The notes, in order; a last one that was cut off is left out."""
    octets = path.read_bytes()
    at, notes = 0, []
    while at + HEAD.size <= len(octets):
        magic, kind, path_bytes, path2_bytes, _unused, number, inode, a, b, c, data_bytes = HEAD.unpack_from(octets, at)
        if magic != MAGIC:
            raise ValueError(f"the journal is damaged at {at}")
        names = at + HEAD.size
        data = names + path_bytes + path2_bytes
        at = data + data_bytes
        if at > len(octets):
            break
        notes.append(Note(kind, number, inode, octets[names:names + path_bytes].decode(), octets[names + path_bytes:data].decode(),
                          a, b, c, octets[data:at]))
    return notes


class Content:
    """What was done to one file since it was last synced as a whole."""

    def __init__(self):
        self.changes = []   # notes WRITE and RESIZE, from the first that is not synced on
        self.synced = set()  # numbers of those among them that are
        self.beyond_help = set()

    def sync(self, upto):
        self.synced.update(note.number for note in self.changes if note.number < upto and note.number not in self.beyond_help)
        while self.changes and self.changes[0].number in self.synced:
            self.synced.discard(self.changes.pop(0).number)

    def lose(self, upto):
        self.beyond_help.update(note.number for note in self.changes if note.number < upto and note.number not in self.synced)


class History:
    """The journal, understood: `names` are the changes of names in order, `kept` the numbers of those that are synced."""

    def __init__(self, notes):
        self.names = []
        self.kept = set()
        self.kept_with_content = set()  # those that a sync of the file saves where each name fares by itself
        self.contents = {}  # inode -> Content
        undone = {note.a for note in notes if note.kind == UNDONE}
        short = {note.a: note.b for note in notes if note.kind == SHORT}
        for note in notes:
            if note.number not in undone:
                self.take(note, short)

    def take(self, note, short):
        if note.kind in NAMES:
            self.names.append(note)
        if note.kind == CREATE:
            self.contents[note.inode] = Content()
        elif note.kind == WRITE:
            done = short.get(note.number, note.b)
            if done:
                self.content(note.inode).changes.append(note._replace(b=done))
        elif note.kind == RESIZE:
            self.content(note.inode).changes.append(note)
        elif note.kind == SYNC:
            self.content(note.inode).sync(note.a)
            self.kept_with_content.update(name.number for name in self.names
                                          if name.inode == note.inode and name.kind in (CREATE, RENAME, LINK) and name.number < note.a)
        elif note.kind == SYNC_LOST:
            self.content(note.inode).lose(note.a)
        elif note.kind == SYNC_DIR:
            self.keep(note.a, lambda name: note.path in folders_of(name))
        elif note.kind == SYNC_ALL:
            self.keep(note.a, lambda name: True)
            for content in self.contents.values():
                content.sync(note.a)

    def content(self, inode):
        return self.contents.setdefault(inode, Content())

    def keep(self, upto, concerns):
        self.kept.update(note.number for note in self.names if note.number < upto and concerns(note))


def folders_of(note):
    return {os.path.dirname(path) for path in (note.path, note.path2) if path}


# --- names ---

def tree_of(root):
    """path below root -> (inode, whether it is a folder)"""
    found = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, root)] = (os.lstat(path).st_ino, name in folders)
    return found


def move(tree, old, new):
    """A rename, of a folder with all that is in it."""
    for path in [path for path in tree if path == old or path.startswith(old + "/")]:
        tree[new + path[len(old):]] = tree.pop(path)


def was_done(note, tree):
    """Of the last note, which may be about something that the kill came before."""
    if note.kind in (UNLINK, RMDIR):
        return tree.get(note.path, (0,))[0] != note.inode
    return note.kind != RENAME or tree.get(note.path, (0,))[0] != note.inode


def undo(note, tree):
    if note.kind in (CREATE, MKDIR, LINK):
        gone = tree.pop(note.path2 if note.kind == LINK else note.path)
        if gone[0] != note.inode:
            raise ValueError(f"the journal does not explain what is there: {note}")
    elif note.kind in (UNLINK, RMDIR):
        tree[note.path] = (note.inode, note.kind == RMDIR)
    elif note.path != note.path2:
        move(tree, note.path2, note.path)
        if note.a:
            tree[note.path2] = (note.a, False)


def redo(note, tree):
    """Does it where it can be done: what it stands on may not have survived."""
    if note.kind in (CREATE, MKDIR):
        tree[note.path] = (note.inode, note.kind == MKDIR)
    elif note.kind == LINK:
        tree[note.path2] = (note.inode, False)
    elif note.kind in (UNLINK, RMDIR):
        tree.pop(note.path, None)
    elif note.path in tree and note.path != note.path2:
        tree.pop(note.path2, None)
        move(tree, note.path, note.path2)


def groups_of(notes):
    """Changes that belong together because they name the same file, or rename one into the other."""
    leader = {}

    def find(path):
        while leader.setdefault(path, path) != path:
            path = leader[path]
        return path

    for note in notes:
        if note.path2:
            leader[find(note.path2)] = find(note.path)
    grouped = {}
    for note in notes:
        grouped.setdefault(find(note.path), []).append(note)
    return grouped.values()


def surviving_names(history, names, rng):
    """The changes of names that are there afterwards, in order."""
    def first_ones(notes, kept):
        least = max((index + 1 for index, note in enumerate(notes) if note.number in kept), default=0)
        return notes[:rng.choice([least, least, len(notes), rng.randint(least, len(notes))])]

    if rng.random() < 0.5:
        return first_ones(names, history.kept)
    survivors = [note for group in groups_of(names) for note in first_ones(group, history.kept | history.kept_with_content)]
    return sorted(survivors, key=lambda note: note.number)


# --- contents ---

def apply(note, data, octets):
    if note.kind == RESIZE:
        if note.a < len(octets):
            del octets[note.a:]
        else:
            octets.extend(bytes(note.a - len(octets)))
        return
    if note.a > len(octets):
        octets.extend(bytes(note.a - len(octets)))
    octets[note.a:note.a + len(data)] = data


def take_back(changes, octets):
    """Undoes the changes in `octets`; returns what each had written."""
    written = {}
    for note in reversed(changes):
        if note.kind == WRITE:
            written[note.number] = bytes(octets[note.a:note.a + note.b])
            octets[note.a:note.a + len(note.data)] = note.data
            del octets[note.c:]
        elif note.a < note.c:
            octets += note.data
        else:
            del octets[note.c:]
    return written


def surviving_octets(content, octets, rng, losses):
    """What the file holds afterwards; `octets` is what it holds now."""
    changes = list(content.changes)
    if changes and changes[-1].kind == RESIZE and changes[-1].a != len(octets):
        changes.pop()  # the kill came before it was done
    base = bytearray(octets)
    written = take_back(changes, base)
    unsure = [note for note in changes if note.number not in content.synced]

    def state(survivors):
        made = bytearray(base)
        for note in changes:
            if note.number in content.synced or note.number in survivors:
                apply(note, written.get(note.number, b""), made)
        return made

    how = rng.choices(["nothing", "everything", "first", "blocks", "garbage"], weights=[25, 20, 25, 20, 10])[0]
    if how == "everything" or not unsure:
        return octets
    losses["files " + {"nothing": "without what was not synced", "first": "cut in a write", "blocks": "with blocks missing",
                       "garbage": "with blocks of garbage"}[how]] += 1
    if how == "nothing":
        return state(set())
    if how == "first":
        torn = rng.randrange(len(unsure))
        made = state({note.number for note in unsure[:torn]})
        note = unsure[torn]
        if note.kind == WRITE and note.number not in content.beyond_help:
            data = written[note.number]
            apply(note, data[:rng.randint(0, len(data))], made)
        return made
    return with_blocks_missing(state(set()), state({note.number for note in unsure}), unsure, how == "garbage", rng)


def with_blocks_missing(old, new, unsure, garbage, rng):
    """Blocks of the unsynced writes are new, or as before, or (where that is asked for) anything."""
    block = rng.choice([512, 4096])
    share = rng.choice([0.1, 0.5, 0.9])
    size = len(new) if rng.random() < 0.5 else rng.randint(min(len(old), len(new)), max(len(old), len(new)))
    made = bytearray(new[:size])
    made.extend(bytes(size - len(made)))
    for note in unsure:
        if note.kind != WRITE:
            continue
        end = min(note.a + note.b, size)
        at = note.a
        while at < end:
            stop = min(end, (at // block + 1) * block)
            if rng.random() < share:
                before = bytes(old[at:stop])
                made[at:stop] = rng.randbytes(stop - at) if garbage else before + bytes(stop - at - len(before))
            at = stop
    return made


# --- all of it ---

class Outage:
    """All that a power failure may leave of `disk`, a FaultyDisk with a journal whose program is dead."""

    def __init__(self, disk):
        self.disk = disk
        self.history = History(read_journal(disk.journal))
        self.tree = tree_of(disk.root)
        self.sources = {inode: disk.root / path for path, (inode, folder) in self.tree.items() if not folder}
        for grave in disk.graves.iterdir():
            self.sources.setdefault(int(grave.name), grave)
        self.names = list(self.history.names)
        if self.names and not was_done(self.names[-1], self.tree):
            self.names.pop()
        for note in reversed(self.names):
            undo(note, self.tree)

    def draw(self, seed):
        """One such state: path -> (inode, whether it is a folder), inode -> octets where these changed, and counts of what was lost."""
        rng = random.Random(seed)
        losses = Counter()
        survivors = surviving_names(self.history, self.names, rng)
        losses["changes of names"] += len(self.names) - len(survivors)
        tree = dict(self.tree)
        for note in survivors:
            redo(note, tree)
        for path in [path for path in tree if not self.has_folders(tree, path)]:
            del tree[path]  # a file whose folder is gone is gone too
        changed = {}
        for inode in sorted({inode for inode, folder in tree.values() if not folder}):
            content = self.history.contents.get(inode)
            if content is None or not content.changes:
                continue
            now = bytearray(self.sources[inode].read_bytes())
            then = surviving_octets(content, now, rng, losses)
            if then != now:
                changed[inode] = bytes(then)
                losses["octets"] += sum(note.b for note in content.changes if note.kind == WRITE and note.number not in content.synced)
        return tree, changed, losses

    @staticmethod
    def has_folders(tree, path):
        folder = os.path.dirname(path)
        return not folder or (tree.get(folder, (0, False))[1] and Outage.has_folders(tree, folder))

    def make_so(self, tree, changed):
        """Puts the files on the disk where `tree` says, and nothing else. Once: what is not there then is gone."""
        stage = self.disk.state / "stage"
        stage.mkdir()
        for inode, octets in changed.items():
            self.sources[inode].write_bytes(octets)
        for path, (inode, folder) in sorted(tree.items()):
            if folder:
                (stage / path).mkdir()
            else:
                os.link(self.sources[inode], stage / path)
        for left in list(self.disk.root.iterdir()):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        for made in list(stage.iterdir()):
            made.rename(self.disk.root / made.name)
        stage.rmdir()
        for grave in self.disk.graves.iterdir():
            grave.unlink()
        self.disk.journal.write_bytes(b"")


def fail_power(disk, seed):
    """Leaves of `disk` what a power failure may leave of it. Returns counts of what was lost."""
    outage = Outage(disk)
    tree, changed, losses = outage.draw(seed)
    outage.make_so(tree, changed)
    return losses
