"""Reports go back to the site's own destination: DCMTK's storescp, which is away, comes back, dies in the middle, refuses."""
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from installation import BUILD, Installation  # noqa: E402
from returning import PATIENCE_S, QUICK, Site  # noqa: E402

PRIVATE_SOP_CLASS = "1.2.826.0.1.3680043.10.1.9"


@pytest.fixture(scope="module")
def one_site():
    with Installation(QUICK) as home:
        site = Site(home)
        try:
            yield site
        finally:
            site.clear()


@pytest.fixture
def site(one_site):
    yield one_site
    one_site.clear()


def test_a_destination_that_is_away_gets_the_report_when_it_is_back(site):
    peer = site.add_peer()
    report, wanted = site.add_report()
    site.home.start("yq-router")
    rows = site.await_state(report, "waiting")
    assert rows[0][2], "no reason is given"
    peer.start()
    site.await_state(report, "delivered")
    assert peer.holds() == wanted
    assert site.receipts(report) == [["delivered"]]


def test_what_was_confirmed_is_not_sent_again_when_the_peer_dies_in_between(site):
    peer = site.add_peer()
    report, wanted = site.add_report()
    peer.start("--sleep-after", "2")
    site.home.start("yq-router")
    until = time.monotonic() + PATIENCE_S
    # The first object is stored and its answer sent; the second is on its way or waits for its turn.
    while list(site.items(report).values()).count("confirmed") != 1:
        assert time.monotonic() < until
    peer.end(signal.SIGKILL)
    site.await_state(report, "waiting", "verifying")
    first = next(uid for uid, state in site.items(report).items() if state == "confirmed")
    shutil.rmtree(peer.folder)
    peer.folder.mkdir()
    peer.start()
    site.await_state(report, "delivered")
    assert peer.holds() == {uid: digest for uid, digest in wanted.items() if uid != first}, "only the other one came again"


@pytest.mark.parametrize("point", ["delivery_create", "delivery_claimed", "delivery_item_sent", "delivery_item_settled", "delivery_settle",
                                   "delivery_settled"])
def test_a_router_that_is_killed_leaves_nothing_undone_and_nothing_twice(site, point):
    peer = site.add_peer()
    peer.start()
    report, wanted = site.add_report()
    site.home.start("yq-router", YQ_KILL_AT=point)
    assert site.home.wait_ended("yq-router") == -signal.SIGKILL
    site.home.start("yq-router")
    rows = site.await_state(report, "delivered")
    assert len(rows) == 1
    assert peer.holds() == wanted
    assert site.receipts(report) == [["delivered"]]


def test_a_peer_that_rejects_every_association_rests_with_its_reason_and_holds_up_nobody(site):
    rejecting, good = site.add_peer(), site.add_peer()
    rejecting.start("--refuse")
    good.start()
    report, wanted = site.add_report()
    site.home.start("yq-router")
    rows = site.await_state(report, "waiting", "delivered")
    assert sorted(row[0] for row in rows) == ["delivered", "waiting"]
    assert "reject" in next(row[2] for row in rows if row[0] == "waiting").lower()
    assert good.holds() == wanted
    (failures, is_resting, error), = site.home.sql(f"""SELECT failures > 0, resting_until IS NOT NULL, last_error FROM destination
        WHERE port = {rejecting.port} AND is_enabled""")
    assert (failures, is_resting) == ("t", "t") and "reject" in error.lower()
    rejecting.end()
    rejecting.start()
    site.await_state(report, "delivered")
    assert rejecting.holds() == wanted


def test_an_object_that_the_peer_does_not_take_is_refused_and_the_others_arrive(site):
    peer = site.add_peer()
    peer.start()
    report, wanted = site.add_report(sop_class=PRIVATE_SOP_CLASS)
    site.home.start("yq-router")
    rows = site.await_state(report, "quarantined")
    assert "does not accept" in rows[0][2]
    states = site.items(report)
    assert sorted(states.values()) == ["confirmed", "refused"]
    assert peer.holds().keys() == {uid for uid, state in states.items() if state == "confirmed"}
    assert len(peer.holds()) == 1 and peer.holds().items() <= wanted.items()
    assert site.receipts(report) == []


def test_two_routers_share_the_work(site):
    peer = site.add_peer()
    reports = [site.add_report() for _ in range(6)]
    site.home.start("yq-router")
    second = site.home.environment()
    other = subprocess.Popen([BUILD / "bin" / "yq-router"], env=second, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    try:
        peer.start()
        for report, _ in reports:
            assert len(site.await_state(report, "delivered")) == 1
    finally:
        other.terminate()
        assert other.wait(PATIENCE_S) == 0
    wanted = {}
    for _, objects in reports:
        wanted.update(objects)
    assert peer.holds() == wanted
    assert all(site.receipts(report) == [["delivered"]] for report, _ in reports)


def test_the_ledger_restarts_while_a_report_is_sent(site):
    peer = site.add_peer()
    peer.start("--sleep-after", "1")
    report, wanted = site.add_report()
    site.home.start("yq-router")
    site.await_state(report, "sending", "delivered")
    site.home.restart_ledger()
    site.await_state(report, "delivered")
    assert peer.holds() == wanted
    assert site.receipts(report) == [["delivered"]]


def test_a_held_destination_rests_until_it_is_released(site):
    peer = site.add_peer()
    peer.start()
    destination = next(row["id"] for row in site.home.yqctl("destination", "list", json=True) if row["port"] == peer.port)
    site.home.yqctl("destination", "hold", destination, "--reason", "机房停电")
    report, wanted = site.add_report()
    site.home.start("yq-router")
    site.await_state(report, "pending")
    # Another destination shows that the router had its turn.
    other = site.add_peer()
    other.start()
    second, more = site.add_report()
    until = time.monotonic() + PATIENCE_S
    while ["delivered"] not in [row[:1] for row in site.deliveries(second)]:
        assert time.monotonic() < until
    assert peer.holds() == {} and site.deliveries(report)[0][0] == "pending"
    site.home.yqctl("destination", "release", destination)
    site.await_state(report, "delivered")
    site.await_state(second, "delivered")
    assert peer.holds() == {**wanted, **more}
