"""The tools of the power cut suite, on small programs: that the library sees every change, and that the replay keeps what was synced and loses the rest."""
import os
import pathlib
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from installation import BUILD  # noqa: E402
from powercut import CHANCE, MODELS, MOODS, ORDERED, STRICT, Mood, Replay, environment, names_and_bytes, put, read_trace, take  # noqa: E402

LIBRARY = BUILD / "tests" / "powercut.so"
SEEDS = [(mood, seed) for mood in MOODS for seed in range(8)]
START = """
import ctypes, os, threading
from ctypes import c_char_p, c_int, c_long, c_size_t, c_uint, c_void_p, byref
libc = ctypes.CDLL(None, use_errno=True)
R, W, C, X, T, A = os.O_RDONLY, os.O_WRONLY, os.O_CREAT, os.O_EXCL, os.O_TRUNC, os.O_APPEND
def new(path, content=b"", flags=W | C | X, sync=False):
    fd = os.open(path, flags, 0o640)
    os.write(fd, content)
    if sync:
        os.fdatasync(fd)
    return fd
def sync_dir(path):
    fd = os.open(path, R | os.O_DIRECTORY)
    os.fsync(fd)
    os.close(fd)
"""


class Ground:
    """A directory with something in it, and programs that change it."""

    def __init__(self, folder):
        self.root, self.trace = folder / "root", folder / "trace"
        (self.root / "old" / "deep").mkdir(parents=True)
        (self.root / "old" / "file").write_bytes(bytes(range(256)) * 80)
        (self.root / "old" / "same").hardlink_to(self.root / "old" / "file")
        (self.root / "left").mkdir()
        self.before = take(self.root, ["left"])

    def run(self, text, status=0, **more):
        env = {**os.environ, **environment(LIBRARY, self.root, self.trace, ["left"], **more)}
        done = subprocess.run([sys.executable, "-I", "-S", "-c", START + text], cwd=self.root, env=env, capture_output=True, text=True)
        assert done.returncode == status, done.stderr
        return Replay(self.before, read_trace(self.trace))

    def outcomes(self, text, model, **more):
        """What the power cut may leave, over many seeds, as {path: content}."""
        replay = self.run(text, **more)
        return [names_and_bytes(replay.cut(model, mood, seed)) for mood, seed in SEEDS]


@pytest.fixture
def ground(tmp_path):
    return Ground(tmp_path)


# --- the library ----------------------------------------------------------------------------------------------------------

SEEN = {
    "write": 'fd = new("a", b"one"); os.write(fd, b"two"); os.lseek(fd, 9000, 0); os.write(fd, b"three")',
    "append": 'fd = os.open("old/file", W | A); os.write(fd, b"more"); libc.pwrite64(fd, b"end", 3, c_long(5))',
    "truncated": 'os.write(os.open("old/file", W | T), b"short")',
    "created again": 'os.write(os.open("old/file", W | C), b"over the first bytes")',
    "positions": 'fd = new("a"); os.pwrite(fd, b"x" * 5000, 4000); os.pwritev(fd, [b"ab", b"cd"], 10); os.writev(fd, [b"1", b"", b"23"])',
    "stream of Python": 'open("a", "wb").write(b"text" * 3000)',
    "descriptors": 'fd = new("a"); other = os.dup(fd); os.close(fd); os.write(other, b"1"); os.dup2(other, 40); os.write(40, b"2")',
    "relative": 'at = os.open("old", R); os.write(os.open("../old/./deep//f", W | C, dir_fd=at), b"x"); os.mkdir("d", dir_fd=at); os.rmdir("d", dir_fd=at)',
    "sizes": 'fd = new("a", b"x" * 10000); os.ftruncate(fd, 5000); os.truncate("old/file", 30000); os.posix_fallocate(fd, 0, 9000)',
    "holes": 'fd = new("a", b"x" * 20000); libc.fallocate(fd, 3, c_long(4096), c_long(8192)); libc.fallocate64(fd, 0, c_long(0), c_long(30000))',
    "names": 'new("a", b"1"); os.rename("a", "old/deep/b"); os.link("old/deep/b", "c"); os.unlink("old/file"); os.replace("c", "old/same")',
    "directories": 'os.mkdir("d", 0o700); os.mkdir("d/e"); new("d/e/f", b"1"); os.rename("d/e", "g"); os.rmdir("d"); libc.remove(b"g/f"); os.mkdir("g/h"); libc.remove(b"g/h")',
    "two names": 'os.rename("old/file", "old/same"); os.write(os.open("old/same", W), b"through one name")',
    "without a name": 'fd = os.open(".", W | os.O_TMPFILE, 0o600); os.write(fd, b"x" * 100); assert libc.linkat(-100, f"/proc/self/fd/{fd}".encode(), -100, b"t", 0x400) == 0 and libc.linkat(fd, b"", -100, b"u", 0x1000) == 0',
    "unlinked": 'fd = new("a"); os.unlink("a"); os.write(fd, b"x"); new("b", b"next")',
    "copies": """
fd, source = new("a"), os.open("old/file", R)
os.sendfile(fd, source, 100, 5000)
os.copy_file_range(source, fd, 300, 7, 9000)
reader, writer = os.pipe()
os.write(writer, b"piped")
os.splice(reader, fd, 5)""",
    "other openings": """
libc.write(libc.creat(b"a", 0o600), b"1", 1)
libc.write(libc.creat64(b"b", 0o600), b"2", 1)
libc.write(libc.open64(b"c", W | C, 0o600), b"3", 1)
libc.write(libc.openat64(-100, b"d", W | C, 0o600), b"4", 1)
for number, (call, before) in enumerate({"__open_2": (), "__open64_2": (), "__openat_2": (-100,), "__openat64_2": (-100,)}.items()):
    fd = getattr(libc, call)(*before, [b"a", b"b", b"c", b"d"][number], W | A)
    assert libc.write(fd, b"fortified", 9) == 9, call
for call, pattern, rest in (("mkstemp", b"XXXXXX", ()), ("mkostemp", b"XXXXXX", (0,)), ("mkstemps", b"XXXXXX.s", (2,)), ("mkostemps64", b"XXXXXX.s", (2, 0))):
    assert libc.write(getattr(libc, call)(ctypes.create_string_buffer(b"old/" + pattern), *rest), b"temporary", 9) == 9, call""",
    "second names": """
class Part(ctypes.Structure):
    _fields_ = [("base", c_char_p), ("length", c_size_t)]
fd, part = new("a"), Part(b"vector", 6)
assert libc.pwritev64(fd, byref(part), 1, c_long(3)) == 6
assert libc.pwritev2(fd, byref(part), 1, c_long(-1), 0) == 6
assert libc.pwritev64v2(fd, byref(part), 1, c_long(20), 2) == 6
assert libc.ftruncate64(fd, c_long(40)) == 0 and libc.truncate64(b"old/file", c_long(40)) == 0
assert libc.renameat(-100, b"a", -100, b"b") == 0 and libc.renameat2(-100, b"b", -100, b"old/deep/c", 1) == 0
assert libc.sendfile64(fd, os.open("old/file", R), None, c_size_t(9)) == 9""",
    "threads": """
os.mkdir("t")
def work(number):
    for turn in range(20):
        fd = new(f"t/{number}-{turn}", b"x" * 5000, sync=turn % 3 == 0)
        os.pwrite(shared, bytes([number]) * 300, (20 * number + turn) * 250)
        os.link(f"t/{number}-{turn}", f"old/{number}-{turn}")
        os.unlink(f"t/{number}-{turn}") if turn % 2 else os.rename(f"t/{number}-{turn}", f"t/n{number}-{turn}")
        os.close(fd)
shared = new("shared")
threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]""",
}


@pytest.mark.parametrize("operations", SEEN)
def test_every_change_is_seen(ground, operations):
    replay = ground.run(SEEN[operations])
    assert names_and_bytes(replay.now()) == names_and_bytes(take(ground.root, ["left"]))
    assert names_and_bytes(replay.now()) != names_and_bytes(ground.before) or operations == "unlinked"
    # With everything that was not synced kept, too, a cut takes nothing away.
    for model in MODELS:
        assert names_and_bytes(replay.cut(model, Mood(1, 1, 1), 0)) == names_and_bytes(replay.now())


def test_what_lies_elsewhere_is_left_alone(ground):
    ground.run('os.mkdir("../beside"); os.fsync(new("../beside/a", b"1")); os.fsync(new("left/b", b"1")); os.rename("left/b", "../beside/b"); os.getcwd()')
    assert read_trace(ground.trace) == []


@pytest.mark.parametrize("text, what", [
    ('import mmap; mmap.mmap(os.open("old/file", os.O_RDWR), 4096)', "a mapping"),
    ('libc.fopen(b"a", b"w")', "writing through a stream"), ('libc.fdopen(new("a"), b"w")', "writing through a stream"), ('libc.dprintf(new("a"), b"x")', "dprintf"),
    ('os.symlink("a", "b")', "a symbolic link"), ('new("../a"); os.rename("../a", "b")', "a rename"), ('new("../a"); os.link("../a", "b")', "a link"),
    ('libc.fallocate(os.open("old/file", W), 8, c_long(0), c_long(4096))', "fallocate"), ('libc.mkdtemp(ctypes.create_string_buffer(b"XXXXXX"))', "mkdtemp"),
])
def test_what_it_cannot_follow_ends_the_program(ground, text, what):
    env = {**os.environ, **environment(LIBRARY, ground.root, ground.trace, ["left"])}
    done = subprocess.run([sys.executable, "-I", "-S", "-c", START + text], cwd=ground.root, env=env, capture_output=True, text=True)
    assert done.returncode == -signal.SIGABRT and f"cannot follow {what}" in done.stderr, done.stderr


def test_killed_after_a_number_of_records(ground):
    ground.run('[new(f"a{number}", b"x") for number in range(20)]', status=-signal.SIGKILL, kill_at=7)
    assert len(read_trace(ground.trace)) == 7


def test_a_torn_last_record_does_not_count(ground):
    whole = ground.run('new("a", b"x" * 1000)')
    ground.trace.write_bytes(ground.trace.read_bytes()[:-1])
    assert len(whole.now()["a"][2]) == 1000
    assert Replay(ground.before, read_trace(ground.trace)).now()["a"][2] == b""


def test_a_tree_is_put_back_as_it_was(ground):
    ground.run('os.unlink("old/same"); os.write(os.open("old/file", W), b"other"); os.mkdir("d"); new("left/kept")')
    put(ground.root, ground.before, ["left"])
    after = take(ground.root, ["left"])
    assert names_and_bytes(after) == names_and_bytes(ground.before)
    assert after["old/file"][1] == after["old/same"][1]
    assert (ground.root / "left" / "kept").exists()


# --- data -----------------------------------------------------------------------------------------------------------------

OLD = bytes(range(256)) * 80


@pytest.mark.parametrize("model", MODELS)
def test_bytes_without_a_sync_may_be_lost(ground, model):
    left = {one["old/file"] for one in ground.outcomes('os.pwrite(os.open("old/file", W), b"n" * 12288, 4096)', model)}
    assert OLD in left and OLD[:4096] + b"n" * 12288 + OLD[16384:] in left
    assert any(one[4096:8192] == OLD[4096:8192] and one[8192:12288] == b"n" * 4096 for one in left), "never a page of the old and one of the new"
    assert any(0 < one[4096:8192].count(b"n"[0]) < 4096 for one in left), "never a torn page"


@pytest.mark.parametrize("model", MODELS)
def test_growth_without_a_sync_may_be_lost_zeros_or_partly_there(ground, model):
    left = [one["a"] for one in ground.outcomes('fd = new("a", b"x" * 9000); sync_dir(".")', model)]
    assert b"" in left and b"x" * 9000 in left and bytes(9000) in left
    assert any(0 < one.count(b"x"[0]) < len(one) for one in left) and any(0 < len(one) < 9000 for one in left)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("sync", ["os.fdatasync(fd)", "os.fsync(fd)", "libc.syncfs(fd)", "os.fdatasync(os.open('a', R))",
                                  "os.fdatasync(os.dup(fd)); os.pwrite(fd, b'later', 20000)"])
def test_synced_bytes_stay(ground, model, sync):
    for one in ground.outcomes(f'fd = new("a", b"x" * 9000); sync_dir("."); {sync}', model):
        assert one["a"][:9000] == b"x" * 9000


def test_a_write_to_a_file_opened_for_synchronous_writing_stays(ground):
    for one in ground.outcomes('fd = new("a", flags=W | C | os.O_DSYNC); sync_dir("."); os.write(fd, b"x" * 5000)', STRICT):
        assert one["a"] == b"x" * 5000


def test_what_is_written_after_the_sync_began_is_not_covered(ground):
    ground.run('fd = new("a", b"x" * 100, sync=True); sync_dir(".")')
    records = read_trace(ground.trace)
    begin = next(at for at, record in enumerate(records) if record.kind == "sync")
    write = next(record for record in records if record.kind == "write")
    late = records[:begin + 1] + [write._replace(one=100, data=b"late")] + records[begin + 1:]
    left = {Replay(ground.before, late).cut(STRICT, mood, seed)["a"][2] for mood, seed in SEEDS}
    assert b"x" * 100 in left and b"x" * 100 + b"late" in left


def test_a_pretended_sync_covers_as_well(ground):
    for one in ground.outcomes('fd = new("a", b"x" * 9000, sync=True); sync_dir(".")', STRICT, pretend_us=1):
        assert one["a"] == b"x" * 9000


def test_sync_file_range_covers_nothing(ground):
    left = [one["a"] for one in ground.outcomes('fd = new("a", b"x" * 100); sync_dir("."); assert libc.sync_file_range(fd, c_long(0), c_long(100), 7) == 0', STRICT)]
    assert b"" in left


@pytest.mark.parametrize("kept, loses", [(-1, True), (None, False)])
def test_an_unfinished_sync_covers_nothing(ground, kept, loses):
    ground.run('sync_dir(".") if new("a", b"x") else 0; fd = os.open("a", W); os.fdatasync(fd)')
    replay = Replay(ground.before, read_trace(ground.trace)[:kept])
    assert (b"" in {replay.cut(ORDERED, mood, seed)["a"][2] for mood, seed in SEEDS}) == loses


@pytest.mark.parametrize("pattern, loses", [("*.part", True), ("sub/*", True), ("*.rec", False), ("sub", False)])
def test_a_swallowed_sync_covers_nothing(ground, pattern, loses):
    text = 'os.mkdir("sub"); new("sub/a.part", b"x" * 100, sync=True); fd = os.open("sub/a.part", R); sync_dir("."); libc.syncfs(fd) if 0 else 0'
    left = [one.get("sub/a.part") for one in ground.outcomes(text, ORDERED, ignore=pattern)]
    assert any(one not in (None, b"x" * 100) for one in left) == loses


# --- names ----------------------------------------------------------------------------------------------------------------


def test_a_name_needs_the_sync_of_its_directory(ground):
    text = 'new("a", b"1", sync=True); os.mkdir("d"); new("d/b", b"2", sync=True); sync_dir("d")'
    left = ground.outcomes(text, STRICT)
    assert any("a" not in one for one in left) and any("d" not in one for one in left)
    assert any("d" in one for one in left) and all("d" not in one or one.get("d/b") == b"2" for one in left)


def test_a_journal_carries_earlier_names_with_the_sync_of_a_file(ground):
    left = ground.outcomes('new("first"); fd = new("a", b"1"); os.fdatasync(fd); new("later")', ORDERED)
    assert all("first" in one and one["a"] == b"1" for one in left)
    assert any("later" not in one for one in left) and any("later" in one for one in left)


def test_a_journal_carries_nothing_with_the_sync_of_bytes_that_were_there(ground):
    """No change of the file's own stands in the journal: overwriting alone moves nothing."""
    left = ground.outcomes('new("a"); fd = os.open("old/file", W); os.pwrite(fd, b"over", 0); os.fdatasync(fd)', ORDERED)
    assert any("a" not in one for one in left) and all(one["old/file"][:4] == b"over" for one in left)


def test_in_a_journal_names_survive_in_their_order(ground):
    left = [sum(name in one for name in "abcde") for one in ground.outcomes('[new(name) for name in "abcde"]', ORDERED)]
    assert set(left) == set(range(6))
    for one in ground.outcomes('[new(name) for name in "fghij"]', ORDERED):
        there = [name in one for name in "fghij"]
        assert there == sorted(there, reverse=True)
    ground.trace.unlink()
    mixed = [[name in one for name in "klmno"] for one in ground.outcomes('[new(name) for name in "klmno"]', STRICT)]
    assert any(one != sorted(one, reverse=True) for one in mixed), "in the strict model each by itself"


@pytest.mark.parametrize("model", MODELS)
def test_a_rename_is_whole_and_may_be_undone(ground, model):
    left = ground.outcomes('new("n", b"new", sync=True); sync_dir("."); os.rename("n", "old/file"); os.unlink("old/same")', model)
    assert {one["old/file"] for one in left} == {OLD, b"new"}, "without the sync of a directory"
    assert all("n" in one or one["old/file"] == b"new" for one in left), "lost under both names"
    assert any("old/same" in one for one in left)


@pytest.mark.parametrize("model", MODELS)
def test_a_rename_stays_with_the_sync_of_its_directory(ground, model):
    left = ground.outcomes('new("n", b"new", sync=True); sync_dir("."); os.rename("n", "m"); sync_dir("."); os.unlink("m")', model)
    assert all("n" not in one for one in left)
    assert any("m" in one for one in left) and any("m" not in one for one in left)


@pytest.mark.parametrize("model", MODELS)
def test_syncfs_covers_everything(ground, model):
    for one in ground.outcomes('os.mkdir("d"); new("d/a", b"1"); os.unlink("old/same"); libc.syncfs(os.open("old/file", R)); new("late")', model):
        assert one["d/a"] == b"1" and "old/same" not in one


@pytest.mark.parametrize("model", MODELS)
def test_a_directory_does_not_go_before_what_lies_in_it(ground, model):
    for one in ground.outcomes('new("old/deep/a"); sync_dir("old/deep"); os.unlink("old/deep/a"); os.rmdir("old/deep")', model):
        assert "old/deep" in one or "old/deep/a" not in one


def test_the_same_seed_gives_the_same_loss(ground):
    replay = ground.run('[new(f"a{number}", b"x" * 9000) for number in range(10)]')
    for model in MODELS:
        cuts = [names_and_bytes(replay.cut(model, CHANCE, seed)) for seed in (1, 1, 2)]
        assert cuts[0] == cuts[1] != cuts[2]
