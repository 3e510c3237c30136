"""An installation whose power is cut: storescp runs under the preload library, dies, and what is below YQ_HOME becomes what the cut left of it.

PostgreSQL is not cut: its data, sockets and logs lie elsewhere (links pg, run and log of YQ_HOME), and what it committed stays.
YQ_HOME lies on a Disk: a directory at hand, or a file system of its own in a loop-mounted file. There a cut can be the real thing (model DISK): the
image is copied as the device has it, without what the kernel had not yet written, and the copy is mounted; the file system's own journal does the rest.
"""
import contextlib
import ctypes
import errno
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import threading
import time

import dicomgen
import powercut
from installation import BUILD, PATIENCE_S, Failed, Installation
from receiving import Sent, await_indexed, holds, prepare, send

LIBRARY = BUILD / "tests" / "powercut.so"
BESIDE = ("pg", "run", "log")
DISK = "disk"
SENDERS = 3
PRETEND_US = 1000
# A busy machine may take long to answer; a ledger that is away says so at once.
SETTINGS = {"YQ_POLL_INTERVAL": "100 ms", "YQ_STORE_RESERVE": "1 MiB", "YQ_LEDGER_TIMEOUT": "60 s"}
# Bytes of pixels: less than a page, whole pages, around one chunk of a journal, more than two.
SIZES = (900, 4096 * 3, 262144 - 1500, 262144, 620000)


class NoDisk(Exception):
    """A file system of its own cannot be had here; the text says why."""


def _data(descriptor):
    """Where a sparse file is no hole, in pieces of 1 MiB: (offset, length)."""
    at, size = 0, os.fstat(descriptor).st_size
    while at < size:
        try:
            at = os.lseek(descriptor, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        end = os.lseek(descriptor, at, os.SEEK_HOLE)
        while at < end:
            yield at, min(end - at, 1 << 20)
            at += min(end - at, 1 << 20)


def _is_same(one, other):
    """Both have the same bytes; holes of both are not read."""
    with open(one, "rb") as a, open(other, "rb") as b:
        return os.fstat(a.fileno()).st_size == os.fstat(b.fileno()).st_size and all(
            os.pread(a.fileno(), length, at) == os.pread(b.fileno(), length, at) for file in (a, b) for at, length in _data(file.fileno()))


class Directory:
    """Here all is replay, so that syncs need not reach a disk; they take their time, in which others come by."""

    kind, can_be_cut = "here", False

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="yq-cut."))
        self.path.chmod(0o755)

    def is_filling(self):
        return False

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Loop:
    """
    ext4 or XFS in a sparse file. XFS wants 300 MiB. Only this process and its children see the mount, and it goes with the last of them, however they end.
    """

    can_be_cut, sees_own_mounts = True, False

    MAKE = {"ext4": ("256M", ["mkfs.ext4", "-q", "-F", "-J", "size=8", "-E", "lazy_itable_init=0,lazy_journal_init=0"]),
            "xfs": ("384M", ["mkfs.xfs", "-q", "-f"])}

    def __init__(self, kind):
        self.kind = kind
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"yq-cut-{kind}."))
        self.folder.chmod(0o755)
        self.image, self.path = self.folder / "image", self.folder / "mounted"
        self.path.mkdir()
        size, make = self.MAKE[kind]
        self.is_mounted = False
        try:
            self._run("truncate", "-s", size, self.image)
            self._run(*make, self.image)
            self._hide_mounts()
            self.mount()
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _run(*command):
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError as error:
            raise NoDisk(f"cannot run {command[0]}: {error.strerror}") from error
        if done.returncode != 0:
            raise NoDisk(f"cannot {' '.join(map(str, command))}: {done.stderr.strip()}")

    def _hide_mounts(self):
        CLONE_NEWNS = 0x20000
        if Loop.sees_own_mounts:
            return
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNS) != 0:
            raise NoDisk(f"cannot have mounts of our own: {os.strerror(ctypes.get_errno())}")
        self._run("mount", "--make-rprivate", "/")
        Loop.sees_own_mounts = True

    def mount(self):
        self._run("mount", "-o", "loop,noatime", self.image, self.path)
        self.is_mounted = True

    def unmount(self):
        self._run("umount", self.path)
        self.is_mounted = False

    def is_filling(self):
        """Whether a few cases more could fill it: until a point comes by, the senders of a slow machine send many rounds."""
        room = shutil.disk_usage(self.path)
        return room.free < room.total // 2

    def cut(self):
        """What the device holds at this moment, taken twice until nothing was being written meanwhile."""
        left = self.folder / "left"
        while True:
            self._run("cp", "--sparse=always", self.image, left)
            if _is_same(self.image, left):
                break
        self.unmount()
        left.replace(self.image)
        self.mount()

    def close(self):
        if self.is_mounted:
            with contextlib.suppress(NoDisk):
                self.unmount()
        shutil.rmtree(self.folder, ignore_errors=True)


class CutHome(Installation):
    """Enter it, then again and again: traced(), bombard(), cut(), start("yq-storescp"), faults()."""

    def __init__(self, kind, settings=None):
        self.disk = Directory() if kind == Directory.kind else Loop(kind)
        super().__init__({**SETTINGS, **(settings or {})}, prefix="yq-beside.")
        self.beside, self.home = self.home, self.disk.path / "home"
        self.home.mkdir()
        for name in BESIDE:
            (self.beside / name).mkdir(exist_ok=True)
            (self.home / name).symlink_to(self.beside / name)
        (self.beside / "pg").rmdir()  # PostgreSQL makes it
        self.trace = self.beside / "trace"
        self.before = None
        self.model = None  # of the last cut
        self.told = {}  # SOP instance UID -> what must be there from now on

    def __enter__(self):
        super().__enter__()
        prepare(self)
        return self

    def close(self):
        super().close()
        self.disk.close()
        shutil.rmtree(self.beside, ignore_errors=True)

    # --- one cut --------------------------------------------------------------------------------------------------------

    def traced(self, point=None, ignore=None, kill_at=None):
        """Starts storescp under the library. False: it has died already."""
        more = powercut.environment(LIBRARY, self.home, self.trace, BESIDE, ignore, kill_at, None if self.disk.can_be_cut else PRETEND_US)
        if point:
            more["YQ_KILL_AT"] = point
        self.trace.unlink(missing_ok=True)
        self.before = powercut.take(self.home, BESIDE)
        try:
            self.start("yq-storescp", **more)
        except Failed as failed:
            if "(status -9)" not in str(failed):
                raise
            return False
        return True

    def await_death(self):
        assert self.wait_ended("yq-storescp") == -9, self.log("yq-storescp")[-2000:]

    def cut(self, model, mood=powercut.CHANCE, seed=0):
        self.model = model
        if model == DISK:
            self.disk.cut()
            return
        replay = powercut.Replay(self.before, powercut.read_trace(self.trace))
        powercut.put(self.home, replay.cut(model, mood, seed), BESIDE)

    # --- senders --------------------------------------------------------------------------------------------------------

    def bombard(self, seed):
        """Several senders at once, one round after the other, until storescp dies. Returns everything that was sent."""
        chance, sent = random.Random(f"objects {seed}"), []
        until = time.monotonic() + PATIENCE_S
        while self.running["yq-storescp"].poll() is None:
            assert time.monotonic() < until, "it does not come by the point\n" + self.log("yq-storescp")[-2000:]
            sent += self.send_round(chance)
        self.await_death()
        return sent

    def send_round(self, chance):
        batches = [study(chance) for _ in range(SENDERS)]
        threads = [threading.Thread(target=send, args=(self, batch)) for batch in batches]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [one for batch in batches for one in batch]

    def send_again(self, objects):
        """What a modality does with everything that got no answer; True when all of it is taken."""
        again = [one for one in objects if one.status != 0]
        return not again or (send(self, again) and all(one.status == 0 for one in again))

    # --- what is there --------------------------------------------------------------------------------------------------

    def lost(self, objects):
        """Of what was acknowledged: all that cannot be read back bit for bit."""
        rows = {uid: (key, int(header)) for uid, key, header in self.sql("SELECT sop_instance_uid, object_key, header_bytes FROM instance")}
        return [one.uid for one in objects if one.status == 0 and self._dataset(rows.get(one.uid)) != one.bytes]

    def _dataset(self, row):
        if row is None:
            return None
        key, header = row
        try:
            content = (self.home / "store" / key[:2] / key[2:4] / key).read_bytes()
        except FileNotFoundError:
            return None
        return content[header:] if content[128:132] == b"DICM" else None

    def faults(self, objects):
        """Everything that is not as promised, of these objects and of all before, once the ledger has caught up; [] is what is wanted."""
        found = await_indexed(self)
        found["quarantined"] -= self._without_bytes() if self.model == powercut.STRICT else 0
        held, known = holds(self), {one.uid: one for one in objects}  # holds() itself objects to anything doubled
        result = [f"{found[name]} {name}" for name in ("missing", "mismatched", "orphans", "quarantined") if found[name]]
        result += [f"lost: {uid}" for uid in self.lost(objects)]
        result += [f"lost later: {uid}" for uid, digest in self.told.items() if held.get(uid) != digest]
        result += [f"half: {uid}" for uid, digest in held.items() if digest != (known[uid].sha256 if uid in known else self.told.get(uid))]
        self.told.update(held)
        return result

    def _without_bytes(self):
        """
        Before the directory is synced POSIX lets the record's name survive without the name of its bytes. Nobody was told anything then, and no file system
        with a journal does it; recovery sets such a record apart. lost() sees to it that none of them was acknowledged. Clears and counts them.
        """
        alone = [path for path in (self.home / "journal" / "quarantine").glob("*.rec")
                 if not path.with_name(path.stem.rpartition("-")[2] + ".part").exists()]
        for path in alone:
            path.unlink()
        return len(alone)


def study(chance):
    """A few objects of one new study, small and large; the last is the first one again."""
    about, series = dicomgen.Study(name="CHEN^MEI=陈^梅", patient_id="TS-" + dicomgen.new_uid()[-8:]), dicomgen.new_uid()
    objects = []
    for number, size in enumerate((SIZES[0], chance.choice(SIZES), chance.choice(SIZES)), 1):
        dataset = dicomgen.ct(about, series_uid=series, number=number, size=8)
        objects.append(Sent(dataset.put(0x7FE00010, "OW", chance.randbytes(size))))
    again = Sent.__new__(Sent)
    again.__dict__.update(objects[0].__dict__, status=None)
    return objects + [again]
