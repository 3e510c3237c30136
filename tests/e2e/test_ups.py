"""UPS-RS: the reading queue as a worklist of workstations, behind the same gate as the page; and its events over a real WebSocket."""

import concurrent.futures
import datetime
import json
import pathlib
import socket
import sys
import time
import urllib.parse
import uuid

import pytest
import websocket

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from tests.support.installation import PATIENCE_S, Api, Installation, free_port  # noqa: E402
from tests.support.psql import Psql  # noqa: E402
from tests.support.scene import PASSWORD, Scene  # noqa: E402

JSON = "application/dicom+json"
ROOT = "/dicom-web/workitems"
WORKLIST, FILTERED = "1.2.840.10008.5.1.4.34.5", "1.2.840.10008.5.1.4.34.5.1"
STATE, UID, TRANSACTION, READINESS, REASON = "00741000", "00080018", "00081195", "00404041", "00741238"
PROGRESS, PERCENT, WORDS = "00741002", "00741004", "00741006"


@pytest.fixture(scope="module")
def home():
    with Installation() as installation:
        installation.scene = Scene(installation)
        installation.start("yq-gateway")
        yield installation
        log = installation.log("yq-gateway")
        assert "panic" not in log and "runtime error" not in log and "AddressSanitizer" not in log
        assert "ZHANG" not in log and "张" not in log


@pytest.fixture(scope="module")
def scene(home):
    return home.scene


@pytest.fixture(scope="module")
def people(scene):
    return {name: scene.login(name) for name in ("reporter1", "reporter2", "reviewer1", "duty_leader1", "reporter9")}


def new_uid():
    return f"2.25.{uuid.uuid4().int}"


def value(dataset, tag):
    return dataset[tag].get("Value", [None])[0]


def attributes(**values):
    """Of the tags of above, by their names."""
    vrs = {"STATE": "CS", "TRANSACTION": "UI", "REASON": "LT"}
    return {globals()[name]: {"vr": vrs[name], "Value": [one]} for name, one in values.items()}


def put_state(api, uid, state, transaction=None):
    values = {"STATE": state} | ({"TRANSACTION": transaction} if transaction else {})
    return api.request("PUT", f"{ROOT}/{uid}/state", json.dumps([attributes(**values)]), {"Content-Type": JSON})


def update(api, uid, dataset, transaction=None):
    query = f"?transaction-uid={transaction}" if transaction else ""
    return api.request("POST", f"{ROOT}/{uid}{query}", json.dumps(dataset), {"Content-Type": JSON})


def progress(percent, words):
    return {PROGRESS: {"vr": "SQ", "Value": [{PERCENT: {"vr": "DS", "Value": [percent]}, WORDS: {"vr": "ST", "Value": [words]}}]}}


def warning(answer):
    return (answer.headers["Warning"] or "").removeprefix('299 yingqiao: "').removesuffix('"')


class Task:
    """A new study of E1 whose task waits."""

    def __init__(self, scene, **about):
        name = "ups-" + uuid.uuid4().hex
        scene.study("E1", name=name, **about)
        scene.flush()
        self.home, self.id, self.page = scene.home, scene.tasks[name], f"/api/v1/tasks/{scene.tasks[name]}"

    def items(self):
        """[[UID, state]] of its workitems, the first first."""
        return self.home.sql(f"""SELECT w.sop_instance_uid, w.state FROM workitem w JOIN reading_task t USING (task_id)
                                 WHERE t.public_id = '{self.id}' ORDER BY workitem_id""")

    @property
    def uid(self):
        return self.items()[-1][0]

    @property
    def state(self):
        return self.home.sql(f"SELECT state FROM reading_task WHERE public_id = '{self.id}'")[0][0]


# ---- pull ---------------------------------------------------------------------------------------------------------------------


def test_what_a_search_does_not_do_is_said(people):
    answer = people["reporter1"].get(f"{ROOT}?PatientSex=F&includefield=PatientID,PatientComments")
    assert answer.status in (200, 204) and answer.headers.get_all("Warning")[0] == '299 yingqiao: "These keys were not matched: PatientSex"'
    assert people["reporter1"].get(f"{ROOT}?includefield=NoSuchAttribute").status == 400


def test_search_and_retrieve(home, scene, people):
    task, api = Task(scene, patient="李^四", patient_class="emergency"), people["reporter1"]
    study = home.sql(f"SELECT s.shown_uid FROM study s JOIN reading_task t USING (study_id) WHERE t.public_id = '{task.id}'")[0][0]

    def found(query, who=api):
        answer = who.get(f"{ROOT}?{urllib.parse.quote(query, safe='=&*')}")
        assert answer.status in (200, 204), answer
        return [value(one, UID) for one in answer.body or []]

    for query in (f"SOPInstanceUID={task.uid}", "PatientName=*李*四*&ProcedureStepState=SCHEDULED", f"0020000D={study}",
                  f"SOPInstanceUID={task.uid}&00741200=HIGH&InputReadinessState=READY&WorklistLabel=queue*",
                  f"SOPInstanceUID={task.uid}&ScheduledProcedureStepStartDateTime=2020-"):
        assert found(query) == [task.uid], query
    for query in ("ProcedureStepState=COMPLETED", f"SOPInstanceUID={task.uid}&00741200=LOW", f"0020000D={study}&PatientName=王*",
                  f"SOPInstanceUID={task.uid}&ScheduledProcedureStepStartDateTime=-2020"):
        assert found(query) == [], query
    assert found(f"SOPInstanceUID={task.uid}", people["reporter9"]) == [], "of another community"
    first = api.get(f"{ROOT}?limit=1")
    assert len(first.body) == 1 and "additional results" in warning(first)
    assert set(found("limit=1&offset=1")).isdisjoint([value(first.body[0], UID)])
    for query in ("limit=0", "ScheduledProcedureStepStartDateTime=yesterday", "PatientName=" + "x" * 65, "ProcedureStepState=%27;--"):
        assert api.get(f"{ROOT}?{query}").status == 400, query
    assert api.get(ROOT, Accept="text/html").status == 406

    shown = api.get(f"{ROOT}/{task.uid}")
    one = shown.body[0]
    assert shown.headers["Content-Type"] == JSON
    assert [value(one, tag) for tag in ("00080016", UID, STATE, READINESS, "00741200", "0020000D")] == \
        ["1.2.840.10008.5.1.4.34.6.1", task.uid, "SCHEDULED", "READY", "HIGH", study]
    assert value(one, "00100010")["Ideographic"] == "李^四" and TRANSACTION not in one
    for uid, who in ((task.uid, "reporter9"), (new_uid(), "reporter1"), ("1.2.x", "reporter1"), (WORKLIST, "reporter1")):
        assert people[who].get(f"{ROOT}/{uid}").status == 404
    looks = home.sql(f"SELECT count(*) FROM audit WHERE action = 'workitem.view' AND actor = '{scene.persons['reporter1']}'")
    assert looks == [["1"]]


def test_the_study_that_is_not_whole_is_not_ready(scene, people):
    task, api = Task(scene, state="receiving"), people["reporter1"]
    assert value(api.get(f"{ROOT}/{task.uid}").body[0], READINESS) == "INCOMPLETE"
    refused = put_state(api, task.uid, "IN PROGRESS", new_uid())
    assert refused.status == 409 and "inconsistent with the current state" in warning(refused) and task.state == "awaiting"
    with Channel(scene.home, api, "LATE") as channel:
        assert subscribe(api, task.uid, "LATE").status == 201
        assert value(channel.next(), READINESS) == "INCOMPLETE"
        for state, readiness in (("complete", "READY"), ("receiving", "INCOMPLETE")):
            scene.home.sql(f"UPDATE study SET state = '{state}' WHERE study_id = (SELECT study_id FROM reading_task WHERE public_id = '{task.id}')")
            assert value(channel.next(), READINESS) == readiness
        assert api.delete(f"{ROOT}/{task.uid}/subscribers/LATE").status == 200


def test_workitems_are_not_created_here(people):
    answer = people["reporter1"].request("POST", ROOT, json.dumps([{}]), {"Content-Type": JSON})
    assert answer.status == 403 and "reading queue" in answer.body["detail"]


# ---- one gate -------------------------------------------------------------------------------------------------------------------


def test_page_and_workstation_race_for_one_task_and_one_wins(scene):
    task = Task(scene)
    uid = task.uid
    sessions = [scene.login(name) for name in ("reporter1", "reporter2", "reviewer1", "reviewer2")]

    def try_it(n):
        api = sessions[n % 4]
        return api.post(task.page + "/take").status if n % 8 < 4 else put_state(api, uid, "IN PROGRESS", new_uid()).status

    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        statuses = sorted(pool.map(try_it, range(24)))
    assert statuses == [200] + [409] * 23
    assert task.items() == [[uid, "IN PROGRESS"]] and task.state == "writing"


def test_a_claim_lasts_until_it_is_given_back(home, scene, people):
    task, api, other = Task(scene), people["reporter1"], people["reporter2"]
    uid, transaction = task.uid, new_uid()
    assert put_state(api, uid, "IN PROGRESS", transaction).status == 200
    refused = put_state(other, uid, "IN PROGRESS", new_uid())
    assert (refused.status, warning(refused)) == (409, "The UPS is already IN PROGRESS")
    # The page sees it as taken, and the same lease: what a person began at one of them goes on at the other.
    assert [t["holder"] for t in other.get("/api/v1/queue?state=writing&limit=200").body["tasks"] if t["id"] == task.id] == ["Dr reporter1"]
    lease = api.post(task.page + "/resume").body["lease_token"]
    assert uuid.UUID(lease).int == int(transaction.removeprefix("2.25."))

    assert (answer := update(api, uid, progress(5, "x"))).status == 400 and warning(answer) == "The Transaction UID is missing"
    for who, wrong in ((api, new_uid()), (other, transaction)):
        answer = update(who, uid, progress(5, "x"), wrong)
        assert (answer.status, warning(answer)) == (409, "The Transaction UID is incorrect")
    home.sql(f"UPDATE reading_task SET lease_until = yq_now() + interval '1 minute' WHERE public_id = '{task.id}'")
    assert update(api, uid, progress(40, "一半"), transaction).status == 200
    assert home.sql(f"SELECT lease_until > yq_now() + interval '5 minutes' FROM reading_task WHERE public_id = '{task.id}'") == [["t"]], "a sign of life"
    step = value(api.get(f"{ROOT}/{uid}").body[0], PROGRESS)
    assert (value(step, PERCENT), value(step, WORDS)) == (40, "一半")
    partial = update(api, uid, progress("60.5", "more") | {"00741210": {"vr": "SQ"}}, transaction)
    assert partial.status == 200 and warning(partial) == "Requested optional Attributes are not supported"
    for dataset in ({"00741200": {"vr": "CS", "Value": ["HIGH"]}}, attributes(STATE="COMPLETED"), {"PatientName": {}}, progress(101, ""),
                    progress("9e1", ""), progress(1, "x" * 1025), {PROGRESS: {"vr": "SQ", "Value": ["x"]}}, {PROGRESS: []}):
        assert update(api, uid, dataset, transaction).status == 400, dataset
    assert value(value(api.get(f"{ROOT}/{uid}").body[0], PROGRESS), PERCENT) == 60.5

    early = put_state(api, uid, "COMPLETED", transaction)
    assert early.status == 409 and "final state requirements" in warning(early) and task.state == "writing"
    assert put_state(other, uid, "CANCELED", transaction).status == 409
    assert put_state(api, uid, "CANCELED", transaction).status == 200
    (first, ended), (second, waits) = task.items()
    assert (first, ended, waits, task.state) == (uid, "CANCELED", "SCHEDULED", "awaiting") and first != second
    again = put_state(api, uid, "CANCELED", transaction)
    assert (again.status, warning(again)) == (200, "The UPS is already in the requested state of CANCELED")
    for state in ("IN PROGRESS", "COMPLETED"):
        assert (answer := put_state(api, uid, state, transaction)).status == 409 and "no longer" in warning(answer)
    assert update(api, uid, progress(1, ""), transaction).status == 409
    for state in ("COMPLETED", "CANCELED"):
        assert "not yet" in warning(put_state(api, second, state, transaction))
    assert put_state(other, second, "IN PROGRESS", "1.2.3").status == 200, "any UID may be a transaction"
    assert put_state(other, second, "CANCELED", "1.2.3").status == 200


def test_what_the_page_does_is_seen_by_the_workstation(home, scene, people):
    task, api = Task(scene), people["reporter1"]
    first = task.uid
    token = api.post(task.page + "/take").body["lease_token"]
    assert value(api.get(f"{ROOT}/{first}").body[0], STATE) == "IN PROGRESS"
    assert api.post(task.page + "/release", {"lease_token": token}).status == 200
    second = task.uid
    assert [state for _, state in task.items()] == ["CANCELED", "SCHEDULED"]
    token = api.post(task.page + "/take").body["lease_token"]
    assert put_state(api, second, "CANCELED", f"2.25.{uuid.UUID(token).int}").status == 200, "the token of the page has a UID, too"
    # A lease that ran out is nobody's.
    third, transaction = task.uid, new_uid()
    assert put_state(api, third, "IN PROGRESS", transaction).status == 200
    home.sql(f"UPDATE reading_task SET lease_until = yq_now() - interval '1 s' WHERE public_id = '{task.id}'")
    assert update(api, third, progress(1, ""), transaction).status == 409
    assert people["reporter2"].post(task.page + "/take").status == 200
    assert [state for _, state in task.items()] == ["CANCELED"] * 3 + ["IN PROGRESS"]
    # Returned: it waits for the site and cannot be taken.
    assert api.post(task.page + "/return", {"kind": "request", "reason": "?"}).status == 409
    token = people["reporter2"].post(task.page + "/resume").body["lease_token"]
    assert people["reporter2"].post(task.page + "/return", {"kind": "request", "reason": "no history", "lease_token": token}).status == 200
    assert value(api.get(f"{ROOT}/{task.uid}").body[0], READINESS) == "INCOMPLETE"
    assert put_state(api, task.uid, "IN PROGRESS", new_uid()).status == 409


def test_completed_is_what_the_gate_completed(home, scene, people):
    task, api = Task(scene), people["reviewer1"]
    home.sql(f"UPDATE reading_task SET kind = 'recheck' WHERE public_id = '{task.id}'")
    uid, transaction = task.uid, new_uid()
    assert put_state(api, uid, "IN PROGRESS", transaction).status == 200
    assert put_state(api, uid, "COMPLETED", transaction).status == 409
    token = api.post(task.page + "/resume").body["lease_token"]
    assert api.post(task.page + "/no-influence", {"lease_token": token, "reason": "the same"}).status == 200
    assert task.items() == [[uid, "COMPLETED"]]
    done = put_state(api, uid, "COMPLETED", transaction)
    assert (done.status, warning(done)) == (200, "The UPS is already in the requested state of COMPLETED")
    assert warning(put_state(api, uid, "CANCELED", transaction)) == "The UPS is already COMPLETED"
    assert api.request("POST", f"{ROOT}/{uid}/cancelrequest").status == 409


@pytest.mark.parametrize("body, type, status", [
    ("", JSON, 400), ("{", JSON, 400), ("[]", JSON, 400), ("[{},{}]", JSON, 400), ("3", JSON, 400), ("[" * 40 + "]" * 40, JSON, 400),
    ('{"00741000": 1}', JSON, 400), ('{"00741000": {"Value": 1}}', JSON, 400), ('{"00741000": {"Value": [1]}}', JSON, 400),
    (json.dumps(attributes(STATE="IN PROGRESS")), JSON, 400), (json.dumps(attributes(STATE="IN PROGRESS", TRANSACTION="x")), JSON, 400),
    (json.dumps(attributes(STATE="SCHEDULED", TRANSACTION="1.2")), JSON, 400), (json.dumps(attributes(STATE="DONE", TRANSACTION="1.2")), JSON, 400),
    ("{}", "application/dicom+xml", 415), ('{"a": "' + "x" * 20000 + '"}', JSON, 413)])
def test_bodies_that_are_none(scene, people, body, type, status):
    uid = scene.home.sql("SELECT sop_instance_uid FROM workitem w JOIN scope s ON s.scope_id = w.site_id WHERE s.name = 'E2' AND w.state = 'SCHEDULED'")[0][0]
    assert people["reporter1"].request("PUT", f"{ROOT}/{uid}/state", body, {"Content-Type": type}).status == status


# ---- events ----------------------------------------------------------------------------------------------------------------------


class Channel:
    def __init__(self, home, api, ae_title="WS1", **options):
        self.socket = websocket.create_connection(f"ws://127.0.0.1:{api.port}/dicom-web/subscribers/{ae_title}", timeout=PATIENCE_S,
                                                  header={**({"Cookie": api.cookie} if api.cookie else {}), **options.pop("header", {})}, suppress_origin=True, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def next(self):
        report = json.loads(self.socket.recv())
        assert value(report, "00000002") == "1.2.840.10008.5.1.4.34.6.1" and isinstance(value(report, "00000110"), int)
        assert "00100010" not in report, "no patient"
        return report

    def until(self, uid, kind=1, state=None):
        """Reports up to this one, which is returned; and the UIDs of those before it."""
        before = []
        while True:
            report = self.next()
            if (value(report, "00001000"), value(report, "00001002")) == (uid, kind) and (state is None or value(report, STATE) == state):
                return report, before
            before.append(value(report, "00001000"))

    def closed(self):
        """The code with which the other side ends it; 0: its pings go on and on."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            opcode, data = self.socket.recv_data(control_frame=True)
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return int.from_bytes(data[:2], "big")
        return 0


def subscribe(api, uid, ae_title="WS1", query=""):
    return api.request("POST", f"{ROOT}/{uid}/subscribers/{ae_title}{query}")


def test_events_of_page_and_workstation(home, scene, people):
    api, page = people["reporter1"], people["reporter2"]
    old, transaction = Task(scene), new_uid()
    foreign = home.sql("SELECT sop_instance_uid FROM workitem w JOIN scope s ON s.scope_id = w.site_id WHERE s.name = 'W1'")[0][0]
    with Channel(home, api) as channel, Channel(home, page) as other:
        answer = subscribe(api, WORKLIST)
        assert (answer.status, answer.headers["Content-Location"]) == (201, f"ws://127.0.0.1:{api.port}/dicom-web/subscribers/WS1")
        report, before = channel.until(old.uid)
        assert (value(report, STATE), value(report, READINESS)) == ("SCHEDULED", "READY"), "how it stands comes with the subscription"
        task = Task(scene)
        uid = task.uid
        more = channel.until(uid, state="SCHEDULED")[1]
        token = page.post(task.page + "/take").body["lease_token"]
        more += channel.until(uid, state="IN PROGRESS")[1]
        assert page.post(task.page + "/release", {"lease_token": token}).status == 200
        gone, others = channel.until(uid, state="CANCELED")
        assert value(gone, REASON) == "release"
        uid = task.uid
        channel.until(uid, state="SCHEDULED")
        assert put_state(api, uid, "IN PROGRESS", transaction).status == 200
        channel.until(uid, state="IN PROGRESS")
        assert update(api, uid, progress(25, "quarter"), transaction).status == 200
        step = value(channel.until(uid, kind=3)[0], PROGRESS)
        assert (value(step, PERCENT), value(step, WORDS)) == (25, "quarter")
        assert foreign not in before + more + others
        # Who asks for an end of it is heard by its holder alone, who decides.
        request = page.request("POST", f"{ROOT}/{uid}/cancelrequest", json.dumps(attributes(REASON="the wrong one")), {"Content-Type": JSON})
        assert request.status == 202 and task.state == "writing"
        assert value(channel.until(uid, kind=2)[0], REASON) == "the wrong one"
        noted = home.sql(f"SELECT DISTINCT action FROM audit WHERE action LIKE 'workitem.%' AND actor IN ('{scene.persons['reporter1']}', '{scene.persons['reporter2']}')")
        assert {"workitem.subscribe", "workitem.ask_cancel"} <= {row[0] for row in noted}

        # Another person under the same AE title is another subscriber.
        assert subscribe(page, old.uid).status == 201
        assert value(other.next(), "00001000") == old.uid
        # Left out of the worklist, then suspended: neither is told; the next that is told follows.
        assert api.delete(f"{ROOT}/{uid}/subscribers/WS1").status == 200
        assert put_state(api, uid, "CANCELED", transaction).status == 200
        assert uid not in channel.until(task.uid, state="SCHEDULED")[1]
        assert api.post(f"{ROOT}/{WORKLIST}/subscribers/WS1/suspend").status == 200
        unheard = Task(scene)
        assert page.post(unheard.page + "/take").status == 200
        assert page.post(old.page + "/take").status == 200
        assert unheard.uid not in channel.until(old.uid, state="IN PROGRESS")[1]
        assert value(other.next(), STATE) == "IN PROGRESS"
        assert api.delete(f"{ROOT}/{WORKLIST}/subscribers/WS1").status == 200
        assert api.post(f"{ROOT}/{WORKLIST}/subscribers/WS1/suspend").status == 404
        with page.events() as stream:
            token = page.post(old.page + "/resume").body["lease_token"]
            assert page.post(old.page + "/release", {"lease_token": token}).status == 200
            assert json.loads(next(stream)["data"])["kind"] == "task.release", "pages are not told of workitems"
        assert value(other.next(), STATE) == "CANCELED"
    assert home.sql(f"SELECT count(*) FROM workitem_subscription b JOIN person p USING (person_id) WHERE p.account = 'reporter1'") == [["0"]]


def test_cancelling_what_nobody_took_is_for_a_duty_leader(scene, people):
    task = Task(scene)
    assert people["reporter1"].request("POST", f"{ROOT}/{task.uid}/cancelrequest").status == 403 and task.state == "awaiting"
    body = json.dumps(attributes(REASON="重复检查"))
    assert people["duty_leader1"].request("POST", f"{ROOT}/{task.uid}/cancelrequest", body, {"Content-Type": JSON}).status == 202
    assert (task.state, task.items()[0][1]) == ("cancelled", "CANCELED")
    shown = value(people["reporter1"].get(f"{ROOT}/{task.uid}").body[0], PROGRESS)
    assert value(shown, REASON) == "重复检查"
    held = Task(scene)
    assert people["reviewer1"].post(held.page + "/take").status == 200
    assert subscribe(people["reviewer1"], FILTERED, "WS1", "?00741200=HIGH").status == 201, "which this one is not"
    refused = people["duty_leader1"].request("POST", f"{ROOT}/{held.uid}/cancelrequest")
    assert (refused.status, warning(refused)) == (409, "The performer cannot be contacted")
    assert people["reviewer1"].delete(f"{ROOT}/{FILTERED}/subscribers/WS1").status == 200


UNTELLABLE = """
CREATE OR REPLACE FUNCTION yq_workitem_told(p_workitem uuid, p_kind text) RETURNS TABLE (person uuid, ae_title text, report jsonb) LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF p_workitem = (SELECT public_id FROM workitem WHERE sop_instance_uid = '{uid}') THEN
        RAISE EXCEPTION 'canceling statement due to statement timeout' USING ERRCODE = 'query_canceled';
    END IF;
    RETURN QUERY SELECT * FROM told_before(p_workitem, p_kind);
END $$;
"""


def test_an_event_that_cannot_be_told_holds_up_no_other(home, scene, people):
    api, sick, well = people["reporter1"], Task(scene), Task(scene)
    with Channel(home, api, "WS3") as channel:
        for task in (sick, well):
            assert subscribe(api, task.uid, "WS3").status == 201
            channel.until(task.uid)
        told = home.sql("SELECT replace(pg_get_functiondef('yq_workitem_told'::regproc), chr(10), ' ')")[0][0]
        home.sql(told.replace("yq_workitem_told", "told_before") + "; GRANT EXECUTE ON FUNCTION told_before(uuid, text) TO yq_gateway;" + UNTELLABLE.format(uid=sick.uid))
        try:
            assert [people["reporter2"].post(task.page + "/take").status for task in (sick, well)] == [200, 200]
            while (heard := (value(report := channel.next(), "00001000"), value(report, STATE))) != (well.uid, "IN PROGRESS"):
                assert heard != (sick.uid, "IN PROGRESS")
        finally:
            home.sql(told + "; DROP FUNCTION told_before(uuid, text)")


@pytest.mark.parametrize("query, kept", [
    ("filter=00741200=HIGH", {"priorities": ["HIGH"]}), ("filter=00741200%3DHIGH%2CPatientID%3Dx*", {"priorities": ["HIGH"], "patient_id": "x%"}),
    ("deletionlock=false&filter=ScheduledProcedureStepPriority=HIGH,LOW,%20WorklistLabel=q*", {"priorities": ["HIGH", "LOW"], "label": "q%"}),
    ("filter=PatientName=Wang^J*=%E7%8E%8B*", {"patient_name": "Wang^J%=王%"}), ("filter=0020000D=1.2,1.3,1.4", {"studies": ["1.2", "1.3", "1.4"]}),
    ("filter=0040A370.00080050=A1,00404005=20260301083000%2B0000-", {"accession": "A1", "from": "20260301163000", "to": "9" * 14}),
    ("filter=PatientID=*", {}), ("filter=PatientID=1&00741200=HIGH", {"patient_id": "1", "priorities": ["HIGH"]}), ("00741200=HIGH&PatientID=1", {"patient_id": "1", "priorities": ["HIGH"]})])
def test_the_filter_of_a_subscription(home, people, query, kept):
    answer = subscribe(people["reviewer1"], FILTERED, "WS7", "?" + query)
    assert (answer.status, answer.headers["Warning"]) == (201, None), answer
    stored = home.sql("SELECT filter FROM workitem_subscription WHERE ae_title = 'WS7'")
    assert [json.loads(row[0]) for row in stored] == [kept]
    assert people["reviewer1"].delete(f"{ROOT}/{FILTERED}/subscribers/WS7").status == 200


@pytest.mark.parametrize("query", [
    "", "?deletionlock=true", "?filter=", "?filter=,", "?filter=HIGH", "?filter==HIGH", "?filter=%20=HIGH", "?filter=HIGH,00741200=LOW", "?filter=PatientID=1,PatientID=2",
    "?PatientID=1&filter=PatientID=2", "?filter=filter=00741200=HIGH", "?filter=PatientName=" + "x" * 65, "?filter=00404005=yesterday",
    "?filter=" + ",".join(f"0010{n:04}=1" for n in range(40))])
def test_what_is_no_filter_subscribes_to_nothing(home, people, query):
    assert subscribe(people["reviewer1"], FILTERED, "WS7", query).status == 400
    assert home.sql("SELECT count(*) FROM workitem_subscription WHERE ae_title = 'WS7'") == [["0"]]


def test_a_filter_tells_of_what_fits_alone_and_names_what_it_does_not_match(home, scene, people):
    api = people["reviewer1"]
    answer = subscribe(api, FILTERED, "WS7", "?filter=00741200=HIGH,PatientSex=F&deletionlock=true")
    assert (answer.status, warning(answer)) == (201, "These keys were not matched: PatientSex")
    with Channel(home, api, "WS7") as channel:
        dull, urgent = Task(scene), Task(scene, patient_class="emergency")
        assert dull.uid not in channel.until(urgent.uid)[1]
    assert api.delete(f"{ROOT}/{FILTERED}/subscribers/WS7").status == 200


def test_a_filtered_worklist_and_a_gateway_that_died_meanwhile(home, scene):
    for name in ("den8", "den9"):
        scene.person(name, "E0", [("reporter", "east")])
    scene.flush()
    api, other = scene.login("den8"), scene.login("den9")
    for one in (api, other):
        assert subscribe(one, FILTERED, "DEN.1", "?00741200=HIGH&deletionlock=true").status == 201
    assert subscribe(api, FILTERED, "DEN.1", "?PatientName=" + "x" * 65).status == 400
    with Channel(home, api, "DEN.1") as channel:
        dull, urgent = Task(scene), Task(scene, patient_class="emergency")
        assert dull.uid not in channel.until(urgent.uid)[1]
        home.kill("yq-gateway")
    last = Task(scene, patient_class="emergency")
    home.sql(f"UPDATE workitem SET state = 'CANCELED', ended_at = yq_now(), reason = 'cancel' WHERE sop_instance_uid = '{urgent.uid}'")
    home.start("yq-gateway")
    with Channel(home, api, "DEN.1") as channel, Channel(home, other, "DEN.1") as witness:
        stands, before = channel.until(last.uid)
        assert value(stands, STATE) == "SCHEDULED" and urgent.uid in before and dull.uid not in before
        # What a person may see is asked at each event.
        home.sql(f"UPDATE person_right SET revoked_at = yq_now() WHERE person_id = (SELECT person_id FROM person WHERE public_id = '{scene.persons['den8']}')")
        hidden = [Task(scene, patient_class="emergency").uid for _ in range(2)]
        assert hidden[0] in witness.until(hidden[1])[1], "what came before the second was sent to everybody"
        assert api.post("/api/v1/logout").status == 200
        while (frame := channel.socket.recv_data())[0] != websocket.ABNF.OPCODE_CLOSE:
            assert value(json.loads(frame[1]), "00001000") not in hidden
        assert int.from_bytes(frame[1][:2], "big") == 1008


def test_every_gateway_tells_what_happened_at_another(home, scene):
    port = free_port()
    home.start_as("yq-gateway-2", "yq-gateway", YQ_HTTP_PORT=str(port))
    here, there = scene.login("reviewer2"), Api(port)
    there.login("reviewer2", PASSWORD)
    task, transaction = Task(scene), new_uid()
    with Channel(home, here, "TWO") as channel, Channel(home, there, "TWO") as second:
        assert subscribe(there, task.uid, "TWO").status == 201
        for one in (channel, second):
            assert value(one.next(), STATE) == "SCHEDULED"
        assert put_state(there, task.uid, "IN PROGRESS", transaction).status == 200
        for one in (channel, second):
            assert value(one.next(), STATE) == "IN PROGRESS"
        home.stop("yq-gateway-2")
        assert second.closed() == 1001
        assert update(here, task.uid, progress(50, ""), transaction).status == 200, "a lease is of no gateway"
        assert value(channel.next(), "00001002") == 3


def test_a_channel_ends_with_what_it_came_in_by_wherever_that_ended(home, scene):
    port = free_port()
    home.start_as("yq-gateway-2", "yq-gateway", YQ_HTTP_PORT=str(port))
    names = [f"gone{n}" for n in range(5)]
    for name in names:
        scene.person(name, "E0", [("reporter", "east")])
    scene.flush()
    out, disabled, silent, workstation, witness = apis = [scene.login(name) for name in names]
    made = workstation.post("/api/v1/workstations", {"workstation": "CT", "uses": ["worklist"], "until": str(datetime.date.today() + datetime.timedelta(30)), "password": PASSWORD}).body
    for api in apis:
        assert subscribe(api, WORKLIST, "GONE").status == 201
    with out.events() as stream, witness.events() as stays:
        channels = [Channel(home, api, "GONE") for api in (out, disabled, silent)]
        bearer = {"Authorization": "Bearer " + made["token"]}
        channels.append(Channel(home, Api(workstation.port), "GONE", header=bearer))
        kept = [Channel(home, api, "GONE") for api in (workstation, witness)]
        there = Api(port)
        for api, act in ((out, lambda: there.post("/api/v1/logout")), (workstation, lambda: there.delete("/api/v1/workstations/" + made["id"]))):
            there.cookie, there.csrf = api.cookie, api.csrf
            assert act().status == 200
        home.sql(f"""UPDATE person SET is_active = false WHERE public_id = '{scene.persons["gone1"]}';
                     UPDATE session SET expires_at = yq_now() - interval '1 s'
                     WHERE person_id = (SELECT person_id FROM person WHERE public_id = '{scene.persons["gone2"]}')""")
        for channel in channels:
            assert channel.closed() == 1008
        task = Task(scene)
        for channel in kept:
            channel.until(task.uid)
        assert witness.post(task.page + "/take").status == 200
        is_told = [any(json.loads(event["data"])["kind"] == "task.take" for event in one) for one in (stays, stream)]
        assert is_told == [True, False], "the other one had ended before"
    home.stop("yq-gateway-2")


# Until two requests wait.
HOLD = """DO $$ BEGIN
    LOCK TABLE held IN ACCESS EXCLUSIVE MODE;
    WHILE (SELECT count(*) FROM pg_stat_activity WHERE usename = 'yq_gateway' AND wait_event_type = 'Lock') < 2 LOOP
        PERFORM pg_stat_clear_snapshot();
    END LOOP;
END $$"""


def test_of_subscriptions_at_once_none_is_one_too_many(home, scene):
    person = scene.person("full1", "E0", [("reporter", "east")])
    scene.flush()
    api = scene.login("full1")
    home.sql(f"""INSERT INTO workitem_subscription (person_id, ae_title) SELECT person_id, 'N' || n FROM person, generate_series(1, 999) n
                 WHERE public_id = '{person}'""")
    # Whoever has subscribed waits for a table before it commits, so that the other one counts meanwhile, or waits for it.
    home.sql("""CREATE TABLE held (); CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
                    BEGIN PERFORM FROM held; RETURN NULL; END $$;
                CREATE TRIGGER hold AFTER INSERT ON workitem_subscription FOR EACH ROW EXECUTE FUNCTION hold()""")
    psql = Psql(home)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        holding = pool.submit(psql.ask, HOLD)
        while home.sql("SELECT count(*) FROM pg_locks WHERE relation = 'held'::regclass AND granted") != [["1"]]:
            pass
        answers = [pool.submit(subscribe, api, WORKLIST, name) for name in ("LAST", "TOOMANY")]
        statuses = sorted(answer.result().status for answer in answers)
        holding.result()
    psql.end()
    home.sql("DROP TRIGGER hold ON workitem_subscription; DROP FUNCTION hold(); DROP TABLE held")
    assert statuses == [201, 409]
    assert home.sql(f"SELECT count(*) FROM workitem_subscription JOIN person p USING (person_id) WHERE p.public_id = '{person}'") == [["1000"]]
    assert subscribe(api, WORKLIST, "N7").status == 201, "one of the thousand, renewed"
    assert subscribe(api, WORKLIST, "ANOTHER").status == 409


def test_a_handshake_by_http_1_0_is_told_why_it_is_none(home, scene):
    api = scene.login("reporter2")
    lines = ["GET /dicom-web/subscribers/WS1 HTTP/1.0", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Cookie: " + api.cookie, "", ""]
    with socket.create_connection(("127.0.0.1", api.port), PATIENCE_S) as connection:
        connection.sendall("\r\n".join(lines).encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer.split(b" ", 2)[1] == b"426" and b"HTTP/1.1" in answer.split(b"\r\n\r\n", 1)[1]


def test_channels_are_guarded(home, scene):
    api = scene.login("reporter2")
    address = "/dicom-web/subscribers/WS1"
    key = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    for headers, status in (({}, 426), (key | {"Sec-WebSocket-Version": "8"}, 426), (key | {"Connection": "close"}, 426),
                            (key | {"Sec-WebSocket-Key": "short"}, 400), (key | {"Origin": "https://elsewhere.example"}, 403),
                            (key | {"Sec-Fetch-Site": "cross-site"}, 403)):
        assert api.get(address, **headers).status == status, headers
    assert api.request("HEAD", address, headers=key).status == 426
    assert home.api().get(address, **key).status == 401
    for wrong in ("x" * 17, "%5C", "a%0Ab"):
        assert api.get("/dicom-web/subscribers/" + wrong, **key).status == 404
        assert subscribe(api, WORKLIST, wrong).status == 404
    with Channel(home, api) as channel:
        channel.socket.send("x" * 5000)
        assert channel.closed() == 1009
    with Channel(home, api) as channel:
        channel.socket.sock.sendall(b"\x81\x01x")  # not masked
        assert channel.closed() == 1002
    with Channel(home, api, "WS2") as channel:
        channel.socket.ping("still there?")
        assert channel.socket.recv_data(control_frame=True)[0] == websocket.ABNF.OPCODE_PONG
    channels = [Channel(home, api) for _ in range(17)]
    assert channels[0].closed() == 1008, "the oldest has to end"
    for channel in channels:
        channel.socket.close()
