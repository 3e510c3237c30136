"""A township's day over the API: registered, examined, matched by its 检查号, asked back, returned, answered, issued, printed; a critical value;
and what may go wrong at each. The demonstration's people and rules, with storescp, router and gateway."""

import concurrent.futures
import pathlib
import subprocess
import sys
import time
import urllib.parse

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
from demo import PROGRAMS, Demo  # noqa: E402
from installation import PATIENCE_S  # noqa: E402

BODY = {"method": "胸部正侧位DR。", "findings": "双肺野清晰。", "impression": "心肺膈未见明显异常。", "recommendation": "", "result": "negative",
        "is_critical": False, "quality_grade": "甲", "quality_reason": ""}
FORM = {"name": "张三", "sex": "M", "birth_date": "1957-03-12", "patient_class": "inpatient", "patient_id": "YQ20260001", "department": "内科",
        "doctor": "陈国强", "history": "咳嗽三天", "clinical_diagnosis": "肺炎？", "phone": "13800000000", "details": {"allergy": "青霉素"}}


def national_id(birth="19570312", order="123"):
    """An invented identity number with a right check character. A last digit of the order that is odd says male."""
    digits = "440781" + birth + order
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    return digits + "10X98765432"[sum(int(d) * w for d, w in zip(digits, weights)) % 11]


@pytest.fixture(scope="module")
def home():
    with Demo(is_seeded=True, YQ_CRITICAL_CONFIRM="1 s", YQ_POLL_INTERVAL="200 ms") as home:
        home.start_site()
        home.start(*PROGRAMS)
        yield home


class Person:
    """Asks, and fails the test when the answer is not the one wanted."""

    def __init__(self, home, account):
        self.password = home.passwords()[account]
        self.api = home.api()
        self.api.login(account, self.password)

    def get(self, target, want=200):
        return self.done("GET", target, None, want)

    def post(self, target, body=None, want=200):
        return self.done("POST", target, body or {}, want)

    def put(self, target, body, want=200):
        return self.done("PUT", target, body, want)

    def done(self, method, target, body, want):
        got = self.api.request(method, "/api/v1" + target, body)
        assert got.status == want, f"{method} {target}: {got}"
        return got.body


@pytest.fixture(scope="module")
def people(home):
    return {account: Person(home, account) for account in ("radiographer", "clinician", "reporter", "reviewer", "leader")}


@pytest.fixture(scope="module")
def item(people):
    return next(one for one in people["radiographer"].get("/items")["items"] if one["name"] == "胸部正侧位")


def push(home, folder, **more):
    folder.mkdir(exist_ok=True)
    study = dicomgen.make_study(folder, "dr-chest", size=64, **more)
    subprocess.run(["storescu", "-aet", "DEMO_DR", "-aec", "YINGQIAO", "127.0.0.1", str(home.dicom_port),
                    *[one["path"] for one in study["files"]]], check=True, capture_output=True)
    return study["study_instance_uid"], len(study["files"])


def until(look, what):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        if (found := look()):
            return found
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def row_of(person, uid, query=""):
    rows = person.get("/studies?limit=500" + query)["studies"]
    return next((row for row in rows if row["study_instance_uid"] == uid), None)


def examined(home, person, folder, **more):
    """A pushed study that is all there, submitted, with its task open."""
    uid, images = push(home, folder, **more)
    study = until(lambda: (row := row_of(person, uid)) and row["instances"] == images and row, "the images do not arrive")["id"]
    person.post(f"/studies/{study}/submit")
    return until(lambda: (row := row_of(person, uid)) and row["task"] and row, "no task is opened")


@pytest.fixture(scope="module")
def registered(people, item):
    return people["radiographer"].post("/requests", dict(FORM, item_code_id=item["id"], document=national_id()))


# ---- 登记 -----------------------------------------------------------------------------------------------------------------------


def test_registration(home, people, registered, item):
    assert registered["accession_number"].startswith("SHUIBU") and len(registered["accession_number"]) <= 16
    assert registered["patient"] == {"name": "=张三", "display_name": "张三", "id": "YQ20260001", "sex": "M", "birth_date": "1957-03-12",
                                     "age": registered["age_text"]}
    assert (registered["item_name"], registered["modality"], registered["body_part"]) == ("胸部正侧位", "DR", "CHEST")
    assert (registered["missing"], registered["state"], registered["study_id"]) == ([], "registered", None)
    assert registered["details"]["allergy"] == "青霉素" and registered["item_code_id"] == item["id"]
    assert people["clinician"].get("/requests/" + registered["id"]) == registered
    assert registered["id"] in [one["id"] for one in people["clinician"].get("/requests?state=registered&q=" + urllib.parse.quote("张三"))["requests"]]
    assert people["reporter"].get("/requests?q=nobody%25")["requests"] == []
    number = home.sql(f"SELECT national_id, source FROM identity_claim c JOIN request r USING (claim_id) WHERE r.public_id = '{registered['id']}'")
    assert number == [[national_id(), "request"]]


def test_many_at_once_get_numbers_of_their_own(people):
    form = dict(FORM, modality="CT", body_part="HEAD", patient_id="")
    people_at_once = [people["radiographer"], people["clinician"]]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = [pool.submit(people_at_once[i % 2].post, "/requests", dict(form, name=f"王{i}")) for i in range(24)]
        numbers = [one.result()["accession_number"] for one in made]
    assert len(set(numbers)) == 24


def test_a_change_keeps_the_number_and_the_document(home, people):
    form = {"name": "李四", "sex": "F", "age_text": "45Y", "patient_class": "outpatient", "modality": "DR", "body_part": "KNEE",
            "document": national_id("19810203", "124")}
    made = people["radiographer"].post("/requests", form)
    assert made["missing"] == ["history", "clinical_diagnosis", "department", "doctor", "item_name", "laterality"]
    assert made["patient"]["birth_date"] == "1981-02-03", "the document says it"
    changed = people["clinician"].put("/requests/" + made["id"], {**form, "document": None, "laterality": "left", "history": "跌倒"})
    assert changed["accession_number"] == made["accession_number"] and "laterality" not in changed["missing"]
    assert home.sql(f"SELECT national_id FROM identity_claim c JOIN request r USING (claim_id) WHERE r.public_id = '{made['id']}'") == [
        [form["document"]]]
    people["clinician"].put("/requests/" + made["id"], {**form, "document": None, "sex": "M"}, 400)
    assert people["clinician"].post(f"/requests/{made['id']}/cancel")["state"] == "cancelled"
    people["clinician"].post(f"/requests/{made['id']}/cancel", want=409)
    people["clinician"].put("/requests/" + made["id"], form, 409)


def test_two_without_any_sign_are_two_patients(home, people):
    form = {"name": "无名氏", "sex": "M", "age_text": "40Y", "patient_class": "emergency", "modality": "CT", "body_part": "HEAD"}
    ids = [people["radiographer"].post("/requests", form)["id"] for _ in range(2)]
    known = home.sql("SELECT count(DISTINCT c.patient_id) FROM identity_claim c JOIN request r USING (claim_id) WHERE r.public_id IN ('%s')"
                     % "', '".join(ids))
    assert known == [["2"]]


@pytest.mark.parametrize("change, word", [
    ({"name": None}, "name"), ({"name": "  "}, "name"), ({"name": "a\nb"}, "name"), ({"name": "张\u202e三"}, "name"),
    ({"name": "张" * 65}, "name"), ({"name": "A=B"}, "name"), ({"name": "A\\B"}, "name"), ({"name": "\x7f"}, "name"), ({"name": 7}, "name"),
    ({"sex": None}, "sex"), ({"sex": ""}, "sex"), ({"sex": "male"}, "sex"),
    ({"birth_date": None}, "birth_date"), ({"birth_date": "2026-02-30"}, "birth_date"), ({"birth_date": "2999-01-01"}, "future"),
    ({"birth_date": None, "age_text": "45"}, "age_text"), ({"age_text": "old"}, "age_text"),
    ({"patient_class": None}, "patient_class"), ({"patient_class": "vip"}, "patient_class"),
    ({"modality": None}, "asked for"), ({"body_part": ""}, "asked for"), ({"modality": "x-ray"}, "modality"),
    ({"laterality": "up"}, "laterality"), ({"item_code_id": "1"}, "item_code_id"),
    ({"item_code_id": "00000000-0000-4000-8000-000000000000"}, "item_code_id"),
    ({"document": "1"}, "18"), ({"document": national_id()[:17] + "?"}, "check character"),
    ({"document": national_id("19570313")}, "contradict"), ({"document": national_id(order="124")}, "contradict"),
    ({"document": national_id()[:10] + "2" + national_id()[11:]}, "identity number"), ({"document": national_id("19571312")}, "birth date"),
    ({"history": "x" * 6001}, "history"), ({"history": "a\u2028b"}, "history"), ({"department": "a\nb"}, "department"),
    ({"patient_id": "a\\b"}, "patient_id"), ({"is_urgent": "yes"}, "is_urgent"), ({"details": []}, "details"),
    ({"details": {"allergy": 1}}, "allergy"), ({"site_id": "x"}, "site_id"),
])
def test_bad_forms_are_refused_with_their_reason(people, change, word):
    form = {**FORM, "modality": "DR", "body_part": "CHEST", **change}
    answer = people["radiographer"].post("/requests", form, 400)
    assert word in answer["detail"], answer


@pytest.mark.parametrize("name, shown", [
    ("<img onerror>", "<img onerror>"), ("محمد بن عبد الله", "محمد بن عبد الله"), ("\U00020bb7野家", "\U00020bb7野家"), ("张" * 60, "张" * 60),
    ("e\u0301", "\u00e9"), ("'; DROP TABLE request; --", "'; DROP TABLE request; --"),
])
def test_names_are_kept_as_written(people, name, shown):
    made = people["radiographer"].post("/requests", dict(FORM, name=name, modality="DR", body_part="CHEST", patient_id=""))
    assert made["patient"]["display_name"] == shown


def test_another_site_is_not_there(home, people):
    foreign = home.sql("SELECT public_id FROM scope JOIN site ON site_id = scope_id WHERE code <> 'ts-shuibu' LIMIT 1")[0][0]
    people["radiographer"].post("/requests", dict(FORM, modality="DR", body_part="CHEST", site_id=foreign), 404)
    people["reporter"].post("/requests", FORM, 403)


# ---- the whole path ---------------------------------------------------------------------------------------------------------------


def test_the_whole_day_of_one_examination(home, people, registered, tmp_path):
    radiographer, reporter, reviewer, clinician = (people[name] for name in ("radiographer", "reporter", "reviewer", "clinician"))
    row = examined(home, radiographer, tmp_path / "a", accession=registered["accession_number"], patient_id="YQ20260001")
    assert row["request"] == {"id": registered["id"], "accession_number": registered["accession_number"], "item_name": "胸部正侧位", "missing": []}
    assert row["patient_class"] == "inpatient", "as registered"
    assert (row["step"], row["task"]["place"], row["task"]["expected_at"], row["is_late"]) == ("awaiting", 1, None, False)
    study, task = "/studies/" + row["id"], "/tasks/" + row["task"]["id"]
    shown = radiographer.get(study)
    assert shown["request"]["id"] == registered["id"] and shown["request"]["state"] == "matched"
    assert home.sql(f"SELECT method, matched_by IS NULL, score FROM request_match m JOIN study s USING (study_id) "
                    f"WHERE s.public_id = '{row['id']}'")[0][:2] == ["automatic", "t"]
    assert row_of(radiographer, row["study_instance_uid"], "&matched=no") is None
    assert row_of(radiographer, row["study_instance_uid"], "&matched=yes")["id"] == row["id"]
    people["radiographer"].post(f"/requests/{registered['id']}/cancel", want=409)

    def again():
        return radiographer.get("/studies?ids=" + row["id"])["studies"][0]

    # 追问病史: the clock stands, the reader keeps the task.
    lease = reporter.post(task + "/take")
    token = {"lease_token": lease["lease_token"]}
    due = again()["task"]["due_at"]
    asked = reporter.post(task + "/questions", dict(token, question="何时起病？"))
    assert (asked["question"], asked["answer"]) == ("何时起病？", None)
    reporter.post(task + "/questions", dict(token, question="还有？"), 409)
    reviewer.post(task + "/questions", dict(token, question="我也问"), 409)
    assert again()["task"]["open_question"]["id"] == asked["id"] and again()["step"] == "writing"
    assert home.sql(f"SELECT paused_at IS NOT NULL FROM reading_task WHERE public_id = '{row['task']['id']}'") == [["t"]]
    reporter.post(f"/questions/{asked['id']}/answer", {"answer": "自问自答"}, 403)
    assert clinician.post(f"/questions/{asked['id']}/answer", {"answer": "三天前"})["answered_by"] == "陈国强"
    radiographer.post(f"/questions/{asked['id']}/answer", {"answer": "又答"}, 409)
    assert again()["task"]["open_question"] is None and again()["task"]["due_at"] > due
    assert radiographer.get(study)["tasks"][0]["questions"][0]["answer"] == "三天前"
    reporter.post(task + "/heartbeat", token)

    # 退回, answered, taken again, written, signed.
    reporter.post(task + "/return", dict(token, kind="request", reason="缺侧位说明"))
    back = again()
    assert back["step"] == "returned" and back["task"]["open_return"]["reason"] == "缺侧位说明" and back["task"]["place"] is None
    # What is returned waits for the site on the days after, too.
    waiting = lambda: [one["id"] for one in radiographer.get("/studies?waiting=yes&limit=500")["studies"]]  # noqa: E731
    home.sql(f"UPDATE study SET first_arrival_at = first_arrival_at - interval '3 days' WHERE public_id = '{row['id']}'")
    assert row["id"] in waiting()
    radiographer.post(task + "/answer", {"answer": "已补"})
    assert row["id"] not in waiting()
    home.sql(f"UPDATE study SET first_arrival_at = first_arrival_at + interval '3 days' WHERE public_id = '{row['id']}'")
    assert again()["step"] == "awaiting"
    lease = reporter.post(task + "/take")
    draft = reporter.put(task + "/draft", {"lease_token": lease["lease_token"], "revision": 0, "body": BODY})
    radiographer.post(f"/reports/{draft['report_id']}/printed", want=409)
    reporter.post(task + "/submit", {"lease_token": lease["lease_token"], "revision": draft["revision"], "study_version": lease["study_version"],
                                     "password": reporter.password})
    assert again()["step"] == "awaiting_review"
    lease = reviewer.post(task + "/review")
    reviewer.post(task + "/sign", {"lease_token": lease["lease_token"], "password": reviewer.password})
    issued = again()
    assert issued["step"] == "issued" and issued["report"]["state"] == "issued" and issued["times"]["printed"] is None

    # A question that nobody answered in time waits for nobody any more.
    home.sql(f"UPDATE task_question SET answered_at = NULL, answered_by = NULL, answer = NULL "
             f"WHERE task_id = (SELECT task_id FROM reading_task WHERE public_id = '{issued['task']['id']}')")
    assert again()["task"]["open_question"] is None and row["id"] not in waiting()
    home.sql(f"UPDATE task_question SET answered_at = asked_at, answered_by = asked_by, answer = '已补' "
             f"WHERE task_id = (SELECT task_id FROM reading_task WHERE public_id = '{issued['task']['id']}')")

    # Opened and printed, counted.
    assert clinician.api.get(f"/api/v1/reports/{issued['report']['id']}/pdf").status == 200
    assert [radiographer.post(f"/reports/{issued['report']['id']}/printed")["printed"] for _ in range(2)] == [1, 2]
    printed = again()
    assert printed["step"] == "printed" and printed["times"]["opened"] and printed["times"]["printed"] == printed["step_at"]
    events = [entry["event"] for entry in radiographer.get(study)["timeline"]]
    order = ["request.matched", "task.asked", "task.question_answered", "task.returned", "task.answered", "report.issued", "receipt.printed"]
    assert [event for event in events if event in order] == [*order, "receipt.printed"]


def test_a_critical_value_until_it_is_closed(home, people, tmp_path):
    radiographer, reporter, clinician = (people[name] for name in ("radiographer", "reporter", "clinician"))
    row = examined(home, radiographer, tmp_path / "b", patient_id="YQ20260002")
    target = f"/studies/{row['id']}/critical-values"
    radiographer.post(target, {"item": "气胸"}, 403)
    reporter.post(target, {"item": " "}, 400)
    with radiographer.api.events() as stream:
        value = reporter.post(target, {"item": "张力性气胸"})
        seen = next(event for event in stream if value["id"] in event["data"])
        assert "critical_value.raise" in seen["data"]
        until_overdue = next(event for event in stream if value["id"] in event["data"])
        assert "critical_value.overdue" in until_overdue["data"], "the router says so when nobody confirms"
    base = "/critical-values/" + value["id"]
    assert value["state"] == "raised" and radiographer.get("/critical-values?open=yes")["critical_values"][0]["is_overdue"]
    assert row_of(radiographer, row["study_instance_uid"])["critical"]["id"] == value["id"]
    clinician.post(base + "/handle", {"handling": "胸腔闭式引流"}, 409)
    clinician.post(base + "/close", want=409)
    reporter.post(base + "/notify", {"contact": "李秀兰", "is_physician": "no"}, 400)
    assert reporter.post(base + "/notify", {"contact": "李秀兰（技师）", "is_physician": False})["state"] == "notified"
    told = reporter.post(base + "/notify", {"contact": "陈国强", "is_physician": True})
    assert [one["contact"] for one in told["contacts"]] == ["李秀兰（技师）", "陈国强"]
    radiographer.post(base + "/read-back", {"read_back": "收到", "physician_name": ""}, 400)
    radiographer.post(base + "/read-back", {"read_back": "收到"}, 400)
    repeated = radiographer.post(base + "/read-back", {"read_back": "左侧张力性气胸", "physician_name": "陈国强"})
    assert repeated["read_back_at"] and [one["confirmed_at"] is None for one in repeated["contacts"]] == [True, False]
    clinician.post(base + "/close", want=409)
    reporter.post(base + "/handle", {"handling": "x"}, 403)
    assert clinician.post(base + "/handle", {"handling": "胸腔闭式引流"})["state"] == "handled"
    assert clinician.post(base + "/close")["state"] == "closed"
    assert value["id"] not in [one["id"] for one in clinician.get("/critical-values?open=yes")["critical_values"]]
    assert row_of(radiographer, row["study_instance_uid"])["critical"] is None
    assert [one["state"] for one in radiographer.get(f"/studies/{row['id']}")["critical_values"]] == ["closed"]


# ---- 匹配 -------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def by_hand(home):
    """The site leaves everything but the 检查号 to people, for the time of a test."""
    home.yqctl("matching", "set", "ts-shuibu", "--beyond-accession", "no")
    yield
    home.yqctl("matching", "set", "ts-shuibu", "--beyond-accession", "yes")


def test_matched_by_hand_and_taken_back(home, people, by_hand, tmp_path):
    radiographer = people["radiographer"]
    form = dict(FORM, name="赵六", patient_id="YQ20260009", modality="DR", body_part="CHEST")
    right, wrong = radiographer.post("/requests", form), radiographer.post("/requests", dict(form, name="钱七", sex="F", patient_id=""))
    row = examined(home, radiographer, tmp_path / "c", name="ZHAO^LIU=赵^六", patient_id="YQ20260009")
    assert row["request"] is None and row_of(radiographer, row["study_instance_uid"], "&matched=no")
    target = f"/studies/{row['id']}"
    best = radiographer.get(target + "/match-candidates")["candidates"]
    assert best[0]["request"]["id"] == right["id"] and best[0]["score"] > best[1]["score"]
    names = {one["name"] for one in best[0]["evidence"]}
    assert {"patient_id_equal", "name_equal", "sex_equal", "birth_date_equal", "modality_equal"} <= names
    other = next(one for one in best if one["request"]["id"] == wrong["id"])
    assert {"name_differs", "sex_differs"} <= {one["name"] for one in other["evidence"]}
    people["reporter"].post(target + "/match", {"request_id": right["id"]}, 403)
    radiographer.post(target + "/match", {"request_id": "x"}, 400)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        tries = [pool.submit(radiographer.api.post, f"/api/v1{target}/match", {"request_id": one["id"]}) for one in [right, wrong] * 4]
        assert sorted(one.result().status for one in tries) == [200] + [409] * 7
    until(lambda: not home.sql("SELECT 1 FROM study_signal WHERE handled_at IS NULL"), "the router does not look again")
    matched = radiographer.get(target)["request"]["id"]
    radiographer.post(target + "/unmatch", {}, 400)
    radiographer.post(target + "/unmatch", {"reason": "选错了"})
    radiographer.post(target + "/unmatch", {"reason": "选错了"}, 409)
    assert radiographer.get("/requests/" + matched)["state"] == "registered"
    radiographer.post(target + "/match", {"request_id": right["id"], "reason": "同一人"})
    assert radiographer.get("/requests/" + right["id"])["study_id"] == row["id"]
    facts = home.sql(f"SELECT reason, undoes_id IS NOT NULL FROM correction JOIN study s USING (study_id) WHERE s.public_id = '{row['id']}' "
                     "ORDER BY correction_id")
    assert facts == [["matched by hand", "f"], ["选错了", "t"], ["同一人", "f"]]
    assert home.sql(f"SELECT count(*) FROM request_match JOIN study s USING (study_id) WHERE s.public_id = '{row['id']}'") == [["2"]]


def test_a_number_of_somebody_else_is_left_to_people(home, people, tmp_path):
    radiographer = people["radiographer"]
    made = radiographer.post("/requests", dict(FORM, name="孙八", sex="F", patient_id="", modality="DR", body_part="CHEST"))
    row = examined(home, radiographer, tmp_path / "d", name="ZHANG^SAN=张^三", sex="M", patient_id="YQ20260010", accession=made["accession_number"])
    assert row["request"] is None
    best = radiographer.get(f"/studies/{row['id']}/match-candidates")["candidates"]
    one = next(one for one in best if one["request"]["id"] == made["id"])
    assert {"accession_equal", "name_differs", "sex_differs"} <= {fact["name"] for fact in one["evidence"]}


def test_what_a_person_took_apart_the_router_does_not_join_again(home, people, tmp_path):
    radiographer = people["radiographer"]
    made = radiographer.post("/requests", dict(FORM, patient_id="YQ20260011", modality="DR", body_part="CHEST"))
    row = examined(home, radiographer, tmp_path / "e", patient_id="YQ20260011", accession=made["accession_number"])
    assert row["request"]["id"] == made["id"]
    radiographer.post(f"/studies/{row['id']}/unmatch", {"reason": "重名"})
    radiographer.post(f"/studies/{row['id']}/submit")
    until(lambda: not home.sql("SELECT 1 FROM study_signal WHERE handled_at IS NULL"), "the router does not look again")
    assert radiographer.get(f"/studies/{row['id']}")["request"] is None


def test_what_will_not_come_is_said_by_a_person(home, people, tmp_path):
    """胸部正侧位 wants two views; one came, and the other was not taken."""
    radiographer = people["radiographer"]
    uid, images = push(home, tmp_path / "f", patient_id="YQ20260012")
    row = until(lambda: (row := row_of(radiographer, uid)) and row["instances"] == images and row, "the images do not arrive")
    assert row["state"] == "receiving"
    target = f"/studies/{row['id']}/complete"
    radiographer.post(target, want=400)
    radiographer.post(target, {"reason": " "}, want=400)
    radiographer.post(target, {"reason": "侧" * 501}, want=400)
    people["clinician"].post(target, {"reason": "侧位未拍"}, want=403)
    radiographer.post(target, {"reason": "侧位未拍"})
    until(lambda: row_of(radiographer, uid)["state"] == "complete", "it is not complete")
    assert "signal.complete_by_hand" in [one["event"] for one in radiographer.get(f"/studies/{row['id']}")["timeline"]]


# ---- devices ------------------------------------------------------------------------------------------------------------------------


def test_devices(home, people):
    radiographer = people["radiographer"]
    device = radiographer.get("/devices")["devices"][0]
    assert device["calling_ae"] == "DEMO_DR" and device["today"]["images"] > 0 and device["is_enabled"]
    assert device["charset_counts"][0]["instances"] == device["today"]["images"]
    steps = {one["step"]: one for one in radiographer.post(f"/devices/{device['id']}/test")["steps"]}
    assert list(steps) == ["registered", "enabled", "seen", "echo", "images", "charset", "clock"]
    # The sample's times are those of the machine that runs the test, in its own zone: the clock may be anything, and is said in seconds.
    assert {name for name in steps if not steps[name]["ok"]} - {"clock"} == {"echo"} and steps["echo"]["detail"] == "press_echo"
    assert steps["clock"]["ok"] == (abs(device["clock_offset_s"]) <= 300) and steps["clock"]["detail"] == str(device["clock_offset_s"])
    subprocess.run(["echoscu", "-aet", "DEMO_DR", "-aec", "YINGQIAO", "127.0.0.1", str(home.dicom_port)], check=True, capture_output=True)
    until(lambda: radiographer.post(f"/devices/{device['id']}/test")["steps"][3]["ok"], "the echo is not counted")


def test_no_log_names_a_patient(home):
    for path in (home.home / "log").iterdir():
        text = path.read_text(errors="replace")
        for word in ("张", "赵", "SHUIBU", national_id(), "13800000000"):
            assert word not in text, f"{path.name}: {text[max(0, text.index(word) - 100):][:200]}"
