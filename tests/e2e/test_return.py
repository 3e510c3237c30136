"""Reports go back to the site's own destination: DCMTK's storescp, which is away, comes back, dies in the middle, refuses.

What is returned here are two objects that came by C-STORE, set as SR and Encapsulated PDF of an issued report: the router returns what the
report names, and how a report is written has tests of its own.
"""
import hashlib
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
import receiving  # noqa: E402
from installation import BUILD, Installation, free_port  # noqa: E402

PATIENCE_S = 60
QUICK = {"YQ_POLL_INTERVAL": "200 ms", "YQ_DELIVERY_BACKOFF_MIN": "100 ms", "YQ_DELIVERY_BACKOFF_MAX": "400 ms",
         "YQ_DIMSE_TIMEOUT": "10 s", "YQ_ACCEPT_UNKNOWN_SOP_CLASSES": "yes"}
PRIVATE_SOP_CLASS = "1.2.826.0.1.3680043.10.1.9"

READING_ROOM = """
WITH c AS (INSERT INTO scope (kind, name) VALUES ('community', '测试医共体') RETURNING scope_id, kind),
     g AS (INSERT INTO scope (kind, name) VALUES ('grid', '测试网格') RETURNING scope_id, kind),
     l AS (INSERT INTO scope (kind, name) VALUES ('site', '测试县医院') RETURNING scope_id, kind),
     t AS (INSERT INTO site (site_id, code, licensed_type, counts_as_township_health_centre)
           SELECT scope_id, 'LEAD', 'hospital', false FROM l),
     m AS (INSERT INTO scope_membership (child_id, child_kind, parent_id, parent_kind)
           SELECT g.scope_id, 'grid', c.scope_id, 'community' FROM g, c
           UNION ALL SELECT l.scope_id, 'site', g.scope_id, 'grid' FROM l, g
           UNION ALL SELECT s.site_id, 'site', g.scope_id, 'grid' FROM site s, g WHERE s.code = 'SAMPLE'),
     p AS (INSERT INTO signing_policy (name) VALUES ('two') RETURNING policy_id),
     v AS (INSERT INTO signing_policy_version (policy_id, version, signatures, different_persons, in_force)
           SELECT policy_id, 1, 2, true, tstzrange('2000-01-01', NULL) FROM p)
INSERT INTO reading_queue (lead_site_id, policy_id, name) SELECT l.scope_id, p.policy_id, '待诊断' FROM l, p;
INSERT INTO person (account, name, password_hash, institution_id, seat_id)
SELECT 'author1', '医师', '$argon2id$none', site_id, site_id FROM site WHERE code = 'LEAD';
"""

REPORT = """
ALTER TABLE report_version DISABLE TRIGGER USER;
WITH s AS (SELECT * FROM study WHERE study_instance_uid = '%(study)s'),
     t AS (INSERT INTO reading_task (site_id, study_id, queue_id, reading_mode, patient_class, study_version)
           SELECT s.site_id, s.study_id, q.queue_id, 'central', 'outpatient', 1 FROM s, reading_queue q RETURNING *),
     r AS (INSERT INTO report (site_id, study_id, task_id) SELECT site_id, study_id, task_id FROM t RETURNING *)
INSERT INTO report_version (public_id, site_id, report_id, version, state, body, study_version, author_id, policy_version_id, canonical,
    content_sha256, sr_sop_instance_uid, pdf_sop_instance_uid, submitted_at, issued_at, settled_at)
SELECT '%(report)s', r.site_id, r.report_id, 1, 'issued', '{}', 1, p.person_id, v.policy_version_id, 'x', sha256('x'), '%(sr)s', '%(pdf)s',
       yq_now(), yq_now(), yq_now()
FROM r, person p, signing_policy_version v;
ALTER TABLE report_version ENABLE TRIGGER USER;
"""


class Peer:
    """DCMTK's storescp, keeping datasets as they come, one file a SOP instance."""

    def __init__(self, folder, *options):
        self.folder, self.options, self.port, self.process = pathlib.Path(folder), options, free_port(), None
        self.folder.mkdir()

    def start(self, *options):
        self.process = subprocess.Popen(["storescp", "-aet", "PACS", "+B", "-od", self.folder, *self.options, *options, str(self.port)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + PATIENCE_S
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert time.monotonic() < until and self.process.poll() is None, "storescp does not listen"

    def end(self, how=signal.SIGTERM):
        if self.process:
            self.process.send_signal(how)
            self.process.wait(PATIENCE_S)
            self.process = None

    def holds(self):
        """SOP instance UID -> SHA-256 of the dataset; every file."""
        found = {}
        for path in self.folder.iterdir():
            _, dataset = dicomgen.split_part10(path.read_bytes())
            uid = path.name.split(".", 1)[1]
            assert uid not in found, "an object is there twice"
            found[uid] = hashlib.sha256(dataset).hexdigest()
        return found


class Site:
    """An installation with a site, a reading room and a destination; the router is not running yet."""

    def __init__(self, home):
        self.home, self.peers, self.folders = home, [], 0
        receiving.prepare(home)
        home.sql(READING_ROOM)
        home.start("yq-storescp")

    def clear(self):
        """Between two tests: no router, no peers, and nobody to send to."""
        if "yq-router" in self.home.running:
            self.home.kill("yq-router")
        for peer in self.peers:
            peer.end(signal.SIGKILL)
            shutil.rmtree(peer.folder, ignore_errors=True)
        self.peers = []
        self.home.sql("UPDATE destination SET is_enabled = false")

    def add_peer(self, *options):
        self.folders += 1
        peer = Peer(self.home.home / f"peer{self.folders}", *options)
        self.peers.append(peer)
        self.home.yqctl("destination", "add", "--site", "SAMPLE", "--ae-title", "PACS", "--host", "127.0.0.1", "--port", peer.port)
        return peer

    def add_report(self, sop_class=None):
        """Two objects received and named by an issued report: {sop_instance_uid: digest}, and the report's id."""
        study = dicomgen.Study()
        objects = [receiving.Sent(dicomgen.sr(study)), receiving.Sent(dicomgen.ct(study, size=256))]
        if sop_class:
            objects[0] = receiving.Sent(dicomgen.sc(study).put(0x00080016, "UI", sop_class))
        assert receiving.send(self.home, objects) and all(one.status == 0 for one in objects), [one.status for one in objects]
        receiving.await_indexed(self.home)
        report = str(uuid.uuid4())
        self.home.sql(REPORT % {"study": study.study_uid, "report": report, "sr": objects[0].uid, "pdf": objects[1].uid})
        return report, {one.uid: one.sha256 for one in objects}

    def deliveries(self, report):
        return self.home.sql(f"""SELECT d.state, d.attempts, d.last_error FROM delivery d JOIN report_version v USING (report_version_id)
            WHERE v.public_id = '{report}' ORDER BY d.delivery_id""")

    def await_state(self, report, *wanted):
        """Until every delivery of the report is in one of the states; the rows."""
        until = time.monotonic() + PATIENCE_S
        while True:
            rows = self.deliveries(report)
            if rows and all(row[0] in wanted for row in rows):
                return rows
            assert time.monotonic() < until, f"{rows}, not {wanted}\n" + self.home.log("yq-router")

    def items(self, report):
        """SOP instance UID -> state of its first delivery's objects."""
        return dict(self.home.sql(f"""SELECT n.sop_instance_uid, i.state FROM delivery_item i JOIN instance n USING (instance_id)
            JOIN delivery d USING (delivery_id) JOIN report_version v USING (report_version_id) WHERE v.public_id = '{report}'"""))

    def receipts(self, report):
        return self.home.sql(f"""SELECT r.kind FROM receipt r JOIN report_version v USING (report_version_id)
            WHERE v.public_id = '{report}'""")


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


def test_a_peer_that_refuses_is_quarantined_with_its_reason_and_holds_up_nobody(site):
    refusing, good = site.add_peer(), site.add_peer()
    refusing.start("--refuse")
    good.start()
    report, wanted = site.add_report()
    site.home.start("yq-router")
    rows = site.await_state(report, "quarantined", "delivered")
    assert sorted(row[0] for row in rows) == ["delivered", "quarantined"]
    assert "reject" in next(row[2] for row in rows if row[0] == "quarantined").lower()
    assert good.holds() == wanted
    refusing.end()
    refusing.start()
    stuck = site.home.sql("SELECT public_id FROM delivery WHERE state = 'quarantined' ORDER BY delivery_id DESC")[0][0]
    site.home.yqctl("delivery", "requeue", stuck)
    site.await_state(report, "delivered")
    assert refusing.holds() == wanted


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
