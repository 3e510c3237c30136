"""The power is cut at every named point of reception, of placing and of indexing: what was acknowledged is there, what was half received is not.

yq-storescp runs under a library that writes down what it does to files and what it syncs; from that the state after a cut is made (tests/support/powercut.py),
by the letter of POSIX (strict), with an ordered journal of names (ordered), or from the image of a real file system (disk), and storescp starts on it.

The short form cuts at each point of each lane once, in a directory at hand, on ext4 or on XFS in turn. `make powercut` is the long one: POWERCUT_SEEDS names how many
cuts at each point, POWERCUT_DISKS on what (here ext4 xfs).
"""
import collections
import contextlib
import os
import pathlib
import random
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import powercut  # noqa: E402
from cutting import BESIDE, DISK, CutHome, NoDisk  # noqa: E402
from installation import TREE  # noqa: E402
from powercut import MOODS, ORDERED, STRICT, Mood  # noqa: E402
from receiving import await_indexed  # noqa: E402

# Every point of the program, and how often it may be passed before the cut: those behind the answer are passed once an object or once a batch.
ON_THE_WAY = {"intake-after-begin": 12, "intake-in-append": 60, "intake-before-data-sync": 12, "intake-after-data-sync": 12, "intake-after-commit": 12}
RECORD = {"intake-after-record-write": 12, "intake-after-record-sync": 12}
BEHIND = {"intake-before-place": 12, "store-before-link": 12, "store-after-link": 12, "intake-after-place": 2, "intake-before-backlog": 2,
          "intake-after-backlog": 2, "intake-before-free": 2, "intake-after-free": 2, "intake-before-index": 2, "intake-after-index": 2,
          "intake-before-forget": 2, "intake-after-forget": 2}
PASSES = {**ON_THE_WAY, **RECORD, **BEHIND}
# Those that are reached without the ledger.
AWAY = [*ON_THE_WAY, *RECORD, *(point for point in BEHIND if "forget" not in point and point != "intake-after-index")]
# How objects are received: settings of storescp, and the points on that way.
LANES = {"ring": ({"YQ_JOURNAL_RING": "8 MiB"}, [*ON_THE_WAY, *BEHIND]), "spill": ({"YQ_JOURNAL_RING": "0 B"}, [*ON_THE_WAY, *RECORD, *BEHIND])}
# What remains in the journal of objects that have left it.
LEFTOVERS = ("slot-*/*.part", "slot-*/*.rec", "slot-*/backlog-*")
# Syncs without which something must be lost: pattern -> lane, point, what survives of the rest.
NOTHING, NAMES = Mood(0, 0, 0), Mood(1, 0, 0)
CONTROLS = {"ring": ("ring", "intake-after-commit:4", NAMES), "*.part": ("spill", "intake-after-commit:4", NAMES),
            "*.rec": ("spill", "intake-after-commit:4", NAMES), "journal/slot-*": ("spill", "intake-after-commit:4", NOTHING),
            "backlog-*": ("spill", "intake-after-free", NAMES), "store": ("spill", "intake-after-free", NOTHING)}

SEEDS = int(os.environ.get("POWERCUT_SEEDS", 0))
DISKS = os.environ.get("POWERCUT_DISKS", "here ext4 xfs").split()
CASES_OF_ONE_HOME = 40

Case = collections.namedtuple("Case", "disk lane point model seed")


def cases(points_of_lane, short):
    """With SEEDS: everything everywhere. Else what short(number of the point, lane) says."""
    result = []
    for lane in LANES:
        for number, point in enumerate(points_of_lane(lane)):
            if SEEDS:
                for disk in DISKS:
                    models = (STRICT, ORDERED) if disk == "here" else (DISK, STRICT, ORDERED)
                    result += [Case(disk, lane, point, models[seed % len(models)], number + seed) for seed in range(SEEDS)]
            else:
                result += [Case(disk, lane, point, model, 3 * number + seed) for seed, (disk, model) in enumerate(short(number, lane))]
    return sorted(result, key=lambda case: case.disk)


def one_here(number, lane):
    """Of the lanes in turn: with the ledger at hand each point has its case in every lane."""
    return [("here", (STRICT, ORDERED)[number // 2 % 2])] if number % 2 == list(LANES).index(lane) % 2 else []


def one_anywhere(number, lane):
    return [(("here", STRICT), ("ext4", DISK), ("here", ORDERED), ("xfs", DISK))[number % 4]]


def points_of(lane, some=None):
    return [point for point in LANES[lane][1] if some is None or point in some]


def case_name(case):
    return "-".join(map(str, case))


def few(count):
    """A number of cuts that have no point of their own."""
    return range(SEEDS or count)


# --- homes ------------------------------------------------------------------------------------------------------------------


class Homes:
    """One home a disk, with one PostgreSQL for many cases; a new one after some, and after a failure."""

    def __init__(self):
        self.homes, self.used, self.refused = {}, collections.Counter(), {}

    @contextlib.contextmanager
    def on(self, disk, lane):
        if self.used[disk] >= CASES_OF_ONE_HOME or (disk in self.homes and self.homes[disk].disk.is_filling()):
            self.homes.pop(disk).close()
            self.used[disk] = 0
        home = self.homes.get(disk) or self._open(disk)
        home.settings.update(LANES[lane][0])
        used, self.used[disk] = self.used[disk], CASES_OF_ONE_HOME
        yield home
        self.used[disk] = used + 1

    def _open(self, disk):
        if disk not in self.refused:
            try:
                self.homes[disk] = CutHome(disk).__enter__()
                return self.homes[disk]
            except NoDisk as why:
                self.refused[disk] = str(why)
        pytest.skip(self.refused[disk])

    def close(self):
        for home in self.homes.values():
            home.close()


@pytest.fixture(scope="module")
def homes():
    result = Homes()
    yield result
    result.close()


def with_count(point, chance):
    return f"{point}:{chance.randint(1, PASSES[point])}"


def assert_goes_on(home, objects, request):
    """After the cut: everything is as promised, what was not acknowledged is sent again, and nothing stays behind."""
    request.node.user_properties.append(("acknowledged", sum(one.status == 0 for one in objects)))
    home.start("yq-storescp")
    assert home.faults(objects) == []
    assert home.send_again(objects), home.log("yq-storescp")[-2000:]
    assert home.faults(objects) == []
    assert home.stop("yq-storescp") == 0
    assert [path for pattern in LEFTOVERS for path in (home.home / "journal").glob(pattern)] == []


# --- the list ----------------------------------------------------------------------------------------------------------------


def test_every_point_of_the_program_is_in_the_list():
    there = set()
    for folder in ("lib/intake", "lib/store"):
        for path in (TREE / folder).glob("*.c"):
            there.update(re.findall(r'file_kill_point\("([^"]+)"\)', path.read_text()))
    # Bringing in from quarantine is done by yqctl and yq-gateway, which tests/e2e/test_doubts.py kills.
    there = {point for point in there if not point.startswith("redrive_")}
    assert there == {*PASSES}
    assert there == {point for _, points in LANES.values() for point in points}


# --- cuts --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases(points_of, one_anywhere), ids=case_name)
def test_cut_at(homes, case, request):
    with homes.on(case.disk, case.lane) as home:
        assert home.traced(with_count(case.point, random.Random(str(case))))
        objects = home.bombard(case.seed)
        home.cut(case.model, MOODS[case.seed % len(MOODS)], case.seed)
        assert_goes_on(home, objects, request)


@pytest.mark.parametrize("case", cases(lambda lane: points_of(lane, AWAY), one_here), ids=case_name)
def test_cut_while_the_ledger_is_away(homes, case, request):
    with homes.on(case.disk, case.lane) as home:
        assert home.traced(with_count(case.point, random.Random(str(case))))
        home.stop_ledger()
        try:
            objects = home.bombard(case.seed)
            home.cut(case.model, MOODS[case.seed % len(MOODS)], case.seed)
            home.start("yq-storescp")
            assert home.send_again(objects), "without the ledger nothing is received"
            assert home.stop("yq-storescp") == 0
        finally:
            home.start_ledger()
        assert_goes_on(home, objects, request)


@pytest.mark.parametrize("case", cases(lambda lane: points_of(lane, BEHIND), one_anywhere), ids=case_name)
def test_recovery_is_cut_too(homes, case, request):
    """Much is in the journal when the power goes; and it goes again while that is brought in."""
    chance = random.Random(str(case))
    with homes.on(case.disk, case.lane) as home:
        assert home.traced(f"intake-after-commit:{chance.randint(10, 30)}")
        home.stop_ledger()
        try:
            objects = home.bombard(case.seed)
        finally:
            home.start_ledger()
        home.cut(case.model, MOODS[case.seed % len(MOODS)], case.seed)
        if home.traced(with_count(case.point, chance)):
            objects += home.bombard(case.seed + 1)
        home.cut(case.model, MOODS[(case.seed + 3) % len(MOODS)], case.seed + 1)
        assert_goes_on(home, objects, request)


@pytest.mark.parametrize("seed", few(4))
def test_cut_at_any_operation(homes, seed, request):
    """Between the named points as well: after so many changes and syncs, while receiving, and while recovering from that."""
    chance, model = random.Random(seed), (STRICT, ORDERED)[seed % 2]
    lane = sorted(LANES)[seed // 2 % len(LANES)]
    with homes.on("here", lane) as home:
        objects = []
        for turn in range(2):
            if home.traced(kill_at=chance.randint(1, 150)):
                objects += home.bombard(seed + turn)
            home.cut(model, MOODS[(seed + turn) % len(MOODS)], seed)
        assert_goes_on(home, objects, request)


# --- that the suite sees ------------------------------------------------------------------------------------------------------


def test_the_trace_has_everything(homes):
    """What the library wrote down gives just the directory that there is: nothing was done past it."""
    for lane in LANES:
        with homes.on("here", lane) as home:
            assert home.traced()
            objects = home.send_round(random.Random(lane))
            assert home.faults(objects) == []
            assert home.stop("yq-storescp") == 0
            replay = powercut.Replay(home.before, powercut.read_trace(home.trace))
            assert powercut.names_and_bytes(replay.now()) == powercut.names_and_bytes(powercut.take(home.home, BESIDE))
            assert powercut.names_and_bytes(replay.now()) != powercut.names_and_bytes(home.before)


@pytest.fixture(scope="module")
def broken():
    """For what loses objects on purpose."""
    with CutHome("here") as home:
        yield home


@pytest.mark.parametrize("pattern", CONTROLS)
def test_without_a_sync_something_is_lost(broken, pattern):
    """
    The control of the whole: the same program, the same cut, the same look, and one kind of sync swallowed. What was placed before the cut has been
    synced by the store, so a cut that comes late shows nothing; then there is another one.
    """
    lane, point, mood = CONTROLS[pattern]
    broken.settings.update(LANES[lane][0])
    acknowledged = 0
    for attempt in range(8):
        assert broken.traced(point, ignore=pattern)
        objects = broken.bombard(pattern + str(attempt))
        broken.cut(STRICT, mood)
        broken.start("yq-storescp")
        await_indexed(broken)
        assert broken.stop("yq-storescp") == 0
        acknowledged += sum(one.status == 0 for one in objects)
        if broken.lost(objects):
            return
    assert acknowledged > 0
    raise AssertionError(f"without {pattern} nothing was lost")
