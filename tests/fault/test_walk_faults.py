"""The whole path while its parts are killed: each program with SIGKILL at its named points, and PostgreSQL restarted at each station.

Whatever dies, is started again, and whoever asked, asks again: then nothing acknowledged is lost, nothing is doubled, the peer has exactly our
objects, and the path completes.
"""

import http.client
import itertools
import json
import pathlib
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
from demo import PROGRAMS, Demo  # noqa: E402
from installation import PATIENCE_S  # noqa: E402

# In the order in which the path passes them.
KILL_POINTS = {
    "yq-storescp": ["intake-after-begin", "intake-in-append", "intake-before-data-sync", "intake-after-data-sync",
                    "intake-after-commit", "intake-before-place", "store-before-link", "store-after-link", "intake-after-place",
                    "intake-before-backlog", "intake-after-backlog", "intake-before-free", "intake-after-free", "intake-before-index",
                    "intake-after-index", "intake-before-forget", "intake-after-forget"],
    "yq-router": ["study_settle", "study_settled", "delivery_create", "delivery_claimed", "delivery_item_sent", "delivery_item_settled",
                  "delivery_settle", "delivery_settled"],
    "yq-gateway": ["submit-prepared", "submit-stored", "issue-prepared", "issue-stored", "issue-committed", "issue-brought-in",
                   "intake-after-commit", "intake-after-index"],
}
# Each walk kills every program once, at another point.
WALKS = [{name: point for name, point in zip(KILL_POINTS, points) if point} for points in itertools.zip_longest(*KILL_POINTS.values())]
BODY = {"method": "DR", "findings": "双肺野清晰。", "impression": "未见异常。", "recommendation": "", "result": "negative", "is_critical": False,
        "quality_grade": "甲", "quality_reason": ""}
AWAY = (OSError, http.client.HTTPException)


class Path:
    """Drives one study along the path as stubborn people would: what got no answer is looked at and tried again."""

    def __init__(self, home, folder):
        self.home = home
        self.study = dicomgen.make_study(str(folder), "dr-chest", size=64)
        self.uid = self.study["study_instance_uid"]
        self.deaths = []
        self.people = {}

    def revive(self):
        """What a supervisor does; a program may only have died by the kill point."""
        for name, process in list(self.home.running.items()):
            if process.poll() is None:
                continue
            del self.home.running[name]
            assert process.returncode == -9, f"{name} ended by itself: {process.returncode}\n{self.home.log(name)[-2000:]}"
            self.deaths.append(name)
            self.people.clear()
            self.home.start(name)

    def until(self, what, attempt):
        """attempt() until it gives something; after each try whatever died is started again."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            result = attempt()
            self.revive()
            if result:
                return result
            logs = "".join(self.home.log(name)[-1500:] for name in PROGRAMS)
            assert time.monotonic() < deadline, f"{what} does not come about\n{self.home.yqctl('status', status=None).stdout}\n{logs}"
            time.sleep(0.02)

    # --- stations -----------------------------------------------------------------------------------------------

    def push(self):
        def send():
            done = subprocess.run(["storescu", "-aet", "DEMO_DR", "-aec", "YINGQIAO", "127.0.0.1", str(self.home.dicom_port),
                                   *[one["path"] for one in self.study["files"]]], capture_output=True)
            return done.returncode == 0

        self.until("an acknowledged push", send)

    def press_submit(self):
        """All images are indexed before the person at the console sees the study as sent and presses the button."""
        def is_there():
            done = self.home.yqctl("study", "show", self.uid, "--json", status=None)
            return done.returncode == 0 and json.loads(done.stdout)["instances"] == len(self.study["files"])

        self.until("a study with all images", is_there)
        self.until("a submitted study", lambda: self.home.yqctl("study", "submit", self.uid, status=None).returncode == 0)

    def settle(self):
        self.until("a settled installation", lambda: self.home.yqctl("wait", "--settled", "--timeout", "1 s", status=None).returncode == 0)

    def task(self):
        done = self.home.yqctl("task", "list", "--json", status=None)
        mine = [one for one in json.loads(done.stdout) if one["study_instance_uid"] == self.uid] if done.returncode == 0 else []
        assert len(mine) <= 1
        return mine[0] if mine else None

    def person(self, account):
        if account not in self.people:
            self.people[account] = self.home.api()
            self.people[account].login(account, self.home.passwords()[account])
        return self.people[account]

    def ask(self, account, method, target, body=None):
        """The answer's body; None when there was none, or the state has changed meanwhile."""
        try:
            answer = self.person(account).request(method, target, body)
        except (*AWAY, AssertionError):
            self.people.pop(account, None)
            return None
        assert answer.status in (200, 201, 204, 403, 404, 409, 503, 504), answer
        return answer.body if answer.status < 300 else None

    def claim(self, account, task, take):
        """The lease: as held already, or taken."""
        lease = self.ask(account, "POST", f"{task}/resume", {}) or self.ask(account, "POST", f"{task}/{take}", {})
        return lease and lease["lease_token"], lease

    def write_once(self):
        one = self.task()
        if not one or one["state"] not in ("awaiting", "writing"):
            return bool(one)
        task = f"/api/v1/tasks/{one['id']}"
        token, lease = self.claim("reporter", task, "take")
        if not token:
            return False
        shown = self.ask("reporter", "GET", f"{task}/report")
        revision = shown["report"]["revision"] if shown and shown["report"] else 0
        draft = self.ask("reporter", "PUT", f"{task}/draft", {"lease_token": token, "revision": revision, "body": BODY})
        if draft:
            self.ask("reporter", "POST", f"{task}/submit", {"lease_token": token, "revision": draft["revision"],
                                                            "study_version": lease["study_version"],
                                                            "password": self.home.passwords()["reporter"]})
        return False

    def review_once(self):
        one = self.task()
        if not one or one["state"] == "done":
            return bool(one)
        task = f"/api/v1/tasks/{one['id']}"
        token, _ = self.claim("reviewer", task, "review")
        if token:
            self.ask("reviewer", "POST", f"{task}/sign", {"lease_token": token, "password": self.home.passwords()["reviewer"]})
        return False

    def go(self, between=lambda: None):
        for station in (self.push, self.press_submit, self.settle, lambda: self.until("a submitted report", self.write_once),
                        lambda: self.until("an issued report", self.review_once), self.settle):
            between()
            station()


def check_everything(path):
    """Nothing lost, nothing doubled, nothing half."""
    home = path.home
    shown = home.yqctl("study", "show", path.uid, json=True)
    assert (shown["state"], shown["instances"]) == ("complete", len(path.study["files"]))
    assert [one["state"] for one in shown["tasks"]] == ["done"]
    assert [(one["version"], one["state"]) for one in shown["reports"]] == [(1, "issued")]
    assert [one["state"] for one in shown["deliveries"]] == ["delivered"]
    instances = home.yqctl("instance", "list", "--study", path.uid, json=True)
    sent = {one["sop_instance_uid"]: one["sha256"] for one in path.study["files"]}
    assert {one["sop_instance_uid"]: one["sha256"] for one in instances if one["origin"] == "device"} == sent
    own = {one["sop_instance_uid"]: one["sha256"] for one in instances if one["origin"] == "own"}
    assert len(own) == 2
    received = home.received_digests()
    assert {uid: received.get(uid) for uid in own} == own
    # The peer has nothing of ours that the ledger does not know.
    everything = {one["sop_instance_uid"]: one["sha256"] for one in home.yqctl("instance", "list", json=True) if one["origin"] == "own"}
    assert received == everything
    check = home.yqctl("store", "check", json=True)
    assert (check["missing"], check["mismatched"], check["pending"], check["quarantined"]) == (0, 0, 0, 0), check
    assert home.yqctl("conflict", "list", json=True) == []


@pytest.fixture(scope="module")
def home():
    with Demo(is_seeded=True) as installation:
        installation.start_site()
        installation.start(*PROGRAMS)
        yield installation


@pytest.mark.parametrize("points", WALKS, ids=lambda points: "+".join(points.values()))
def test_killed_at(home, tmp_path, points):
    path = Path(home, tmp_path)
    for program, point in points.items():
        home.restart(program, YQ_KILL_AT=point)
    path.go()
    # A program that dies behind its last useful step is found dead a moment after the path came through.
    path.until("a death at every point", lambda: len(path.deaths) >= len(points))
    assert sorted(path.deaths) == sorted(points), f"not every point was reached once: {path.deaths}"
    check_everything(path)


def test_ledger_restarted_at_every_station(home, tmp_path):
    path = Path(home, tmp_path)
    path.go(between=home.restart_ledger)
    assert path.deaths == []
    check_everything(path)


def test_everything_killed_between_stations(home, tmp_path):
    """All three at once: whatever was acknowledged is in files and in the ledger."""
    path = Path(home, tmp_path)

    def kill_all():
        for name in PROGRAMS:
            home.kill(name)
        path.people.clear()
        home.start(*PROGRAMS)

    path.go(between=kill_all)
    check_everything(path)


def test_nothing_was_lost_over_all_of_it(home):
    assert home.yqctl("audit", "verify", json=True)["faults"] == 0
    status = home.yqctl("status", json=True)
    assert status["tasks"]["done"] == status["studies"]["complete"] == status["deliveries"]["delivered"]
    assert sum(status["deliveries"].values()) == status["deliveries"]["delivered"]
