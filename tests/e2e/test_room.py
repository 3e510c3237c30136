"""Watermarks on a file system of its own: warned of, refused with A700 before the disk is full, said everywhere, and over by itself."""

import contextlib
import os
import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
from hosts import Door, Host, await_true, host_row, small_file_system  # noqa: E402
from installation import Installation  # noqa: E402
from receiving import Sent, assert_sound, associate, await_indexed, holds, prepare, send  # noqa: E402
from scene import PASSWORD, PASSWORD_HASH  # noqa: E402

MIB = 1 << 20
NO_ROOM = 0xA700
SIZE, BALLAST, RESERVE, WARN = 64 * MIB, 20 * MIB, 16 * MIB, 28 * MIB
QUICK = {"YQ_POLL_INTERVAL": "100 ms", "YQ_JOURNAL_RING": "4 MiB"}
IN_BYTES = {"YQ_STORE_RESERVE": f"{RESERVE} B", "YQ_STORE_WARN": f"{WARN} B"}
IN_PERCENT = {"YQ_STORE_RESERVE": "0 B", "YQ_STORE_RESERVE_PERCENT": "25", "YQ_STORE_WARN_PERCENT": "44"}

KEEPER = f"""
INSERT INTO person (account, name, password_hash, institution_id, seat_id) SELECT 'keeper', 'keeper', '{PASSWORD_HASH}', site_id, site_id FROM site;
INSERT INTO person_right (person_id, role, scope_id) SELECT person_id, 'operator', seat_id FROM person;
"""


@pytest.fixture
def first():
    with Installation(QUICK) as installation:
        prepare(installation)
        installation.sql(KEEPER)
        yield installation


def lay(first, layout, stack):
    """A host with store, journal or both on the small file system, which something else fills in part."""
    if layout == "store":
        small = stack.enter_context(small_file_system(SIZE // MIB))
        host = stack.enter_context(Host(first, {**IN_BYTES, "YQ_STORE": f"file:{small}"}))
    else:
        host = stack.enter_context(Host(first, IN_BYTES if layout == "journal" else IN_PERCENT))
        small = stack.enter_context(small_file_system(SIZE // MIB, host.home / "journal" if layout == "journal" else host.home))
        (host.home / "log").mkdir(exist_ok=True)
        stack.callback(host.close)  # before its file system goes
    occupy(small, BALLAST)
    return host, small


def occupy(small, size):
    (small / "ballast").write_bytes(bytes(size))


def free(small):
    info = os.statvfs(small)
    return info.f_bavail * info.f_frsize


def new_object(size=512):
    return Sent(dicomgen.ct(dicomgen.Study(), size=size))


def told(host, program="yq-storescp"):
    return re.findall(r"room_state what=(\w+) state=(\w+)", host.log(program))


def fill(host):
    """Sends until one is refused; returns those that were acknowledged."""
    acknowledged = []
    for _ in range(2 * SIZE // MIB):
        one = new_object()
        assert send(host, [one])
        if one.status:
            assert one.status == NO_ROOM, hex(one.status)
            return acknowledged
        acknowledged.append(one)
    raise AssertionError(f"nothing was refused, {len(acknowledged)} objects were taken")


def assert_said_everywhere(host, areas):
    """areas: the states of store and journal."""
    shown = host.yqctl("status", json=True)["room"]
    assert (shown["state"], shown["store"]["state"], shown["journal"]["state"]) == ("full", *areas)
    assert "objects are refused" in host.yqctl("status")
    row = await_true("the ledger knows", lambda: (row := host_row(host)) and "full" in (row["store_state"], row["journal_state"]) and row, host)
    assert (row["store_state"], row["journal_state"]) == areas
    assert host.sql(f"SELECT count(*) > 0 FROM event WHERE kind = 'host.room' AND subject_id = '{row['id']}'") == [["t"]]
    # What a report of the host sees before its watch does is on the audit with the next turn of the watch.
    noted = await_true("the audit knows", lambda: host.sql(
        f"SELECT outcome FROM audit WHERE action = 'host.room' AND subject = '{row['id']}' AND detail->>'state' = 'full'"), host)
    assert noted == [["refused"]]
    api = host.api()
    metrics = api.get("/metrics").body.decode()
    number = {"fine": 0, "low": 1, "full": 2}
    for area, state in zip(("store", "journal"), areas):
        assert f'yq_room_state{{of="{area}"}} {number[state]}\n' in metrics, metrics
    api.login("keeper", PASSWORD)
    page = api.get("/api/v1/operations").body
    assert page["store"]["is_refusing"] and page["room"]["state"] == "full" and page["room"]["store"]["state"] == areas[0]
    assert [one["id"] for one in page["hosts"]] == [row["id"]]


@pytest.mark.parametrize("layout", ["both", "store"])
def test_a_sender_that_fills_the_disk_is_refused_in_time_and_taken_again_when_there_is_room(first, layout):
    with contextlib.ExitStack() as stack:
        host, small = lay(first, layout, stack)
        host.start("yq-storescp", "yq-gateway")
        acknowledged = fill(host)
        assert len(acknowledged) > 20 and free(small) > RESERVE - MIB, (len(acknowledged), free(small))
        what = "store_and_journal" if layout == "both" else "store"
        # Of two threads that see a change one writes the line, perhaps behind the answer of the other.
        await_true("the log says so", lambda: (what, "full") in told(host), host)
        assert told(host) == [(what, "low"), (what, "full")], "once each"
        assert_said_everywhere(host, ("full", "full" if layout == "both" else "fine"))
        second = Door(host)
        refused = new_object()
        assert send(second, [refused]) and refused.status == NO_ROOM, "every door says the same"
        with associate(host, [("1.2.840.10008.1.1", ["1.2.840.10008.1.2"])]) as peer:
            assert peer.echo() == 0, "reception itself is well"
        assert_sound(await_indexed(host))
        assert holds(host) == {one.uid: one.sha256 for one in acknowledged}
        (small / "ballast").unlink()
        await_true("the log says so", lambda: told(host)[-1] == (what, "fine"), host)
        again = new_object()
        assert send(host, [again]) and again.status == 0 and send(second, [refused]) and refused.status == 0
        await_true("the ledger knows", lambda: host_row(host)["store_state"] == "fine", host)
        assert_sound(await_indexed(host))
        assert holds(host) == {one.uid: one.sha256 for one in [*acknowledged, again, refused]}
        assert told(host) == [(what, "low"), (what, "full"), (what, "fine")], "once each"


def test_a_journal_without_room_refuses_while_the_store_has_plenty(first):
    with contextlib.ExitStack() as stack:
        host, small = lay(first, "journal", stack)
        host.start("yq-storescp", "yq-gateway")
        kept = new_object()
        assert send(host, [kept]) and kept.status == 0
        occupy(small, SIZE - RESERVE)
        refused = new_object()
        assert send(host, [refused]) and refused.status == NO_ROOM
        assert_said_everywhere(host, ("fine", "full"))
        (small / "ballast").unlink()
        assert send(host, [refused]) and refused.status == 0
        assert_sound(await_indexed(host))
        assert holds(host) == {one.uid: one.sha256 for one in [kept, refused]}
        await_true("the log says so", lambda: told(host)[-1] == ("journal", "fine"), host)
        assert ("journal", "full") in told(host) and all(what == "journal" for what, _ in told(host))


def test_one_object_larger_than_the_room_leaves_no_trace(first):
    with contextlib.ExitStack() as stack:
        host, small = lay(first, "both", stack)
        host.start("yq-storescp")
        warm = new_object()
        assert send(host, [warm]) and warm.status == 0
        assert_sound(await_indexed(host))
        before = free(small)
        dataset = dicomgen.ct(dicomgen.Study())
        dataset.put(0x7FE00010, "OW", bytes(SIZE))
        large = Sent(dataset)
        assert send(host, [large]) and large.status == NO_ROOM
        assert "less room than the reserve is left" in host.log("yq-storescp"), "refused by a full disk, which is too late"
        await_true("its room comes back", lambda: abs(free(small) - before) < MIB // 2, host)
        assert holds(host) == {warm.uid: warm.sha256}
        assert send(host, [small_one := new_object()]) and small_one.status == 0


def test_the_ring_leaves_the_last_room_to_the_objects_and_grows_when_there_is_more(first):
    with contextlib.ExitStack() as stack:
        host, small = lay(first, "journal", stack)
        host.start("yq-storescp")
        assert free(small) > RESERVE + 4 * MIB, "room for the ring itself, but not for eight times as much"
        taken = [new_object() for _ in range(3)]
        assert send(host, taken) and not any(one.status for one in taken)
        assert_sound(await_indexed(host))
        ring = small / "slot-0000" / "ring"
        assert not ring.exists(), f"{ring.stat().st_size} bytes of the last room"
        (small / "ballast").unlink()
        late = new_object()
        assert send(host, [late]) and late.status == 0
        await_true("the ring has grown", lambda: ring.exists() and ring.stat().st_size >= 4 * MIB, host)
        assert_sound(await_indexed(host))
        assert holds(host) == {one.uid: one.sha256 for one in [*taken, late]}
