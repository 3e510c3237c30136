"""PostgreSQL away while four senders are at work: stopped, killed, not answering, out of room. Every object is taken at once, what waits is
shown, nothing is lost when yq-storescp is restarted meanwhile, and when the ledger is back it catches up by itself, in batches."""
import contextlib
import itertools
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
from dicomraw import Rejected  # noqa: E402
from installation import PATIENCE_S, TREE, Installation  # noqa: E402
from receiving import Sent, assert_sound, associate, await_indexed, holds, prepare, send  # noqa: E402
from senders import MIDDLE, SMALL, Sender, finish_all, join_all, make_objects, start_all  # noqa: E402

SENDERS, BATCH = 4, 20
AWAY = 75  # exit status of yqctl: try later
SETTINGS = {"YQ_POLL_INTERVAL": "200 ms", "YQ_STORE_RESERVE": "1 MiB", "YQ_LEDGER_TIMEOUT": "2 s", "YQ_INDEX_BATCH": str(BATCH)}
LIMIT = "96m"  # of the small file system: a fresh ledger takes about half of it


def until(what, condition):
    """Polls a fact outside of this process, with a limit that only a failure reaches."""
    deadline = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        threading.Event().wait(0.02)
    return value


def waiting(home):
    """(objects that status shows as waiting, exit status); the journal is shown whether the ledger answers or not."""
    done = home.yqctl("status", "--json", status=None)
    return json.loads(done.stdout)["journal"]["objects"], done.returncode


# --- the ways to be away -----------------------------------------------------------------------------------------------


class Stopped:
    shows_away = True

    def place(self, home):
        """Before the ledger is made."""

    def go(self, home):
        home.stop_ledger()

    def come(self, home):
        home.start_ledger()

    def end(self, home):
        """So that it can be stopped."""

    def remove(self, home):
        """Behind everything."""


class Killed(Stopped):
    def go(self, home):
        home.kill_ledger()


class Silent(Stopped):
    """Every process of it stands still: connections stay open, and nothing is answered."""

    def go(self, home):
        home.hold_ledger()

    def come(self, home):
        home.release_ledger()

    def end(self, home):
        home.release_ledger()


class Full(Stopped):
    """Its data lie on a small file system, in which no byte is free. PostgreSQL may end of that, and its supervisor starts it again."""

    shows_away = False  # it may still be able to read

    def place(self, home):
        self.small = home.home / "small"
        self.small.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={LIMIT},mode=755", "yq-small", self.small], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip("no file system may be mounted here: " + done.stderr.strip())
        (home.home / "pg").symlink_to(self.small / "pg")

    def go(self, home):
        with open(self.small / "filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(bytes(1 << 16))
        # Room in files that it has already is used up as well: from now on every row must find a new page, and finds none.
        with contextlib.suppress(AssertionError):
            home.sql("CREATE TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 200000)")

    def come(self, home):
        (self.small / "filler").unlink()
        if home.ledger_has_ended():
            home.start_ledger()

    def remove(self, home):
        if os.path.ismount(self.small):
            subprocess.run(["umount", self.small], check=True)


def ways(*kinds):
    return pytest.mark.parametrize("way", kinds, indirect=True, ids=lambda kind: kind.__name__.lower())


@pytest.fixture
def way(request):
    return request.param()


@pytest.fixture
def home(way):
    installation = Installation(SETTINGS, prefix="yq-away.", is_durable=True)
    try:
        way.place(installation)
        with installation:
            prepare(installation)
            yield installation
            way.end(installation)
    finally:
        way.remove(installation)
        installation.close()


# --- reception ---------------------------------------------------------------------------------------------------------


def endless(seed):
    chance = random.Random(seed)
    while True:
        yield from make_objects(chance, [SMALL, SMALL, MIDDLE, SMALL])


def began(senders):
    return sum(len(sender.objects) for sender in senders)


def send_more(senders, count):
    """Until the senders have been answered for so many more objects."""
    have = began(senders)
    until(f"{count} more objects", lambda: began(senders) >= have + count)


def batches(home):
    return [int(count) for count in re.findall(r"object_indexed objects=(\d+)", home.log("yq-storescp"))]


@ways(Stopped, Killed, Silent, Full)
def test_reception_goes_on(home, way):
    home.start("yq-storescp")
    senders = [Sender(home, endless(seed), pdv_size=16000) for seed in range(SENDERS)]
    start_all(senders)
    send_more(senders, 20)
    way.go(home)
    indexed = len(batches(home))
    send_more(senders, 120)
    objects, status = waiting(home)
    assert objects >= 60, "status does not show what waits"
    assert status == AWAY or not way.shows_away
    finish_all(senders)
    assert [sender.losses for sender in senders] == [0] * SENDERS, "an association was lost"
    sent = [one for sender in senders for one in sender.objects]
    assert {one.status for one in sent} == {0}, "an object was refused"

    # A restart, orderly and not, has nobody refused and loses nothing; devices are known from the snapshot.
    for end in (home.stop, home.kill):
        before, _ = waiting(home)
        end("yq-storescp")
        home.start("yq-storescp")
        again = Sender(home, make_objects(random.Random(f"again {end.__name__}"), [SMALL] * 4))
        start_all([again])
        join_all([again])
        assert ([one.status for one in again.objects], again.losses) == ([0] * 4, 0)
        sent += again.objects
        assert waiting(home)[0] >= before + 4

    way.come(home)
    assert_sound(await_indexed(home))
    assert holds(home) == {one.uid: one.sha256 for one in sent}
    assert waiting(home) == (0, 0)
    after = batches(home)[indexed:]
    assert max(after) == BATCH, f"not in batches: {after}"
    assert home.stop("yq-storescp") == 0


@ways(Stopped, Killed, Silent)
def test_a_first_start_rejects_as_transient(home, way):
    """No snapshot of devices: nobody can be known, and nobody is told that he is unknown."""
    way.go(home)
    home.start("yq-storescp")
    with pytest.raises(Rejected) as rejected:
        with associate(home, [("1.2.840.10008.1.1", ["1.2.840.10008.1.2"])]):
            pass
    assert (rejected.value.result, rejected.value.source, rejected.value.reason) == (2, 3, 1)
    way.come(home)
    one, = make_objects(random.Random("first"), [SMALL])
    sender = Sender(home, [one])
    start_all([sender])
    join_all([sender])
    assert one.status == 0


class Held:
    """A session of somebody else who keeps the table of instances for himself: the ledger is there, and cannot be written."""

    def __init__(self, home):
        self.session = subprocess.Popen([TREE / "deploy" / "ledger", "psql", "-d", "yingqiao", "-qAtX", "-v", "ON_ERROR_STOP=1"],
                                        env=home.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.session.stdin.write("BEGIN; LOCK TABLE instance IN SHARE ROW EXCLUSIVE MODE; SELECT 'held';\n")
        self.session.stdin.flush()
        assert self.session.stdout.readline() == "held\n"

    def release(self):
        self.session.communicate("ROLLBACK;\n", PATIENCE_S)


def test_status_shows_progress_while_the_ledger_catches_up(tmp_path):
    with Installation(SETTINGS, prefix="yq-away.") as home:
        prepare(home)
        home.start("yq-storescp")
        held = Held(home)
        senders = [Sender(home, make_objects(random.Random(seed), [SMALL] * 60)) for seed in range(SENDERS)]
        start_all(senders)
        join_all(senders)
        # The ledger answers and nothing gets in: status is good, and says how much waits.
        objects, status = waiting(home)
        assert (objects, status) == (60 * SENDERS, 0)
        held.release()
        seen = list(itertools.takewhile(lambda left: left > 0, iter(lambda: waiting(home)[0], None)))
        assert seen == sorted(seen, reverse=True), "what waits grew again"
        assert_sound(await_indexed(home))
        assert {one.status for sender in senders for one in sender.objects} == {0}
        assert batches(home)[-1] <= BATCH and max(batches(home)) == BATCH


def nameless():
    """Whole and readable, and of no study: C000, and kept for people."""
    dataset = dicomgen.ct(dicomgen.Study(), size=16)
    del dataset[0x0020000D]
    return Sent(dataset)


def test_what_has_to_be_set_apart_holds_up_nobody(tmp_path):
    with Installation(SETTINGS, prefix="yq-away.") as home:
        prepare(home)
        home.start("yq-storescp")
        assert send(home, [first := Sent(dicomgen.ct(dicomgen.Study(), size=16))]) and first.status == 0
        await_indexed(home)
        home.stop_ledger()
        refused = [nameless() for _ in range(300)]  # more than the placer takes at once
        assert send(home, refused) and {one.status for one in refused} == {0xC000}
        taken = [Sent(dicomgen.ct(dicomgen.Study(), size=16)) for _ in range(20)]
        assert send(home, taken) and {one.status for one in taken} == {0}
        until("all of them placed", lambda: sum(path.is_file() for path in (home.home / "store").rglob("*")) == len(taken) + 1)
        assert home.yqctl("status", "--json", status=None).returncode == AWAY, "and the ledger is still away"
        home.start_ledger()
        until("all of them set apart", lambda: home.sql("SELECT count(*) FROM quarantine WHERE state = 'open'") == [[str(len(refused))]])
        assert_sound(await_indexed(home), len(refused))
        assert holds(home) == {one.uid: one.sha256 for one in [first, *taken]}
