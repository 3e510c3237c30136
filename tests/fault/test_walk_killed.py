"""The whole walk with a program killed by SIGKILL at each named point, or PostgreSQL restarted under it: the study still comes back as one
signed report, once, and is counted once. The persons at the browser do what persons do: press the button again."""

import hashlib
import http.client
import pathlib
import signal
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
from demo import PROGRAMS, Demo  # noqa: E402
from dicomraw import Association, Gone  # noqa: E402
from installation import PATIENCE_S, TREE  # noqa: E402
from receiving import Sent  # noqa: E402

POINTS = [
    ("yq-storescp", "intake-after-commit:2"),
    ("yq-storescp", "intake-after-index"),
    ("yq-router", "study_settle"),
    ("yq-router", "study_settled"),
    ("yq-gateway", "submit-prepared"),
    ("yq-gateway", "submit-stored"),
    ("yq-gateway", "issue-prepared"),
    ("yq-gateway", "issue-stored"),
    ("yq-gateway", "issue-committed"),
    ("yq-gateway", "issue-brought-in"),
    ("yq-gateway", "intake-after-commit"),
    ("yq-gateway", "intake-after-index"),
    ("yq-router", "delivery_create"),
    ("yq-router", "delivery_claimed"),
    ("yq-router", "delivery_item_sent"),
    ("yq-router", "delivery_item_settled"),
    ("yq-router", "delivery_settle"),
    ("yq-router", "delivery_settled"),
]
BODY = {"method": "胸部正位。", "findings": "双肺清晰。", "impression": "未见异常。", "recommendation": "", "result": "negative"}


class Town:
    """A demonstration whose programs are started again when they die, as the supervisor does it."""

    def __init__(self, home):
        self.home = home
        self.killed = []
        home.start_site()
        home.yqctl("roster", "load", TREE / "deploy" / "rosters" / "taishan.json")
        home.yqctl("demo", "seed")
        self.password = home.passwords()
        home.start(*PROGRAMS)

    def revive(self):
        for name, process in list(self.home.running.items()):
            if process.poll() is not None:
                assert self.home.wait_ended(name) == -signal.SIGKILL, self.home.log(name)[-3000:]
                self.killed.append(name)
                self.home.start(name)

    def until(self, done, what):
        """Asks again, reviving what died, until done() gives something."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            self.revive()
            try:
                found = done()
                if found:
                    return found
            except (OSError, http.client.HTTPException, Gone):
                pass
            assert time.monotonic() < deadline, what + "".join("\n" + self.home.log(name)[-2000:] for name in PROGRAMS)
            time.sleep(0.02)

    def press(self, account, target, body, method="POST", done=(409,)):
        """A button pressed again until the server says yes, or says that it is done already (409 after a lost answer)."""

        def once():
            api = self.home.api()
            api.login(account, self.password[account])
            answer = api.request(method, target, body)
            return answer if answer.status == 200 or answer.status in done else None

        return self.until(once, f"{method} {target}")

    def get(self, account, target):
        def once():
            api = self.home.api()
            api.login(account, self.password[account])
            answer = api.get(target)
            return answer.body if answer.status == 200 else None

        return self.until(once, target)


def push(town, objects):
    """A modality sends again what was not answered."""

    def once():
        contexts = [(one.sop_class, [one.syntax]) for one in objects[:1]]
        with Association("127.0.0.1", town.home.dicom_port, "DEMO_DR", "YINGQIAO", contexts) as peer:
            for one in objects:
                if one.status != 0:
                    one.status = peer.store(one.sop_class, one.uid, one.bytes, one.syntax)
        return all(one.status == 0 for one in objects)

    town.until(once, "push")


def claim(town, account, task, take):
    """Takes the task; where an earlier try took it and its answer was lost, goes on with that lease."""
    answer = town.press(account, task + take, {})
    if answer.status != 200:
        answer = town.press(account, task + "/resume", {}, done=())
    return answer.body


def find_task(town, uid):
    def once():
        api = town.home.api()
        api.login("reporter", town.password["reporter"])
        tasks = api.get("/api/v1/queue").body["tasks"]
        return [one for one in tasks if one["study"]["study_instance_uid"] == uid]

    return "/api/v1/tasks/" + town.until(once, "task")[0]["id"]


def walk(town):
    """Returns the objects sent, all steps done and everything settled."""
    about = dicomgen.Study(name="CHEN^MEI=陈^梅", patient_id="TS-" + dicomgen.new_uid()[-8:])
    series = dicomgen.new_uid()
    objects = [Sent(dicomgen.ct(about, series_uid=series, number=number, size=32)) for number in (1, 2, 3)]
    uid = about.study_uid
    push(town, objects)
    town.until(lambda: town.home.yqctl("study", "submit", uid, status=None).returncode == 0, "submit of the study")
    task = find_task(town, uid)
    lease = claim(town, "reporter", task, "/take")
    report = town.get("reporter", task + "/report")["report"]
    seen = report["revision"] if report else 0
    draft = town.press("reporter", task + "/draft", {"lease_token": lease["lease_token"], "revision": seen, "body": BODY}, "PUT")
    town.press("reporter", task + "/submit", {"lease_token": lease["lease_token"], "revision": draft.body["revision"],
                                              "study_version": lease["study_version"], "password": town.password["reporter"]})
    lease = claim(town, "reviewer", task, "/review")
    town.press("reviewer", task + "/sign", {"lease_token": lease["lease_token"], "password": town.password["reviewer"]})
    town.until(lambda: town.home.yqctl("wait", "--settled", "--timeout", "500 ms", status=None).returncode == 0, "settled")
    return objects, uid


def assert_whole(town, objects, uid, walks):
    home = town.home
    held = {one["sop_instance_uid"]: one for one in home.yqctl("instance", "list", "--study", uid, json=True)}
    assert {key: one["sha256"] for key, one in held.items() if one["origin"] == "device"} == {one.uid: one.sha256 for one in objects}
    own = {key: one["sha256"] for key, one in held.items() if one["origin"] == "own"}
    assert len(own) == 2, "SR and Encapsulated PDF, once each"
    returned = {one["path"].name.split(".", 1)[1]: one for one in site_objects(home)}
    for key, digest in own.items():
        assert returned[key]["sha256"] == digest, "the site's copy has other bytes"
    assert len(returned) == 2 * walks
    rows = home.sql(f"SELECT t.state, count(*) OVER (), v.state FROM study s JOIN reading_task t USING (study_id) JOIN report r USING (task_id) "
                    f"JOIN report_version v USING (report_id) WHERE study_instance_uid = '{uid}'")
    assert rows == [["done", "1", "issued"]]
    deliveries = [one for one in home.yqctl("delivery", "list", json=True) if one["study_instance_uid"] == uid]
    assert [(one["state"], one["items_confirmed"]) for one in deliveries] == [("delivered", 2)]
    check = home.yqctl("store", "check", "--orphan-grace", "0 s", json=True)
    assert (check["missing"], check["mismatched"], check["orphans"], check["pending"]) == (0, 0, 0, 0), check
    assert home.yqctl("audit", "verify", json=True)["faults"] == 0
    sites = [one for community in home.yqctl("coverage", json=True)["communities"] for one in community["site_list"]]
    assert sum(one["reports"] for one in sites) == walks


def site_objects(home):
    """What DCMTK's storescp keeps: bit-preserved data behind its own meta header, which ends after the group length says."""
    for path in home.received.iterdir():
        data = path.read_bytes()
        start = 132 + 12 + int.from_bytes(data[140:144], "little")
        yield {"path": path, "sha256": hashlib.sha256(data[start:]).hexdigest()}


@pytest.fixture(scope="module")
def town():
    with Demo(YQ_POLL_INTERVAL="200 ms", YQ_IDLE_TIMEOUT="20 s") as home:
        made = Town(home)
        made.walks = 0
        yield made


@pytest.mark.parametrize("program,point", POINTS)
def test_killed_at(town, program, point):
    town.killed.clear()
    town.home.restart(program, YQ_KILL_AT=point)
    objects, uid = walk(town)
    town.walks += 1
    town.until(lambda: town.killed, f"{program} never came by the point")
    assert town.killed == [program]
    assert_whole(town, objects, uid, town.walks)


def test_ledger_restarted_under_everything(town):
    """Down before the push, in a walk, and behind the issue; nobody but PostgreSQL is started again."""
    town.killed.clear()
    programs = dict(town.home.running)
    town.home.stop_ledger(signal.SIGQUIT)  # at once, as a crash
    about = dicomgen.Study(name="LI^NA=李^娜", patient_id="TS-9")
    away = [Sent(dicomgen.ct(about, series_uid=dicomgen.new_uid(), number=1, size=32))]
    push(town, away)
    town.home.start_ledger()
    town.until(lambda: town.home.yqctl("study", "submit", about.study_uid, status=None).returncode == 0, "indexed after the ledger came back")
    find_task(town, about.study_uid)
    objects, uid = walk(town)
    town.walks += 1
    town.home.restart_ledger()
    town.until(lambda: town.home.yqctl("wait", "--settled", "--timeout", "500 ms", status=None).returncode in (0, 75), "back")
    assert town.home.running == programs and not town.killed
    objects2, uid2 = walk(town)
    town.walks += 1
    assert_whole(town, objects, uid, town.walks)
    assert_whole(town, objects2, uid2, town.walks)
