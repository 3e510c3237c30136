"""Who sends, for `make bench-deliver`: the whole router with its ledger, DCMTK's storescu, Orthanc; and who takes it, over which link."""
import contextlib
import http.client
import json
import time

import load
import peers
import processes
import receiving
from installation import Installation
from ours import Watcher

PATIENCE_S = 900

FORWARD = """
WITH d AS (INSERT INTO delivery (site_id, destination_id, purpose, study_id, study_version, rank, deadline_at)
           SELECT st.site_id, x.destination_id, 'forward', st.study_id, 1, %d, yq_now() + interval '30 days'
           FROM study st, destination x WHERE st.study_instance_uid = '%s' AND x.public_id = '%s' RETURNING *)
INSERT INTO delivery_item (delivery_id, site_id, instance_id)
SELECT d.delivery_id, d.site_id, i.instance_id FROM d JOIN series se ON se.study_id = d.study_id JOIN instance i USING (series_id)
"""


class Ours:
    """An installation that holds what is to be sent; yq-router with every option at its default but what a destination says for itself."""

    def __init__(self, folder):
        # The journal of the receiver is not what is measured.
        self.home = Installation({"YQ_JOURNAL_RING": "256 MiB"}, prefix="yq-bench.", folder=folder, is_durable=True)
        self.watcher, self.destinations = None, 0
        try:
            self.home.start_ledger()
            self.home.yqctl("migrate")
            receiving.prepare(self.home)
            self.home.start("yq-storescp", "yq-router")
            self.watcher = Watcher(self.home)
        except BaseException:
            self.close()
            raise

    @property
    def router(self):
        return self.home.running["yq-router"].pid

    def receive(self, data):
        """Keeps the files of a folder; all are of one study, whose UID is returned."""
        before = self._count()
        client = processes.spawn(["storescu", "-aet", "CT1", "-aec", "YINGQIAO", "127.0.0.1", self.home.dicom_port, "+sd", data.folder],
                                 load.client_environment(False), self.home.home / "log" / "storescu.log")
        assert client.wait(PATIENCE_S) == 0
        peers.await_true("all is in the ledger", lambda: self._count() >= before + len(data.paths))
        return self.watcher.ask("SELECT st.study_instance_uid FROM instance i JOIN series se USING (series_id) JOIN study st USING (study_id)"
                                " ORDER BY i.instance_id DESC LIMIT 1")

    def _count(self):
        return int(self.watcher.ask("SELECT count(*) FROM instance WHERE series_id IS NOT NULL"))

    def destination(self, port, **columns):
        self.destinations += 1
        columns = {"ae_title": f"SINK{self.destinations}", "host": "127.0.0.1", "port": port, "proof": "answers", **columns}
        values = ", ".join(repr(value) for value in columns.values())
        return self.home.sql(f"INSERT INTO destination (site_id, name, wants_reports, {', '.join(columns)})"
                             f" SELECT site_id, 'sink', false, {values} FROM site WHERE code = 'SAMPLE' RETURNING public_id")[0][0]

    def forward(self, study, destination, rank=2):
        """Makes a delivery due, as a rule would; its id and when."""
        began = time.monotonic()
        self.home.sql(FORWARD % (rank, study, destination))
        return self.watcher.ask("SELECT max(delivery_id) FROM delivery"), began

    def await_delivered(self, delivery, began):
        """Seconds. Looks every 5 ms over an open session."""
        until = began + PATIENCE_S
        while True:
            state = self.watcher.ask(f"SELECT state FROM delivery WHERE delivery_id = {delivery}")
            if state == "delivered":
                return time.monotonic() - began
            assert state in ("pending", "sending", "verifying", "waiting") and time.monotonic() < until, (state, self.home.log("yq-router")[-3000:])
            time.sleep(0.005)

    def send(self, study, port, **columns):
        """Seconds from the birth of a delivery to its end."""
        return self.await_delivered(*self.forward(study, self.destination(port, **columns)))

    def give_up(self, delivery):
        """What is still under way ends with the router."""
        self.home.stop("yq-router")
        self.home.sql(f"UPDATE delivery SET state = 'pending' WHERE delivery_id = {delivery} AND state = 'sending';"
                      f"UPDATE delivery SET state = 'cancelled', worker = NULL, worker_until = NULL WHERE delivery_id = {delivery}")
        self.home.start("yq-router")

    def close(self):
        if self.watcher is not None:
            self.watcher.close()
        with contextlib.suppress(Exception):
            self.home.close()


def storescu(data, port, log):
    """Seconds of DCMTK's storescu as installed, one association."""
    began = time.monotonic()
    client = processes.spawn(["storescu", "-aet", "BENCH", "-aec", "SINK", "127.0.0.1", port, "+sd", data.folder],
                             load.client_environment(True), log)
    load.finish([client], log)
    return time.monotonic() - began


class _Holding:
    """Orthanc that holds a study and sends it by its own C-STORE client; nothing but ports and paths differs from the installed configuration."""

    def hold(self, data):
        client = processes.spawn(["storescu", "-aet", "CT1", "-aec", "ORTHANC", "127.0.0.1", self.port, "+sd", data.folder],
                                 load.client_environment(False), self.log)
        assert client.wait(PATIENCE_S) == 0
        [self.study] = self.ask("/studies")

    def call(self, method, path, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, text
        finally:
            connection.close()

    def send(self, port):
        """Seconds."""
        self.call("PUT", "/modalities/sink", {"AET": "SINK", "Host": "127.0.0.1", "Port": port})
        began = time.monotonic()
        self.call("POST", "/modalities/sink/store", {"Resources": [self.study], "Synchronous": True})
        return time.monotonic() - began


class Orthanc(_Holding, peers.Orthanc):
    title = "Orthanc's own C-STORE, as installed"


class OrthancNodelay(_Holding, peers.OrthancNodelay):
    title = "Orthanc's own C-STORE, TCP_NODELAY=1"
