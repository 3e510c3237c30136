#!/usr/bin/python3
"""What a power cut leaves of a directory: a snapshot from before, and the trace of what was done and synced since (tests/support/powercut/).

    before = take(root, EXCLUDED)
    ... a program runs under the library: environment(root, trace) ... and is killed
    after = Replay(before, read_trace(trace)).cut(MODEL, mood, seed)
    put(root, after, EXCLUDED)

What a sync covered is there. Of the rest a selection survives, the same for the same seed:

    data    for each page of 4 KiB what it held at some time since it was synced, now and then by sectors of 512 bytes; the length is one that
            the file has had since, or between; what lies between synced bytes and surviving ones is zeros
    names   STRICT, as POSIX promises: a name made or removed is sure only when its directory was synced by fsync(2) or with everything; each
            other change of a name survives or not, by itself
            ORDERED, as the journals of ext4 and XFS do: changes of names survive in their order, up to some point; the sync of a file also carries
            what stood in the journal before its own changes

A sync that failed, or had not ended, covers nothing. As a program it shows a trace: powercut.py TRACE
"""
import collections
import os
import pathlib
import random
import struct
import sys

PAGE, SECTOR = 4096, 512
STRICT, ORDERED = "strict", "ordered"
MODELS = (STRICT, ORDERED)

HEADER = struct.Struct("<IIIIQQII")
MAGIC = 0x43505159
KINDS = ("", "found", "create", "write", "zero", "size", "mkdir", "rmdir", "unlink", "link", "rename", "sync", "synced")
REACHES = ("data", "file", "everything")

Record = collections.namedtuple("Record", "kind node one two path other data")
# How much survives: 0 nothing, 1 everything, None a share by chance.
Mood = collections.namedtuple("Mood", "names pages sizes")
CHANCE = Mood(None, None, None)
MOODS = (Mood(0, 0, 0), Mood(1, 0, 0), Mood(1, 0, 1), CHANCE, Mood(0, 1, 1), CHANCE, Mood(1, 1, 0), CHANCE)


def environment(library, root, trace, exclude=(), ignore=None, kill_at=None, pretend_us=None):
    """What a program under the library gets beside its own environment."""
    result = {"LD_PRELOAD": str(library), "POWERCUT_ROOT": str(root), "POWERCUT_TRACE": str(trace), "POWERCUT_EXCLUDE": ":".join(exclude)}
    if ignore:
        result["POWERCUT_IGNORE"] = ignore
    if kill_at:
        result["POWERCUT_KILL_AT"] = str(kill_at)
    if pretend_us:
        result["POWERCUT_PRETEND"] = str(pretend_us)
    # A sanitizer wants to be the first library, and may be the second.
    result["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
    return result


def read_trace(path):
    """The records. The last one may be torn by the kill; it counts as not done."""
    content = pathlib.Path(path).read_bytes() if os.path.exists(path) else b""
    records, at = [], 0
    while at + HEADER.size <= len(content):
        magic, length, kind, node, one, two, path_length, other_length = HEADER.unpack_from(content, at)
        if magic != MAGIC:
            raise ValueError(f"{path}: no record at {at}")
        if at + length > len(content):
            break
        body = content[at + HEADER.size:at + length]
        names = [os.fsdecode(part) for part in (body[:path_length], body[path_length:path_length + other_length])]
        records.append(Record(KINDS[kind], node, one, two, *names, body[path_length + other_length:]))
        at += length
    return records


# --- directories ----------------------------------------------------------------------------------------------------------


class File:
    def __init__(self, mode, content=b""):
        self.mode = mode
        self.durable = bytearray(content)
        self.pending = []  # (position, kind, offset, data or length)
        self.size = len(content)  # as the program sees it
        self.inode_changes, self.size_changes = [], []  # positions in the trace, for the ordered model

    def apply(self, position, kind, offset, data):
        end = offset + (data if kind == "zero" else len(data)) if kind != "size" else offset
        if kind == "size" or (kind == "write" and end > self.size):
            self.size = end
            self.size_changes.append(position)
        self.inode_changes.append(position)
        self.pending.append((position, kind, offset, data))

    def cover(self, position):
        """Makes durable what stands before a position."""
        while self.pending and self.pending[0][0] < position:
            _change(self.durable, *self.pending.pop(0)[1:])

    def content(self):
        result = bytearray(self.durable)
        for operation in self.pending:
            _change(result, *operation[1:])
        return bytes(result)


class Directory:
    def __init__(self, mode):
        self.mode = mode
        self.entries = {}  # before the trace
        self.live = {}  # as the program sees it


# One name made or removed. A rename is two: the new name, and behind it the old one that goes (has_moved).
Change = collections.namedtuple("Change", "position directory name old new has_moved")


def _change(content, kind, offset, data):
    if kind == "size":
        if offset < len(content):
            del content[offset:]
        else:
            content.extend(bytes(offset - len(content)))
        return
    if kind == "zero":
        data = bytes(max(0, min(data, len(content) - offset)))
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset:offset + len(data)] = data


def take(root, exclude=()):
    """{path: (mode, inode, content or None for a directory)}; names of one file have one inode."""
    result, root = {}, os.fspath(root)

    def walk(path):
        for entry in os.scandir(os.path.join(root, path)):
            name = os.path.join(path, entry.name)
            if name in exclude:
                continue
            info = entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                result[name] = (info.st_mode & 0o7777, info.st_ino, None)
                walk(name)
            elif entry.is_file(follow_symlinks=False):
                result[name] = (info.st_mode & 0o7777, info.st_ino, pathlib.Path(root, name).read_bytes())
    walk("")
    return result


def _files(tree):
    """{all names of a file: (mode, content)}, and the directories."""
    names, directories = collections.defaultdict(list), {}
    for path, (mode, inode, content) in sorted(tree.items()):
        if content is None:
            directories[path] = mode
        else:
            names[inode].append(path)
    return {tuple(paths): (tree[paths[0]][0], tree[paths[0]][2]) for paths in names.values()}, directories


def put(root, tree, exclude=()):
    """Makes root hold exactly the tree, beside what is excluded. What is right already is not touched."""
    (files, directories), (old_files, old_directories) = _files(tree), _files(take(root, exclude))
    full = lambda path: os.path.join(root, path)
    for paths in old_files.keys() - {paths for paths, file in files.items() if old_files.get(paths) == file}:
        for path in paths:
            os.unlink(full(path))
    for path in sorted(old_directories.keys() - directories.keys(), reverse=True):
        os.rmdir(full(path))
    for path in sorted(directories.keys() - old_directories.keys()):
        os.mkdir(full(path))
    for path, mode in directories.items():
        os.chmod(full(path), mode)
    for (first, *others), (mode, content) in files.items():
        if old_files.get((first, *others)) == (mode, content):
            continue
        pathlib.Path(full(first)).write_bytes(content)
        os.chmod(full(first), mode)
        for path in others:
            os.link(full(first), full(path))


def names_and_bytes(tree):
    """For comparing: what a tree holds, whatever modes and inodes."""
    return {path: content for path, (_, _, content) in tree.items()}


# --- replay ---------------------------------------------------------------------------------------------------------------


class Replay:
    def __init__(self, before, records):
        self.root = Directory(0o755)
        self.nodes, self.changes, self.syncs = {}, [], {}
        self.sure = set()  # indexes of changes that are durable in the strict model
        self.journal = -1  # position up to which they are in the ordered one
        self._build(before)
        for position, record in enumerate(records):
            getattr(self, "_" + record.kind)(position, record)

    def _build(self, before):
        inodes = {}
        for path, (mode, inode, content) in sorted(before.items()):
            node = inodes.setdefault(inode, Directory(mode) if content is None else File(mode, content))
            directory, name = self._parent(path)
            directory.entries[name] = directory.live[name] = node

    # --- names -----------------------------------------------------------------------------------------------------------

    def _parent(self, path):
        directory, (*above, name) = self.root, path.split("/")
        for part in above:
            directory = directory.live[part]
        return directory, name

    def _find(self, path):
        if not path:
            return self.root
        directory, name = self._parent(path)
        return directory.live[name]

    def _set(self, position, path, new, has_moved=False):
        directory, name = self._parent(path)
        old = directory.live.get(name)
        self.changes.append(Change(position, directory, name, old, new, has_moved))
        for node in (old, new):
            if isinstance(node, File):
                node.inode_changes.append(position)
        if new is None:
            del directory.live[name]
        else:
            directory.live[name] = new

    def _found(self, _, record):
        self.nodes[record.node] = self._find(record.path)

    def _create(self, position, record):
        node = self.nodes[record.node] = File(record.one)
        node.size_changes.append(position)
        if record.path:
            self._set(position, record.path, node)

    def _mkdir(self, position, record):
        node = self.nodes[record.node] = Directory(record.one)
        self._set(position, record.path, node)

    def _unlink(self, position, record):
        self._set(position, record.path, None)

    _rmdir = _unlink

    def _link(self, position, record):
        self._set(position, record.other, self.nodes[record.node] if record.node else self._find(record.path))

    def _rename(self, position, record):
        node = self._find(record.path)
        directory, name = self._parent(record.other)
        if directory.live.get(name) is not node:  # two names of one file: nothing is done
            self._set(position, record.other, node)
            self._set(position, record.path, None, has_moved=True)

    # --- data ------------------------------------------------------------------------------------------------------------

    def _write(self, position, record):
        self.nodes[record.node].apply(position, "write", record.one, record.data)

    def _zero(self, position, record):
        self.nodes[record.node].apply(position, "zero", record.one, record.two)

    def _size(self, position, record):
        self.nodes[record.node].apply(position, "size", record.one, b"")

    # --- syncs -----------------------------------------------------------------------------------------------------------

    def _sync(self, position, record):
        self.syncs[record.one] = (position, self.nodes[record.node], REACHES[record.two])

    def _synced(self, _, record):
        position, node, reach = self.syncs.pop(record.one)
        if reach == "everything":
            for file in self._files():
                file.cover(position)
            self._cover_names(position, lambda change: True)
        elif isinstance(node, File):
            node.cover(position)
            own = node.size_changes if reach == "data" else node.inode_changes + node.size_changes
            self.journal = max([self.journal, *(at for at in own if at < position)])
        else:
            self._cover_names(position, lambda change: change.directory is node, reach == "file")

    def _cover_names(self, position, is_meant, in_strict=True):
        for index, change in enumerate(self.changes):
            if change.position < position and is_meant(change):
                self.journal = max(self.journal, change.position)
                if in_strict:
                    self.sure.add(index)

    def _files(self):
        known = {id(node): node for node in self.nodes.values()}
        return [node for node in known.values() if isinstance(node, File)]

    # --- what is left -----------------------------------------------------------------------------------------------------

    def now(self):
        """The tree as the program saw it last."""
        return self._tree(lambda directory: directory.live, File.content)

    def cut(self, model, mood, seed):
        """The tree after the power came back."""
        chance = random.Random(f"{model} {mood} {seed}")
        shares = Mood(*(chance.choice((0.1, 0.5, 0.9)) if part is None else part for part in mood))
        survivors = self._strict(chance, shares) if model == STRICT else self._ordered(chance, shares)
        entries = self._apply(survivors)
        return self._tree(lambda directory: entries.get(id(directory), directory.entries), lambda file: _what_is_left(file, chance, shares))

    def _strict(self, chance, shares):
        """Indexes of changes. A name that moves to another one is not lost by that: it goes only when the new one is there."""
        survivors = set()
        for index, change in enumerate(self.changes):
            if index in self.sure:
                survivors.add(index)
            elif change.has_moved and self.changes[index - 1].directory is change.directory:
                survivors.update({index} if index - 1 in survivors else ())
            elif chance.random() < shares.names and (not change.has_moved or index - 1 in survivors):
                survivors.add(index)
        return survivors

    def _ordered(self, chance, shares):
        open_ones = sorted({change.position for change in self.changes if change.position > self.journal})
        count = {0: 0, 1: len(open_ones)}.get(shares.names, chance.randint(0, len(open_ones)))
        last = open_ones[count - 1] if count else self.journal
        return {index for index, change in enumerate(self.changes) if change.position <= last}

    def _apply(self, survivors):
        entries = {}
        of = lambda directory: entries.setdefault(id(directory), dict(directory.entries))
        for index, change in enumerate(self.changes):
            if index not in survivors:
                continue
            names = of(change.directory)
            if change.new is not None:
                names[change.name] = change.new
            elif names.get(change.name) is change.old and (change.has_moved or not isinstance(change.old, Directory) or not of(change.old)):
                del names[change.name]
        return entries

    def _tree(self, entries_of, content_of):
        result, contents = {}, {}

        def walk(path, directory):
            for name, node in entries_of(directory).items():
                full = f"{path}/{name}" if path else name
                if isinstance(node, Directory):
                    result[full] = (node.mode, id(node), None)
                    walk(full, node)
                else:
                    if id(node) not in contents:
                        contents[id(node)] = content_of(node)
                    result[full] = (node.mode, id(node), contents[id(node)])
        walk("", self.root)
        return result


def _what_is_left(file, chance, shares):
    if not file.pending:
        return bytes(file.durable)
    sizes, pages = _versions(file)
    size = {0: sizes[0], 1: sizes[-1]}.get(shares.sizes)
    if size is None:
        size = chance.choice(sizes) if chance.random() < 0.5 else chance.randint(min(sizes), max(sizes))
    result = bytearray(file.durable[:size]).ljust(size, b"\0")
    for page, versions in sorted(pages.items()):
        kept = _choose(versions, chance, shares.pages)
        start = page * PAGE
        if start < size:
            result[start:start + PAGE] = kept[:size - start]
    return bytes(result)


def _versions(file):
    """The lengths that the file has had since it was synced, and what each page touched since has held: {page: [bytes]}, the synced one first."""
    content, sizes, pages = bytearray(file.durable), [len(file.durable)], {}

    def page_of(page):
        return bytes(content[page * PAGE:(page + 1) * PAGE]).ljust(PAGE, b"\0")

    for _, kind, offset, data in file.pending:
        end = len(content) if kind == "size" else offset + (data if kind == "zero" else len(data))
        touched = range(offset // PAGE, -(-end // PAGE))
        for page in touched:
            pages.setdefault(page, [page_of(page)])
        _change(content, kind, offset, data)
        for page in touched:
            pages[page].append(page_of(page))
        sizes.append(len(content))
    return sizes, pages


def _choose(versions, chance, share):
    one, other = (chance.choice(versions[1:]) if chance.random() < share else versions[0] for _ in range(2))
    if share == 1:
        return versions[-1]
    if chance.random() < 0.75:
        return one
    return b"".join(chance.choice((one, other))[at:at + SECTOR] for at in range(0, PAGE, SECTOR))


def main():
    for position, record in enumerate(read_trace(sys.argv[1])):
        about = f"{record.one} {REACHES[record.two]}" if record.kind == "sync" else f"{record.one:#o}" if record.kind in ("create", "mkdir") else \
            "" if record.kind == "found" else f"{record.one} {record.two or ''}"
        print(position, record.kind, record.node or "", record.path, record.other, about.strip(), f"+{len(record.data)}" if record.data else "")


if __name__ == "__main__":
    main()
