"""yq-storescp killed with SIGKILL at every named point of reception, and PostgreSQL away meanwhile: what the client was told stays true."""
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
from installation import Installation  # noqa: E402
from receiving import Sent, assert_sound, await_indexed, holds, prepare, read_back, send  # noqa: E402

# Points on the way to the answer, and points behind it; :N is the N-th time that the program comes by.
BEHIND = ["intake-before-place", "intake-before-place:4", "store-before-link", "store-after-link:2", "intake-after-place",
          "intake-before-backlog", "intake-after-backlog", "intake-before-free", "intake-after-free", "intake-before-index",
          "intake-after-index", "intake-before-forget", "intake-after-forget"]
RING = ["intake-after-begin:3", "intake-in-append:3", "intake-before-data-sync:3", "intake-after-data-sync:3", "intake-after-commit:3"]
PARTS = RING + ["intake-after-record-write:3", "intake-after-record-sync:3"]
LANES = [("32 MiB", point) for point in RING + BEHIND] + [("0 B", point) for point in PARTS + BEHIND]


@pytest.fixture(scope="module")
def home():
    with Installation({"YQ_POLL_INTERVAL": "100 ms", "YQ_STORE_RESERVE": "1 MiB"}) as installation:
        prepare(installation)
        yield installation


def study(count=6):
    """Objects of one new study; the sixth is the first one again."""
    about = dicomgen.Study(name="CHEN^MEI=陈^梅", patient_id="TS-" + dicomgen.new_uid()[-8:])
    series = dicomgen.new_uid()
    objects = [Sent(dicomgen.ct(about, series_uid=series, number=number, size=32)) for number in range(1, count)]
    again = Sent.__new__(Sent)
    again.__dict__.update(objects[0].__dict__, status=None)
    return objects + [again]


def assert_true_to_word(home, objects):
    held = holds(home)
    for one in objects:
        if one.status == 0:
            assert held.get(one.uid) == one.sha256, "acknowledged and not there"
        if one.uid in held:
            assert held[one.uid] == one.sha256, "there with other bytes"
            assert read_back(home, one.uid) == one.bytes


@pytest.mark.parametrize("ring,point", LANES)
def test_killed_at(home, ring, point):
    home.settings["YQ_JOURNAL_RING"] = ring
    before = len(holds(home))
    objects = study()
    home.start("yq-storescp", YQ_KILL_AT=point)
    send(home, objects)
    assert home.wait_ended("yq-storescp") == -signal.SIGKILL

    home.start("yq-storescp")
    assert_sound(await_indexed(home))
    assert_true_to_word(home, objects)
    # A modality sends again what was not answered; then everything is there, once.
    for one in objects:
        one.status = None
    assert send(home, objects)
    assert [one.status for one in objects] == [0] * len(objects)
    assert_sound(await_indexed(home))
    assert_true_to_word(home, objects)
    assert len(holds(home)) == before + len(objects) - 1
    assert home.stop("yq-storescp") == 0
    assert not list((home.home / "journal").glob("slot-*/*.*")), "something is left in the journal"


@pytest.mark.parametrize("answers", [1, 4, 9])
def test_killed_between_two_answers(home, answers):
    objects = study(12)
    home.start("yq-storescp")
    process = home.running["yq-storescp"]
    told = []

    def kill_in_time(one):
        told.append(one)
        if len(told) == answers:
            process.send_signal(signal.SIGKILL)

    assert not send(home, objects, kill_in_time)
    home.wait_ended("yq-storescp")
    home.start("yq-storescp")
    assert_sound(await_indexed(home))
    assert sum(one.status == 0 for one in objects) >= answers
    assert_true_to_word(home, objects)
    home.stop("yq-storescp")


def test_received_and_killed_while_the_ledger_is_away(home):
    objects, later = study(), study()
    home.start("yq-storescp")
    home.stop_ledger()
    try:
        assert send(home, objects)
        assert [one.status for one in objects] == [0] * len(objects), "reception needs the ledger"
        home.kill("yq-storescp")
        home.start("yq-storescp")
        assert send(home, later)
        assert [one.status for one in later] == [0] * len(later)
        home.kill("yq-storescp")
    finally:
        home.start_ledger()
    home.start("yq-storescp")
    assert_sound(await_indexed(home))
    assert_true_to_word(home, objects + later)
    home.stop("yq-storescp")


def test_a_client_that_vanishes_leaves_nothing(home):
    from receiving import associate
    one = study()[0]
    before = holds(home)
    home.start("yq-storescp")
    for sent in (0, 100, len(one.bytes) // 2, len(one.bytes) - 2):
        peer = associate(home, [(one.sop_class, [one.syntax])])
        peer.store(one.sop_class, one.uid, one.bytes, one.syntax, pdv_size=512, stop_after=sent)
    peer = associate(home, [(one.sop_class, [one.syntax])])
    peer.store_begin(one.sop_class, one.uid, 1)
    peer.send_pdv(1, one.bytes[:400], False, False)
    peer.abort()
    assert send(home, study())  # others are served
    assert home.stop("yq-storescp") == 0
    assert one.uid not in holds(home)
    assert len(holds(home)) == len(before) + 5
    assert not list((home.home / "journal").glob("slot-*/*.part"))
