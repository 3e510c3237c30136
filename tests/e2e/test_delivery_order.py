"""Who goes first at a destination, seen at the peer: the urgent overtake at the next object, equals take turns, hours, rate and hold are kept."""
import pathlib
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from installation import Installation  # noqa: E402
from returning import PATIENCE_S, QUICK, Peer, Site  # noqa: E402
from wanlink import WanLink  # noqa: E402

# One connection of each delivery, so that what is sent is what the test counts.
SETTINGS = {**QUICK, "YQ_DELIVERY_WORKERS": "1", "YQ_DELIVERY_CONNECTIONS": "1", "YQ_DELIVERY_TURN": "300 ms", "YQ_DELIVERY_PAUSE": "1 s"}
OBJECT = 100_000


@pytest.fixture(scope="module")
def one_site():
    with Installation(SETTINGS) as home:
        site = Site(home)
        try:
            yield site
        finally:
            site.clear()


@pytest.fixture
def site(one_site):
    yield one_site
    one_site.clear()


@pytest.fixture
def slow(site):
    """A peer behind a link on which an object of a study takes a fifth of a second."""
    peer = Peer(site.home.home / f"peer{time.monotonic_ns()}", "--fork")
    site.peers.append(peer)
    peer.start()
    with WanLink(peer.port, mbit=4) as link:
        peer.link = link
        site.add_destination(link.port)
        yield peer
        site.home.kill("yq-router")


def row(site, delivery):
    return site.home.sql(f"""SELECT d.state, (SELECT count(*) FROM delivery_item i WHERE i.delivery_id = d.delivery_id AND i.state = 'confirmed'),
        (SELECT string_agg(a.outcome, ',' ORDER BY a.number) FROM delivery_attempt a WHERE a.delivery_id = d.delivery_id), d.last_error, d.proof, d.proof_note
        FROM delivery d WHERE d.public_id = '{delivery}'""")[0]


def await_that(is_so, what):
    until = time.monotonic() + PATIENCE_S
    while not (found := is_so()):
        assert time.monotonic() < until, what
        threading.Event().wait(0.05)  # what is awaited stands in the ledger
    return found


def order(site, *deliveries):
    """In which they were delivered."""
    listed = ",".join(f"'{one}'" for one in deliveries)
    return [found for found, in site.home.sql(f"SELECT public_id FROM delivery WHERE public_id IN ({listed}) ORDER BY delivered_at")]


def test_an_emergency_overtakes_a_running_study_at_the_next_object_and_nothing_is_lost(site, slow):
    large, wanted = site.add_study([OBJECT] * 10)
    small, more = site.add_study([OBJECT] * 2)
    routine = site.forward(large, slow.link.port, 2)
    site.home.start("yq-router")
    await_that(lambda: row(site, routine)[1] not in ("0", "10"), "the large one does not begin")
    emergency = site.forward(small, slow.link.port, 0)
    await_that(lambda: row(site, emergency)[0] == "delivered", "the emergency does not arrive")
    # It went into a place beyond the last one, while the other paused, or in its place.
    assert int(row(site, routine)[1]) < 10, "it was not overtaken"
    await_that(lambda: row(site, routine)[0] == "delivered", "the other does not arrive")
    assert slow.holds() == {**wanted, **more}
    assert row(site, routine)[4:] == ["answers", "sent 10, acknowledged 10"]


def test_an_urgent_study_takes_the_place_of_a_routine_one(site, slow):
    large, wanted = site.add_study([OBJECT] * 10)
    small, more = site.add_study([OBJECT] * 2)
    routine = site.forward(large, slow.link.port, 2)
    site.home.start("yq-router")
    await_that(lambda: row(site, routine)[1] not in ("0", "10"), "the large one does not begin")
    urgent = site.forward(small, slow.link.port, 1)
    await_that(lambda: row(site, routine)[0] == "delivered", "the routine one does not arrive")
    assert order(site, routine, urgent) == [urgent, routine]
    assert row(site, routine)[2] == "yielded,confirmed", "it gave its place back once and went on where it was"
    assert slow.holds() == {**wanted, **more}


def test_studies_of_one_rank_take_turns(site, slow):
    large, wanted = site.add_study([OBJECT] * 8)
    routine = site.forward(large, slow.link.port)
    smaller = []
    for _ in range(2):
        study, objects = site.add_study([OBJECT])
        wanted.update(objects)
        smaller.append(site.forward(study, slow.link.port))
    site.home.start("yq-router")
    await_that(lambda: row(site, routine)[0] == "delivered", "the large one does not arrive")
    assert order(site, routine, *smaller) == [*smaller, routine]
    assert "yielded" in row(site, routine)[2]
    assert slow.holds() == wanted


def test_outside_its_hours_a_destination_gets_emergencies_alone(site, slow):
    site.home.sql(f"""SET TimeZone = 'Asia/Shanghai'; UPDATE destination SET send_windows = to_char(now() + interval '2 h', 'HH24:MI') || '-' ||
        to_char(now() + interval '3 h', 'HH24:MI') WHERE port = {slow.link.port} AND is_enabled""")
    (first, wanted), (second, more) = site.add_study([2_000]), site.add_study([2_000])
    routine, emergency = site.forward(first, slow.link.port, 1), site.forward(second, slow.link.port, 0)
    site.home.start("yq-router")
    await_that(lambda: row(site, emergency)[0] == "delivered", "the emergency does not arrive")
    assert row(site, routine)[0] == "pending" and slow.holds() == more
    site.home.sql(f"UPDATE destination SET send_windows = '00:00-24:00' WHERE port = {slow.link.port} AND is_enabled")
    await_that(lambda: row(site, routine)[0] == "delivered", "the other does not arrive")
    assert slow.holds() == {**wanted, **more}


def test_a_destination_that_is_held_stops_at_the_next_object(site, slow):
    study, wanted = site.add_study([OBJECT] * 8)
    delivery = site.forward(study, slow.link.port)
    destination = site.home.sql(f"SELECT public_id FROM destination WHERE port = {slow.link.port} AND is_enabled")[0][0]
    site.home.start("yq-router")
    await_that(lambda: row(site, delivery)[1] not in ("0", "8"), "it does not begin")
    site.home.yqctl("destination", "hold", destination, "--reason", "换线路")
    state, confirmed, *_ = await_that(lambda: row(site, delivery)[0] == "pending" and row(site, delivery), "it goes on")
    assert 0 < int(confirmed) < 8
    site.home.yqctl("destination", "release", destination)
    await_that(lambda: row(site, delivery)[0] == "delivered", "it does not arrive")
    assert slow.holds() == wanted


def test_a_rate_holds_for_all_connections_and_is_waited_for(site, slow):
    """An object of 100 kB at 20 kB a second: the first second is free, the rest is waited for, and an emergency does not wait for the debt of others."""
    site.home.sql(f"UPDATE destination SET rate_kbit = 160 WHERE port = {slow.link.port} AND is_enabled")
    (first, wanted), (second, more), (third, last) = site.add_study([OBJECT] * 2), site.add_study([2_000]), site.add_study([2_000])
    routine = site.forward(first, slow.link.port)
    site.home.start("yq-router")
    await_that(lambda: row(site, routine)[1] == "1", "it does not begin")
    after, emergency = site.forward(second, slow.link.port), site.forward(third, slow.link.port, 0)
    await_that(lambda: row(site, emergency)[0] == "delivered", "the emergency does not arrive")
    assert row(site, routine)[1] == "1" and row(site, after)[0] == "pending", "the rate was not kept"
    await_that(lambda: row(site, routine)[0] == row(site, after)[0] == "delivered", "the others do not arrive")
    assert slow.holds() == {**wanted, **more, **last}
