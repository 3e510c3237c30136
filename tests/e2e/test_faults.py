"""The whole path, from an image to a delivered report, while its parts are killed at named points or PostgreSQL is restarted under them."""

import concurrent.futures
import contextlib
import hashlib
import http.client
import json
import pathlib
import queue
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
from installation import TREE, Failed, Installation, _end_with_parent, free_port  # noqa: E402

PROGRAMS = ("yq-storescp", "yq-router", "yq-gateway")
PATIENCE_S = 90
BODY = {"method": "CT平扫。", "findings": "双肺纹理清晰。", "impression": "未见明显异常。", "recommendation": "", "result": "negative",
        "is_critical": False, "quality_grade": "优", "quality_reason": ""}

POINTS = [("yq-storescp", point) for point in ("intake-after-commit", "intake-after-index")]
POINTS += [("yq-router", point) for point in ("study_settle", "study_settled", "delivery_create", "delivery_claimed", "delivery_item_sent",
                                              "delivery_item_settled", "delivery_settle", "delivery_settled")]
POINTS += [("yq-gateway", point) for point in ("submit-prepared", "submit-stored", "issue-prepared", "issue-stored", "issue-committed",
                                               "issue-brought-in", "intake-after-commit", "intake-after-place", "intake-after-index")]


class County(Installation):
    """A demonstration installation whose programs are started again when they die, and its township's own archive."""

    def __init__(self):
        self.site_port = free_port()
        super().__init__({"YQ_DEMO": "yes", "YQ_DEMO_SITE_PORT": str(self.site_port), "YQ_POLL_INTERVAL": "200 ms",
                          "YQ_DELIVERY_BACKOFF_MIN": "100 ms", "YQ_DELIVERY_BACKOFF_MAX": "500 ms", "YQ_QUIET_DEFAULT": "1 h"})
        self.received = self.home / "site"
        self.site = None
        self.ends = []  # (program, exit status) of those that died

    def __enter__(self):
        super().__enter__()
        try:
            self.yqctl("ca", "init")
            self.yqctl("roster", "load", TREE / "deploy" / "rosters" / "taishan.json")
            self.yqctl("demo", "seed")
            self.received.mkdir()
            self.site = subprocess.Popen(["storescp", "--bit-preserving", "-aet", "DEMOSITE", "-od", self.received, str(self.site_port)],
                                         preexec_fn=_end_with_parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.start(*PROGRAMS)
            accounts = json.loads((self.home / "demo" / "accounts").read_text())["accounts"]
            self.people = {account["account"]: self.person(account["account"], account["password"]) for account in accounts
                           if account["account"] in ("radiographer", "reporter", "reviewer")}
        except BaseException:
            self.close()
            raise
        return self

    def person(self, account, password):
        api = self.api()
        api.password = password
        api.login(account, password)
        return api

    def close(self):
        if self.site:
            self.site.kill()
            self.site.wait()
        super().close()

    def revive(self):
        for name in PROGRAMS:
            process = self.running.get(name)
            if process and process.poll() is not None:
                self.ends.append((name, process.returncode))
                del self.running[name]
                self.start(name)

    def until(self, step, what):
        """Repeats a step, as a person or a modality would, until it gives something. Refusals of other kinds than "not now" end it."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            self.revive()
            with contextlib.suppress(OSError, http.client.HTTPException, Failed):
                found = step()
                if found:
                    return found
            time.sleep(0.05)
        raise AssertionError("never came: " + what + "\n" + "".join(self.log(name)[-3000:] for name in PROGRAMS))

    def ask(self, api, method, target, body=None, conflicts=False):
        """An answer that is a decision; 5xx is none. conflicts: 409 is one, too (the answer to the first try was lost)."""
        def step():
            answer = api.request(method, target, body)
            assert answer.status < 400 or answer.status >= 500 or (conflicts and answer.status == 409), (method, target, answer)
            return answer if answer.status < 500 else None
        return self.until(step, f"{method} {target}")

    # --- stations -----------------------------------------------------------------------------------------------

    def send(self, files):
        def step():
            return subprocess.run(["storescu", "-aet", "DEMO_DR", "-aec", "YINGQIAO", "127.0.0.1", str(self.dicom_port), *files],
                                  capture_output=True).returncode == 0
        self.until(step, "C-STORE")

    def study(self, uid, images):
        def step():
            answer = self.people["radiographer"].get("/api/v1/studies?limit=200")
            found = [one for one in answer.body["studies"] if one["study_instance_uid"] == uid] if answer.status == 200 else []
            return found[0] if found and found[0]["instances"] == images else None
        return self.until(step, "the study with all its images")

    def task(self, study):
        def step():
            answer = self.people["radiographer"].get("/api/v1/studies/" + study)
            return answer.body["tasks"][0] if answer.status == 200 and answer.body["tasks"] else None
        return "/api/v1/tasks/" + self.until(step, "the reading task")["id"]

    def hold(self, api, task, door):
        """A lease, also when the answer that brought it was lost."""
        answer = self.ask(api, "POST", task + door, {}, conflicts=True)
        return answer.body if answer.status == 200 else self.ask(api, "POST", task + "/resume", {}).body

    def draft(self, api, task, token):
        answer = self.ask(api, "PUT", task + "/draft", {"lease_token": token, "revision": 0, "body": BODY}, conflicts=True)
        return answer.body["revision"] if answer.status == 200 else 1

    def delivered(self, uid):
        def step():
            rows = self.sql(f"""SELECT d.state, d.public_id FROM delivery d JOIN report_version v USING (report_version_id)
                JOIN report r USING (report_id) JOIN study s ON s.study_id = r.study_id WHERE s.study_instance_uid = '{uid}'""")
            return rows if rows and all(state == "delivered" for state, _ in rows) else None
        return self.until(step, "the report at its site")

    def walk(self, before=lambda station: None):
        """One study through every room; returns its UID. before is called with the name of each station."""
        reporter, reviewer = self.people["reporter"], self.people["reviewer"]
        folder = self.home / "made" / dicomgen.uuid.uuid4().hex
        folder.mkdir(parents=True)
        made = dicomgen.make_study(str(folder), "ct-chest", size=32, images=2)
        before("send")
        self.send([one["path"] for one in made["files"]])
        before("arrive")
        study = self.study(made["study_instance_uid"], len(made["files"]))["id"]
        before("submit study")
        self.ask(self.people["radiographer"], "POST", f"/api/v1/studies/{study}/submit", {"patient_class": "emergency"})
        task = self.task(study)
        before("take")
        lease = self.hold(reporter, task, "/take")
        before("draft")
        revision = self.draft(reporter, task, lease["lease_token"])
        before("submit report")
        self.ask(reporter, "POST", task + "/submit", {"lease_token": lease["lease_token"], "revision": revision, "password": reporter.password,
                                                      "study_version": lease["study_version"]})
        before("review")
        lease = self.hold(reviewer, task, "/review")
        before("sign")
        self.ask(reviewer, "POST", task + "/sign", {"lease_token": lease["lease_token"], "password": reviewer.password})
        before("return")
        assert len(self.delivered(made["study_instance_uid"])) == 1, "one destination, one delivery"
        return made["study_instance_uid"]

    # --- what must be true afterwards ---------------------------------------------------------------------------

    def assert_whole(self, uid, images=2):
        own = dict(self.sql(f"""SELECT i.sop_instance_uid, encode(i.sha256, 'hex') FROM instance i JOIN series e USING (series_id)
            JOIN study s USING (study_id) WHERE s.study_instance_uid = '{uid}' AND i.origin = 'own'"""))
        assert len(own) == 2, "a structured report and an encapsulated PDF, each once"
        at_site = {name: digest for name, digest in received(self.received).items() if name in own}
        assert at_site == own, "the site's set of UIDs and digests"
        rows = self.sql(f"""SELECT s.state, s.instance_count, s.version, t.state, v.state, v.settled_at IS NOT NULL,
                (SELECT count(*) FROM report_signature g WHERE g.report_version_id = v.report_version_id AND voided_at IS NULL),
                (SELECT count(*) FROM receipt c WHERE c.report_version_id = v.report_version_id AND c.kind = 'delivered')
            FROM study s JOIN reading_task t USING (study_id) JOIN report r ON r.task_id = t.task_id
            JOIN report_version v ON v.report_id = r.report_id WHERE s.study_instance_uid = '{uid}'""")
        items = self.sql(f"""SELECT t.state, t.confirmed_at IS NOT NULL FROM delivery_item t JOIN instance i USING (instance_id)
            WHERE i.sop_instance_uid IN ('{"', '".join(own)}')""")
        assert items == [["confirmed", "t"]] * 2, "the ledger knows object by object what the site has"
        assert rows == [["complete", str(images), "1", "done", "issued", "t", "2", "1"]]

    def assert_sound(self):
        self.settle()
        found = json.loads(self.yqctl("store", "check", "--json", "--orphan-grace", "0 s", status=None).stdout)
        assert [found[name] for name in ("missing", "mismatched", "orphans", "pending", "quarantined")] == [0] * 5, found
        assert self.yqctl("audit", "verify", status=None).returncode == 0


def received(folder):
    """SOP instance UID -> SHA-256 of the dataset, of what the site's archive holds."""
    result = {}
    for path in folder.iterdir():
        data = path.read_bytes()
        assert data[128:132] == b"DICM"
        start = 144 + int.from_bytes(data[140:144], "little")
        uid = path.name.split(".", 1)[1]
        assert uid not in result
        result[uid] = hashlib.sha256(data[start:]).hexdigest()
    return result


@pytest.fixture(scope="module")
def county():
    with County() as home:
        yield home


@pytest.mark.parametrize("program,point", POINTS)
def test_killed_at(county, program, point):
    county.restart(program, YQ_KILL_AT=point)
    county.ends.clear()
    uid = county.walk()
    county.revive()
    assert county.ends == [(program, -signal.SIGKILL)], "the point was not passed, or something else died"
    county.assert_whole(uid)


def test_postgresql_is_restarted_at_every_station(county):
    """Not one program dies of it, and nothing is lost or doubled."""
    for name in PROGRAMS:
        county.restart(name)
    county.ends.clear()
    wanted, done = queue.Queue(), queue.Queue()

    def before(station):
        """The restart runs beside the station; the one of the station before is over."""
        if station != "send":
            done.get(timeout=PATIENCE_S)
        wanted.put(station)

    def walk():
        try:
            return county.walk(before)
        finally:
            wanted.put(None)

    # The ledger lives as long as the thread that starts it: so that is this one, and the walk has another.
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        walking = pool.submit(walk)
        stations = 0
        while wanted.get(timeout=2 * PATIENCE_S):
            county.stop_ledger(signal.SIGQUIT)
            county.start_ledger()
            done.put(True)
            stations += 1
        uid = walking.result()
    assert stations == 9
    assert county.ends == []
    county.assert_whole(uid)


def test_nothing_is_missing_in_the_end(county):
    county.assert_sound()
