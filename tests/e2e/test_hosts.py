"""Several receivers: two processes on one YQ_HOME, two hosts on one store and ledger, and what the ledger says of them."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
from hosts import Door, Host, await_true, host_row, locked  # noqa: E402
from installation import Installation  # noqa: E402
from receiving import Sent, assert_sound, await_indexed, holds, prepare, send  # noqa: E402

SETTINGS = {"YQ_POLL_INTERVAL": "100 ms", "YQ_STORE_RESERVE": "1 MiB", "YQ_JOURNAL_RING": "8 MiB"}
TEMPORARY, CONFLICT, NOT_FOUND = 75, 69, 66


@pytest.fixture
def home():
    with Installation(SETTINGS) as installation:
        prepare(installation)
        yield installation


def push(door, count):
    """Sends so many objects and sees them acknowledged."""
    study = dicomgen.Study()
    objects = [Sent(dicomgen.ct(study, number=number)) for number in range(count)]
    assert send(door, objects) and [one.status for one in objects] == [0] * count
    return objects


def test_two_receivers_share_a_home_and_one_carries_on_for_a_dead_one(home):
    home.start("yq-storescp")
    second = Door(home)
    sent = push(home, 2) + push(second, 2)
    assert_sound(await_indexed(home))
    told = ("state", "slots", "waiting_objects", "unplaced_objects")
    await_true("both slots in the ledger, and nothing waits", lambda: (row := host_row(home)) and [row[one] for one in told] == ["reporting", 2, 0, 0])
    home.stop_ledger()
    sent += push(home, 3) + push(second, 4)
    home.kill("yq-storescp")
    for _ in range(5):  # while the other one takes the slot over
        shown = home.yqctl("status", "--json", status=None)
        assert shown.returncode == TEMPORARY and '"objects": 7' in shown.stdout, shown.stdout
    said = home.yqctl("status", status=None).stdout
    assert "7 objects" in said and "waits until the ledger is back" in said, said
    home.start_ledger()
    assert_sound(await_indexed(home))
    assert holds(home) == {one.uid: one.sha256 for one in sent}
    row = await_true("the slot of the dead one is given back", lambda: (row := host_row(home)) and row["waiting_objects"] == 0 and row["slots"] == 1 and row)
    assert row["state"] == "reporting"


def test_two_hosts_on_one_store_and_ledger_tell_what_only_they_have(home):
    with Host(home, {"YQ_STORE": f"file:{home.home}/store"}) as other:
        home.start("yq-storescp")
        other.start("yq-storescp")
        with locked(home, "instance"):
            sent = push(home, 3) + push(other, 2)
            for host, count in [(home, 3), (other, 2)]:
                row = await_true(f"{count} objects that wait", lambda: (row := host_row(host)) and row["waiting_objects"] == count and row, host)
                assert row["state"] == "reporting" and row["waiting_peak"] == count and row["oldest_at"]
                assert row["waiting_bytes"] > sum(len(one.bytes) for one in sent[:count]) * 0.9
                assert row["unplaced_objects"] <= count and row["store_path"] == str(home.home / "store")
                assert 0 < row["store_free_bytes"] < row["store_total_bytes"] and row["journal_state"] == "fine"
            assert host_row(home)["id"] != host_row(other)["id"]
            refused = home.yqctl("host", "forget", host_row(home)["id"], "--reason", "x", status=CONFLICT)
            assert refused == ""
            other.kill("yq-storescp")
            home.sql(f"UPDATE host SET reported_at = yq_now() - interval '1 h' WHERE host_id = '{host_row(other)['id']}'")
            assert [row["state"] for row in home.yqctl("host", "list", json=True)] == ["stranded", "reporting"]
            said = home.yqctl("status")
            assert "STRANDED" in said and "waiting 2" in said and "only there" in said, said
            home.sql(f"UPDATE host SET waiting_peak = 50 WHERE host_id = '{host_row(home)['id']}'")
            assert "catching up: 47 of 50 done (94 %)" in home.yqctl("status")
        other.start("yq-storescp")
        await_indexed(home)
        assert_sound(await_indexed(other))
        assert holds(home) == {one.uid: one.sha256 for one in sent}
        await_true("both have nothing left", lambda: [row["waiting_objects"] for row in home.yqctl("host", "list", json=True)] == [0, 0])
        assert host_row(other)["state"] == "reporting" and host_row(other)["waiting_peak"] == 0
        other.stop("yq-storescp")
        gone = host_row(other)
        assert (gone["state"], gone["slots"]) == ("stopped", 0)
        home.yqctl("host", "forget", gone["id"], "--reason", "机器报废")
        assert host_row(other) is None
        home.yqctl("host", "forget", gone["id"], "--reason", "x", status=NOT_FOUND)
        trail = home.sql(f"SELECT actor_kind, detail->>'reason', detail->>'waiting_objects' FROM audit WHERE action = 'host.forget' AND subject = '{gone['id']}'")
        assert trail == [["operator", "机器报废", "0"]]


def test_a_host_that_falls_silent_is_not_taken_for_an_empty_one(home):
    home.start("yq-storescp")
    row = await_true("a report", lambda: host_row(home))
    home.kill("yq-storescp")
    home.sql("UPDATE host SET reported_at = yq_now() - interval '1 min'")
    assert host_row(home)["state"] == "silent"
    assert "what it acknowledged since then is not known" in home.yqctl("status")
    home.start("yq-storescp")
    again = await_true("a new report", lambda: (row := host_row(home)) and row["state"] == "reporting" and row)
    assert again["id"] == row["id"], "a home keeps its id"
