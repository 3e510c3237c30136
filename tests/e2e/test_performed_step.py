"""Modality performed procedure steps (PS3.4 annex F.7): what is accepted, what is refused with which status, and what the study learns."""
import pathlib
import struct
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
import receiving  # noqa: E402
from installation import Installation  # noqa: E402
from procedures import CREATE, MPPS, SET, Asking, element, step  # noqa: E402
from test_commitment import await_state, pairs, send, state_of  # noqa: E402

QUICK = {"YQ_POLL_INTERVAL": "200 ms", "YQ_QUIET_DEFAULT": "2 s"}


@pytest.fixture(scope="module")
def home():
    with Installation(QUICK) as home:
        receiving.prepare(home)
        home.start("yq-storescp", "yq-router")
        yield home


def begin(home, study, instance=None):
    """IN PROGRESS; returns the instance."""
    instance = instance or dicomgen.new_uid()
    with Asking(home) as peer:
        assert peer.status(CREATE, MPPS, instance, step("IN PROGRESS", study.study_uid, "A1")) == 0
    return instance


def row_of(home, instance):
    return next(one for one in home.yqctl("mpps", "list", json=True) if one["sop_instance_uid"] == instance)


def test_the_end_of_the_examination_completes_the_study(home):
    study = dicomgen.Study()
    instance = begin(home, study)
    assert (row_of(home, instance)["state"], row_of(home, instance)["accession_number"]) == ("in_progress", "A1")
    _, objects = send(home, 2, study)
    with Asking(home) as peer:
        assert peer.status(SET, MPPS, instance, step("COMPLETED", images=pairs(objects))) == 0
    await_state(lambda: state_of(home, study), "complete")
    assert (row_of(home, instance)["named"], row_of(home, instance)["here"], row_of(home, instance)["series"]) == (2, 2, 1)
    assert home.sql(f"SELECT count(*) FROM mpps WHERE sop_instance_uid = '{instance}' AND state = 'completed'") == [["1"]]


def test_what_it_lists_is_waited_for_whenever_it_comes(home):
    study = dicomgen.Study()
    instance = begin(home, study)
    _, objects = send(home, 1, study)
    late = receiving.Sent(dicomgen.ct(study, number=2))
    with Asking(home) as peer:
        assert peer.status(SET, MPPS, instance, step("COMPLETED", images=pairs([*objects, late]))) == 0
    receiving.await_indexed(home)
    # Another study, sent afterwards, is complete by its silence: this one is not, it misses an image.
    other, _ = send(home, 1)
    await_state(lambda: state_of(home, other), "complete")
    assert state_of(home, study) == "receiving"
    assert row_of(home, instance)["here"] == 1
    assert receiving.send(home, [late]) and late.status == 0
    await_state(lambda: state_of(home, study), "complete")


def test_without_a_list_its_word_alone_counts(home):
    study = dicomgen.Study()
    instance = begin(home, study)
    send(home, 1, study)
    receiving.await_indexed(home)
    with Asking(home) as peer:
        assert peer.status(SET, MPPS, instance, step("COMPLETED")) == 0
    await_state(lambda: state_of(home, study), "complete")


def test_the_instance_may_be_left_to_us(home):
    study = dicomgen.Study()
    with Asking(home) as peer:
        rows = peer.ask(CREATE, MPPS, None, step("IN PROGRESS", study.study_uid))
        assert struct.unpack("<H", rows[0x0900])[0] == 0
        instance = rows[0x1000].rstrip(b"\0").decode()
        assert peer.status(SET, MPPS, instance, step("DISCONTINUED")) == 0
    assert row_of(home, instance)["state"] == "discontinued"


@pytest.mark.parametrize("ended", ["COMPLETED", "DISCONTINUED"])
def test_what_has_ended_is_never_changed(home, ended):
    study = dicomgen.Study()
    instance = begin(home, study)
    with Asking(home) as peer:
        assert peer.status(SET, MPPS, instance, step("IN PROGRESS")) == 0
        assert peer.status(SET, MPPS, instance, step(ended)) == 0
        for status in ("IN PROGRESS", "COMPLETED", "DISCONTINUED"):
            assert peer.status(SET, MPPS, instance, step(status)) == 0x0110
    assert row_of(home, instance)["state"] == ended.lower()


@pytest.mark.parametrize("what, want", [
    ("begins ended", 0x0106), ("no status", 0x0120), ("twice", 0x0111), ("unknown instance", 0x0112), ("unknown status", 0x0106),
    ("bad study", 0x0106), ("bad instance", 0x0115), ("no dataset", 0x0120), ("cut", 0x0115)])
def test_what_is_wrong_is_refused_with_its_status(home, what, want):
    study, instance, field = dicomgen.Study(), dicomgen.new_uid(), CREATE
    body = step("IN PROGRESS", study.study_uid)
    if what == "begins ended":
        body = step("COMPLETED", study.study_uid)
    elif what == "no status":
        body = element(0x00080060, "CS", "DX")
    elif what == "twice":
        begin(home, study, instance)
    elif what == "unknown instance":
        field, body = SET, step("COMPLETED")
    elif what == "unknown status":
        begin(home, study, instance)
        field, body = SET, step("PAUSED")
    elif what == "bad study":
        body = step("IN PROGRESS", "ZHANG^SAN")
    elif what == "bad instance":
        instance = "ZHANG^SAN"
    elif what == "no dataset":
        body = None
    elif what == "cut":
        body = body[:-2]
    with Asking(home) as peer:
        assert peer.status(field, MPPS, instance, body) == want
        assert peer.status(CREATE, MPPS, dicomgen.new_uid(), step("IN PROGRESS", study.study_uid)) == 0
    assert "ZHANG" not in home.log("yq-storescp")


def test_without_the_ledger_it_is_refused_for_now(home):
    study = dicomgen.Study()
    with Asking(home) as peer:
        home.stop_ledger()
        try:
            assert peer.status(CREATE, MPPS, dicomgen.new_uid(), step("IN PROGRESS", study.study_uid)) == 0x0213
        finally:
            home.start_ledger()
