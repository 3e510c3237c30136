"""What the tests of the way back share: a site with a reading room, DCMTK's storescp as its destination, issued reports to return.

What is returned are two objects that came by C-STORE, set as SR and Encapsulated PDF of an issued report: the router returns what the report
names, and how a report is written has tests of its own.
"""
import hashlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import uuid

import dicomgen
import receiving
from installation import free_port

PATIENCE_S = 60
QUICK = {"YQ_POLL_INTERVAL": "200 ms", "YQ_DELIVERY_BACKOFF_MIN": "100 ms", "YQ_DELIVERY_BACKOFF_MAX": "400 ms",
         "YQ_DIMSE_TIMEOUT": "10 s", "YQ_ACCEPT_UNKNOWN_SOP_CLASSES": "yes"}

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
FROM r, person p, signing_policy_version v WHERE p.account = 'author1';
ALTER TABLE report_version ENABLE TRIGGER USER;
"""

FORWARD = """
BEGIN;
INSERT INTO delivery (site_id, destination_id, purpose, study_id, study_version, rank, deadline_at)
SELECT s.site_id, x.destination_id, 'forward', s.study_id, s.version, %(rank)d, yq_now() + interval '30 days'
FROM study s, destination x WHERE s.study_instance_uid = '%(study)s' AND x.port = %(port)d AND x.is_enabled RETURNING public_id;
INSERT INTO delivery_item (delivery_id, site_id, instance_id)
SELECT d.delivery_id, d.site_id, i.instance_id FROM delivery d JOIN series r USING (study_id) JOIN instance i USING (series_id)
WHERE d.delivery_id = (SELECT max(delivery_id) FROM delivery);
COMMIT;
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
        self.add_destination(peer.port)
        return peer

    def add_destination(self, port):
        """That a port is where the site's PACS listens; perhaps behind a link (wanlink.py)."""
        self.home.yqctl("destination", "add", "--site", "SAMPLE", "--ae-title", "PACS", "--host", "127.0.0.1", "--port", port)

    def _receive(self, objects):
        """On a busy machine an association of ours may take longer than the short time-outs of a test allow; the same again does no harm."""
        for _ in range(5):
            if receiving.send(self.home, objects) and all(one.status == 0 for one in objects):
                break
        assert all(one.status == 0 for one in objects), [one.status for one in objects]
        receiving.await_indexed(self.home)

    def add_report(self, sop_class=None):
        """Two objects received and named by an issued report: {sop_instance_uid: digest}, and the report's id."""
        study = dicomgen.Study()
        objects = [receiving.Sent(dicomgen.sr(study)), receiving.Sent(dicomgen.ct(study, size=256))]
        if sop_class:
            objects[0] = receiving.Sent(dicomgen.sc(study).put(0x00080016, "UI", sop_class))
        self._receive(objects)
        report = str(uuid.uuid4())
        self.home.sql(REPORT % {"study": study.study_uid, "report": report, "sr": objects[0].uid, "pdf": objects[1].uid})
        return report, {one.uid: one.sha256 for one in objects}

    def add_study(self, sizes):
        """A study of CT images received, with so many bytes of pixels each: (StudyInstanceUID, {sop_instance_uid: digest})."""
        study, series = dicomgen.Study(), dicomgen.new_uid()
        objects = [receiving.Sent(dicomgen.ct(study, series_uid=series, number=number, size=8).put(0x7FE00010, "OW", os.urandom(size)))
                   for number, size in enumerate(sizes, 1)]
        self._receive(objects)
        return study.study_uid, {one.uid: one.sha256 for one in objects}

    def forward(self, study_uid, port, rank=2):
        """A delivery of a study to the destination at a port, as a rule makes it; its id."""
        return self.home.sql(FORWARD % {"study": study_uid, "port": port, "rank": rank})[0][0]

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
