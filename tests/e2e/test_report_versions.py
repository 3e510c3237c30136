"""What follows an issued report: 更正 and 补充, written, reviewed, signed, returned to the site; the paper before it says that it is corrected and is called back."""

import pathlib
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
from demo import PROGRAMS, Demo  # noqa: E402
from installation import PATIENCE_S, TREE  # noqa: E402

BODY = {"method": "胸部正侧位DR。", "findings": "右肺上野见结节影。", "impression": "右肺上野结节。", "recommendation": "", "result": "positive",
        "is_critical": False, "quality_grade": "甲", "quality_reason": ""}
SUPERSEDED, CURRENT = 69, 0


class Person:
    """Asks, and fails the test when the answer is not the one wanted."""

    def __init__(self, home, account):
        self.password = home.passwords()[account]
        self.api = home.api()
        self.api.login(account, self.password)

    def get(self, target, want=200):
        return self._done("GET", target, None, want)

    def post(self, target, body=None, want=200):
        return self._done("POST", target, body or {}, want)

    def put(self, target, body, want=200):
        return self._done("PUT", target, body, want)

    def _done(self, method, target, body, want):
        got = self.api.request(method, "/api/v1" + target, body)
        assert got.status == want, f"{method} {target}: {got}"
        return got.body


def until(look, what):
    deadline = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return found


class Room:
    """An installation, its people, and reports as they issue them."""

    def __init__(self, home, folder):
        self.home, self.folder = home, folder
        for account in ("radiographer", "reporter", "reviewer", "leader"):
            setattr(self, account, Person(home, account))
        home.yqctl("qualification", "grant", "leader", "--kind", "review", "--scope", self._community())
        home.yqctl("account", "grant", "leader", "--role", "reviewer", "--scope", self._community())
        home.yqctl("account", "certify", "leader")

    def _community(self):
        return self.home.sql("SELECT name FROM scope WHERE kind = 'community' AND scope_id IN (SELECT scope_id FROM person_right)")[0][0]

    def issued(self, **more):
        """A study with an issued report: (study, task, report)."""
        study = dicomgen.Study(**more)
        path = dicomgen.write_part10(str(self.folder / f"{study.study_uid[-9:]}.dcm"), dicomgen.dr(study))["path"]
        subprocess.run(["storescu", "-aet", "DEMO_DR", "-aec", "YINGQIAO", "127.0.0.1", str(self.home.dicom_port), path], check=True, capture_output=True)
        self.home.sql("SELECT 1")
        row = until(lambda: self._row(study.study_uid), "the image does not arrive")
        self.radiographer.post(f"/studies/{row['id']}/submit")
        task = until(lambda: self._row(study.study_uid)["task"], "no task is opened")["id"]
        lease = self.reporter.post(f"/tasks/{task}/take")
        draft = self.reporter.put(f"/tasks/{task}/draft", {"lease_token": lease["lease_token"], "revision": 0, "body": BODY})
        self.submit(self.reporter, task, lease, draft["revision"])
        self.sign(self.reviewer, task)
        return row["id"], task, self._row(study.study_uid)["report"]["id"]

    def _row(self, uid):
        return next((row for row in self.radiographer.get("/studies?limit=500")["studies"] if row["study_instance_uid"] == uid), None)

    def submit(self, person, task, lease, revision, want=200):
        return person.post(f"/tasks/{task}/submit", {"lease_token": lease["lease_token"], "revision": revision, "study_version": lease["study_version"],
                                                     "password": person.password}, want)

    def sign(self, person, task, want=200):
        lease = person.post(f"/tasks/{task}/review")
        return person.post(f"/tasks/{task}/sign", {"lease_token": lease["lease_token"], "password": person.password}, want)

    def follow(self, report, kind="correction", reason="侧别写错", want=201):
        return self.reviewer.post(f"/reports/{report}/follow", {"kind": kind, "reason": reason}, want)

    def write(self, task, **changed):
        """The reviewer writes the next version with these words changed, and the leader signs it."""
        lease = self.reviewer.post(f"/tasks/{task}/take")
        report = self.reviewer.get(f"/tasks/{task}/report")["report"]
        saved = self.reviewer.put(f"/tasks/{task}/draft", {"lease_token": lease["lease_token"], "revision": report["revision"],
                                                           "body": {**report["body"], **changed}})
        self.submit(self.reviewer, task, lease, saved["revision"])
        self.sign(self.leader, task)

    def pdf(self, report):
        path = self.folder / f"{report}.pdf"
        got = self.radiographer.api.get(f"/api/v1/reports/{report}/pdf")
        assert got.status == 200, got
        path.write_bytes(got.body)
        return path, subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True).stdout.replace(" ", "")

    def verify(self, path, status):
        done = self.home.yqctl("report", "verify", path, "--json", status=None)
        assert done.returncode == status, done
        return done.stdout

    def returned(self, report):
        """The states of what was sent of a version."""
        return [row[0] for row in self.home.sql(f"""SELECT d.state FROM delivery d JOIN report_version v USING (report_version_id)
                                                   WHERE v.public_id = '{report}'""")]


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    with Demo(YQ_POLL_INTERVAL="200 ms") as home:
        home.start_site()
        home.start(*PROGRAMS)
        home.yqctl("roster", "load", TREE / "deploy" / "rosters" / "taishan.json")
        home.yqctl("demo", "seed")
        yield Room(home, tmp_path_factory.mktemp("room"))


def test_a_correction_supersedes_what_was_issued(room):
    study, task, first = room.issued()
    until(lambda: room.returned(first) == ["delivered"], "the first report is not returned")
    old, words = room.pdf(first)
    assert "更正" not in words
    room.verify(old, CURRENT)
    made = room.follow(first)
    queued = next(row for row in room.reviewer.get("/queue")["tasks"] if row["id"] == made["task_id"])
    assert (queued["kind"], queued["is_own_draft"], queued["follow_reason"]) == ("correction", True, "侧别写错")
    begun = room.reviewer.get(f"/tasks/{made['task_id']}/report")["report"]
    assert (begun["id"], begun["version"], begun["kind"], begun["state"], begun["body"]["impression"]) == (
        made["report_id"], 2, "correction", "draft", BODY["impression"])
    assert room.radiographer.get(f"/tasks/{task}/report")["report"]["id"] == first, "nobody sees it before its issue"
    room.verify(old, CURRENT)
    room.write(made["task_id"], findings="左肺上野见结节影。", impression="左肺上野结节。")

    shown = room.radiographer.get(f"/tasks/{task}/report")["report"]
    assert (shown["id"], shown["version"], shown["reason"], shown["state"]) == (made["report_id"], 2, "侧别写错", "issued")
    assert [(one["version"], one["state"]) for one in shown["versions"]] == [(1, "superseded"), (2, "issued")]
    assert room.radiographer.get(f"/reports/{first}")["report"]["body"]["impression"] == BODY["impression"], "the old one is still there, as it was"
    new, words = room.pdf(made["report_id"])
    assert all(word in words for word in ("（更正）", "更正原因", "侧别写错", "左肺上野结节")) and "右肺" not in words
    assert '"standing": "current"' in room.verify(new, CURRENT)
    told = room.verify(old, SUPERSEDED)
    assert '"later_version": 2' in told and '"superseded"' in told and '"later_kind": "correction"' in told
    until(lambda: room.returned(made["report_id"]) == ["delivered"], "version 2 is not returned")
    assert room.returned(first) == ["delivered"]
    assert {row[0] for row in room.home.sql(f"SELECT sr_sop_instance_uid FROM report_version WHERE public_id IN ('{first}', '{made['report_id']}')")} <= set(
        room.home.received_digests())
    room.home.settle()
    room.home.yqctl("store", "check")


def test_the_superseded_paper_is_called_back_once(room):
    study, _, first = room.issued()
    room.write(room.follow(first)["task_id"], impression="另见左肺结节。")
    waiting = lambda: [row["id"] for row in room.radiographer.get("/studies?waiting=yes&limit=500")["studies"]]  # noqa: E731
    reports = {one["id"]: one for one in room.radiographer.get(f"/studies/{study}")["reports"]}
    assert reports[first]["recall"]["done_at"] is None and study in waiting()
    room.reporter.post(f"/reports/{first}/recalled", want=403)
    room.radiographer.post(f"/reports/{first}/recalled")
    room.radiographer.post(f"/reports/{first}/recalled", want=409)
    recall = next(one for one in room.radiographer.get(f"/studies/{study}")["reports"] if one["id"] == first)["recall"]
    assert recall["done_at"] and recall["done_by"] and study not in waiting()


def test_a_report_that_did_not_leave_yet_does_not_leave_any_more(room):
    destination = room.home.yqctl("destination", "list", json=True)[0]["id"]
    room.home.yqctl("destination", "hold", destination, "--reason", "line")
    try:
        _, _, first = room.issued()
        until(lambda: room.returned(first) == ["pending"], "no delivery is made")
        next_one = room.follow(first)
        room.write(next_one["task_id"], impression="左肺上野结节。")
        until(lambda: room.returned(next_one["report_id"]) == ["pending"], "no delivery of version 2 is made")
        assert room.returned(first) == ["cancelled"]
    finally:
        room.home.yqctl("destination", "release", destination)
    until(lambda: room.returned(next_one["report_id"]) == ["delivered"], "version 2 is not returned")


def test_a_supplement_leaves_the_first_in_force(room):
    _, task, first = room.issued()
    old, _ = room.pdf(first)
    made = room.follow(first, "supplement", "补充对比既往片")
    room.write(made["task_id"], recommendation="与2025年片对比，建议复查。")
    told = room.verify(old, CURRENT)
    assert '"later_kind": "supplement"' in told and '"later_version": 2' in told
    _, words = room.pdf(made["report_id"])
    assert "（补充）" in words and "补充对比既往片" in words
    assert room.radiographer.get(f"/tasks/{task}/report")["report"]["id"] == made["report_id"]
    room.radiographer.post(f"/reports/{first}/recalled", want=409)
    # What corrects it supersedes both.
    third = room.follow(made["report_id"], reason="对比的片子是他人的")
    room.write(third["task_id"], recommendation="")
    assert [one["state"] for one in room.radiographer.get(f"/reports/{third['report_id']}")["report"]["versions"]] == ["superseded", "superseded", "issued"]


def test_what_is_refused(room):
    _, _, first = room.issued()
    room.reporter.post(f"/reports/{first}/follow", {"kind": "correction", "reason": "x"}, 403)
    room.radiographer.post(f"/reports/{first}/follow", {"kind": "correction", "reason": "x"}, 403)
    for body in ({}, {"kind": "correction"}, {"kind": "void", "reason": "x"}, {"kind": "correction", "reason": ""}, {"kind": "correction", "reason": "x" * 2001}):
        room.reviewer.post(f"/reports/{first}/follow", body, 400)
    room.reviewer.post("/reports/00000000-0000-4000-8000-000000000000/follow", {"kind": "correction", "reason": "x"}, 404)
    made = room.follow(first)
    room.follow(first, want=409)
    room.reviewer.post(f"/reports/{made['report_id']}/follow", {"kind": "correction", "reason": "not issued"}, 404)
    # A task that is cancelled keeps its draft for the next one.
    lease = room.reviewer.post(f"/tasks/{made['task_id']}/take")
    room.reviewer.put(f"/tasks/{made['task_id']}/draft", {"lease_token": lease["lease_token"], "revision": 1, "body": {**BODY, "findings": "已写一半"}})
    room.leader.post(f"/tasks/{made['task_id']}/cancel", {"reason": "不需要"})
    again = room.follow(first, "supplement", "还是补充")
    assert again["report_id"] == made["report_id"]
    assert room.reviewer.get(f"/tasks/{again['task_id']}/report")["report"]["body"]["findings"] == "已写一半"
    room.write(again["task_id"])
    room.follow(first, want=409)


def test_a_proposal_is_answered_by_a_version(room):
    study, _, first = room.issued()
    revision = room.radiographer.post(f"/studies/{study}/corrections/preview", {"kind": "edit_patient", "patient": {"name": "李四"}})["revision"]
    room.radiographer.post(f"/studies/{study}/corrections", {"kind": "edit_patient", "patient": {"name": "李四"}, "reason": "登记错", "revision": revision}, 201)
    mine = lambda state: next((one for one in room.reviewer.get(f"/report-proposals?open={state}")["proposals"] if one["report_id"] == first), None)  # noqa: E731
    assert mine("yes")["follow"] is None
    made = room.follow(first, reason="患者姓名更正")
    assert mine("yes")["follow"] == {"kind": "correction", "version": 2, "state": "draft", "task_id": made["task_id"], "task_state": "awaiting"}
    room.write(made["task_id"])
    assert mine("yes") is None and (mine("no")["state"], mine("no")["follow"]["state"]) == ("corrected", "issued")
    assert "李四" in room.pdf(made["report_id"])[1]
