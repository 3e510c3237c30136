"""Corrections as the people of a site make them: over the API and by yqctl, with storescp, router and gateway; what a report, a picture, a late
image and another person notice of it."""

import concurrent.futures
import pathlib
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
from demo import PROGRAMS, Demo  # noqa: E402
from installation import PATIENCE_S  # noqa: E402

CONFLICT = 75
BODY = {"method": "胸部正侧位DR。", "findings": "双肺野清晰。", "impression": "心肺膈未见明显异常。", "recommendation": "", "result": "negative",
        "is_critical": False, "quality_grade": "甲", "quality_reason": ""}


@pytest.fixture(scope="module")
def home():
    with Demo(is_seeded=True, YQ_POLL_INTERVAL="200 ms") as home:
        home.start_site()
        home.start(*PROGRAMS)
        yield home


class Person:
    """Asks, and fails the test when the answer is not the one wanted."""

    def __init__(self, home, account, password=None):
        self.password = password or home.passwords()[account]
        self.api = home.api()
        self.api.login(account, self.password)

    def get(self, target, want=200):
        return self.done("GET", target, None, want)

    def post(self, target, body=None, want=200):
        return self.done("POST", target, body or {}, want)

    def put(self, target, body, want=200):
        return self.done("PUT", target, body, want)

    def done(self, method, target, body, want):
        got = self.api.request(method, target if target.startswith("/dicom-web") else "/api/v1" + target, body)
        assert got.status == want, f"{method} {target}: {got}"
        return got.body


@pytest.fixture(scope="module")
def people(home):
    return {account: Person(home, account) for account in ("radiographer", "clinician", "reporter", "reviewer", "leader")}


@pytest.fixture(scope="module")
def radiographer(people):
    return people["radiographer"]


def until(look, what):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        if (found := look()):
            return found
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def send(home, folder, *datasets):
    folder.mkdir(exist_ok=True)
    paths = [dicomgen.write_part10(str(folder / f"{n}-{one.text(0x00080018)[-8:]}.dcm"), one)["path"] for n, one in enumerate(datasets)]
    subprocess.run(["storescu", "-aet", "DEMO_DR", "-aec", "YINGQIAO", "127.0.0.1", str(home.dicom_port), *paths], check=True,
                   capture_output=True)


class Examination:
    """Two series of one study: the first of one image, the second of two."""

    def __init__(self, home, folder, name="ZHANG^SAN=张^三", patient_id="YQ20260001", **more):
        self.home, self.folder = home, folder
        self.study = dicomgen.Study(name=name, patient_id=patient_id, **more)
        self.uid, self.first, self.second = self.study.study_uid, dicomgen.new_uid(), dicomgen.new_uid()
        send(home, folder, dicomgen.dr(self.study, self.first), *[dicomgen.dr(self.study, self.second, number=n) for n in (1, 2)])

    def late(self, series=None):
        send(self.home, self.folder, dicomgen.dr(self.study, series or self.second, number=9))

    def rows(self, person):
        return [row for row in person.get("/studies?limit=500")["studies"] if row["study_instance_uid"] == self.uid]

    def there(self, person):
        """The id of the study, when it is submitted and has its task."""
        study = until(lambda: (rows := self.rows(person)) and rows[0]["instances"] == 3 and rows[0], "the images do not arrive")["id"]
        person.post(f"/studies/{study}/submit")
        until(lambda: self.rows(person)[0]["task"], "no task is opened")
        return study


def previewed(person, study, what):
    return person.post(f"/studies/{study}/corrections/preview", what)


def correct(person, study, what, want=201, **more):
    revision = previewed(person, study, what)["revision"]
    return person.post(f"/studies/{study}/corrections", dict(what, reason="登记时弄错了", revision=revision, **more), want)


def undo(person, correction, want=201):
    preview = person.post(f"/corrections/{correction}/undo/preview")
    return person.post(f"/corrections/{correction}/undo", {"reason": "改错了", "revision": preview["revision"]}, want)


def edit(name="李四"):
    return {"kind": "edit_patient", "patient": {"name": name}}


def split(exam):
    return {"kind": "split", "series": [exam.second], "patient": {"name": "李四", "sex": "F", "birth_date": "1961-05-06", "patient_id": "YQ-900"}}


def series_of(person, study):
    return {one["series_instance_uid"]: len(one["instances"]) for one in person.get(f"/studies/{study}")["series"]}


# ---- split ------------------------------------------------------------------------------------------------------------------------


def test_a_split_as_a_radiographer_makes_it(home, radiographer, tmp_path):
    exam = Examination(home, tmp_path / "split")
    study = exam.there(radiographer)
    preview = previewed(radiographer, study, split(exam))
    assert preview["images"]["instances"] == 2 and preview["images"]["series"] == 1
    assert [(one["role"], one["instances_before"], one["instances_after"]) for one in preview["studies"]] == [("from", 3, 1), ("new", 0, 2)]
    assert {one["name"] for one in preview["fields"]} >= {"name", "sex", "birth_date", "patient_id"}
    assert [one["effect"] for one in preview["tasks"]] == ["confirm"]
    assert len(exam.rows(radiographer)) == 1, "a preview changes nothing"

    made = correct(radiographer, study, split(exam))
    new = made["new_study_id"]
    assert made["study_id"] == new != study
    assert series_of(radiographer, study) == {exam.first: 1} and series_of(radiographer, new) == {exam.second: 2}
    shown = radiographer.get(f"/studies/{new}")
    assert shown["patient"]["display_name"] == "李四" and shown["study_instance_uid"] == exam.uid
    picture = shown["series"][0]["instances"][0]["rendered"]
    radiographer.done("GET", picture, None, 200)
    radiographer.get(f"/studies/{new}/thumbnail")
    until(lambda: next(row for row in exam.rows(radiographer) if row["id"] == new)["task"], "what came of it is not offered for reading")

    exam.late()
    until(lambda: series_of(radiographer, new) == {exam.second: 3}, "the late image did not follow its series")
    assert series_of(radiographer, study) == {exam.first: 1}

    def apart_from_states(correction):
        """They go on while it is looked: the late image makes a study receive again."""
        return {**correction, "studies": [{key: value for key, value in one.items() if key != "state"} for one in correction["studies"]]}

    entry = radiographer.get(f"/studies/{new}/corrections")["corrections"][0]
    assert (entry["kind"], entry["reason"], entry["can_undo"], entry["undone_by_id"]) == ("split", "登记时弄错了", True, None)
    assert entry["before"]["patient"]["name"].startswith("ZHANG^SAN") and entry["after"]["patient"]["name"] == "=李四"
    assert "steps" not in entry and apart_from_states(entry) == apart_from_states(radiographer.get("/corrections/" + entry["id"]))
    assert entry["id"] in [one["id"] for one in radiographer.get("/corrections?limit=10")["corrections"]]
    undo(radiographer, made["id"])
    assert series_of(radiographer, study) == {exam.first: 1, exam.second: 3}, "the late one comes along"
    assert radiographer.get(f"/studies/{new}")["merged_into"] == study
    assert [row["id"] for row in exam.rows(radiographer)] == [study], "what was ended is in no list"
    radiographer.post(f"/corrections/{made['id']}/undo/preview", want=409)


def test_bytes_are_never_touched(home, radiographer, tmp_path):
    exam = Examination(home, tmp_path / "bytes")
    study = exam.there(radiographer)
    look = f"SELECT sop_instance_uid, encode(i.sha256, 'hex'), object_key FROM instance i JOIN series r USING (series_id) " \
           f"WHERE r.series_instance_uid IN ('{exam.first}', '{exam.second}') ORDER BY 1"
    before = home.sql(look)
    correct(radiographer, study, split(exam))
    correct(radiographer, study, edit("王五"))
    assert home.sql(look) == before
    home.yqctl("store", "check")


# ---- merge and move -----------------------------------------------------------------------------------------------------------------


def test_a_merge_and_its_undo(home, people, tmp_path):
    radiographer = people["radiographer"]
    one, other = Examination(home, tmp_path / "one"), Examination(home, tmp_path / "other")
    source, target = one.there(radiographer), other.there(radiographer)
    task = one.rows(radiographer)[0]["task"]["id"]
    lease = people["reporter"].post(f"/tasks/{task}/take")
    people["reporter"].put(f"/tasks/{task}/draft", {"lease_token": lease["lease_token"], "revision": 0, "body": BODY})
    made = correct(radiographer, source, {"kind": "merge", "target_study_id": target})
    assert made["study_id"] == target and len(series_of(radiographer, target)) == 4
    assert one.rows(radiographer) == [] and radiographer.get(f"/studies/{source}")["state"] == "merged"
    # Its picture is under the other study now, and no longer under its own.
    path = "/series/" + one.first + "/instances/" + home.sql(
        f"SELECT sop_instance_uid FROM instance JOIN series USING (series_id) WHERE series_instance_uid = '{one.first}'")[0][0] + "/rendered"
    radiographer.get(f"/dicom-web/studies/{other.uid}{path}")
    radiographer.get(f"/dicom-web/studies/{one.uid}{path}", 404)
    radiographer.get(f"/studies/{source}/thumbnail", 404)
    people["reporter"].put(f"/tasks/{task}/draft", {"lease_token": lease["lease_token"], "revision": 1, "body": BODY}, 409)
    assert people["reporter"].get(f"/tasks/{task}/report")["report"]["body"]["findings"] == BODY["findings"], "not a typed word is lost"
    undo(radiographer, made["id"])
    again = people["reporter"].post(f"/tasks/{task}/take")
    people["reporter"].put(f"/tasks/{task}/draft", {"lease_token": again["lease_token"], "revision": 1, "body": dict(BODY, findings="续写。")})
    people["reporter"].post(f"/tasks/{task}/release", {"lease_token": again["lease_token"]})


def test_another_patient_is_not_merged_in_unseen(home, radiographer, tmp_path):
    one, other = Examination(home, tmp_path / "a"), Examination(home, tmp_path / "b", name="LI^SI=李^四", patient_id="YQ20260002", sex="F")
    source, target = one.there(radiographer), other.there(radiographer)
    what = {"kind": "move_images", "series": [one.second], "target_study_id": target}
    refused = correct(radiographer, source, what, 409)
    assert refused["code"] == "unconfirmed" and refused["contradictions"] == ["name", "sex"] and refused["detail"]
    correct(radiographer, source, what, confirmed=["name", "sex"])
    assert series_of(radiographer, target)[one.second] == 2


# ---- who is it ----------------------------------------------------------------------------------------------------------------------


def test_a_report_in_writing_is_submitted_for_the_right_name(home, people, tmp_path):
    exam = Examination(home, tmp_path / "writing")
    study = exam.there(people["radiographer"])
    task = "/tasks/" + exam.rows(people["radiographer"])[0]["task"]["id"]
    reporter, reviewer = people["reporter"], people["reviewer"]
    lease = reporter.post(task + "/take")
    draft = reporter.put(task + "/draft", {"lease_token": lease["lease_token"], "revision": 0, "body": BODY})
    correct(people["radiographer"], study, edit())
    submission = {"lease_token": lease["lease_token"], "revision": draft["revision"], "study_version": lease["study_version"],
                  "password": reporter.password}
    assert "patient" in reporter.post(task + "/submit", submission, 409)["detail"]
    corrected = reporter.get(task)["corrected"]
    assert corrected["patient_revision"] == 1 and corrected["corrections"][0]["after"]["patient"]["name"] == "=李四"
    reporter.post(task + "/submit", dict(submission, patient_revision=0), 409)
    reporter.post(task + "/submit", dict(submission, patient_revision=1))
    lease = reviewer.post(task + "/review")
    correct(people["radiographer"], study, edit("李五"))
    reviewer.post(task + "/sign", {"lease_token": lease["lease_token"], "password": reviewer.password}, 409)
    reviewer.post(task + "/send-back", {"lease_token": lease["lease_token"], "remark": "患者信息已更正"})


def test_an_issued_report_gets_a_proposal(home, people, tmp_path):
    exam = Examination(home, tmp_path / "issued")
    study = exam.there(people["radiographer"])
    task = "/tasks/" + exam.rows(people["radiographer"])[0]["task"]["id"]
    reporter, reviewer = people["reporter"], people["reviewer"]
    lease = reporter.post(task + "/take")
    draft = reporter.put(task + "/draft", {"lease_token": lease["lease_token"], "revision": 0, "body": BODY})
    reporter.post(task + "/submit", {"lease_token": lease["lease_token"], "revision": draft["revision"],
                                     "study_version": lease["study_version"], "password": reporter.password})
    lease = reviewer.post(task + "/review")
    reviewer.post(task + "/sign", {"lease_token": lease["lease_token"], "password": reviewer.password})
    report = people["radiographer"].get(f"/studies/{study}")["reports"][0]["id"]
    preview = previewed(people["radiographer"], study, edit())
    assert [(one["id"], one["effect"]) for one in preview["reports"]] == [(report, "propose")]
    correct(people["radiographer"], study, edit())
    proposal = next(one for one in reviewer.get("/report-proposals?open=yes")["proposals"] if one["report_id"] == report)
    assert proposal["is_mine"] and proposal["may_settle"] and proposal["correction"]["kind"] == "edit_patient"
    assert not next(one for one in reporter.get("/report-proposals")["proposals"] if one["report_id"] == report)["may_settle"]
    target = f"/report-proposals/{proposal['id']}/settle"
    reporter.post(target, {"outcome": "no_influence", "reason": "x"}, 403)
    people["radiographer"].get("/report-proposals", 403)
    reviewer.post(target, {"outcome": "no_influence"}, 400)
    reviewer.post(target, {"outcome": "no_influence", "reason": "同一人，仅错别字"})
    reviewer.post(target, {"outcome": "no_influence", "reason": "再来"}, 409)
    settled = next(one for one in reviewer.get("/report-proposals?open=no")["proposals"] if one["report_id"] == report)
    assert (settled["state"], settled["reason"]) == ("no_influence", "同一人，仅错别字") and settled["settled_by"]


# ---- two at once, roles, bad input ------------------------------------------------------------------------------------------------------


def test_of_two_at_once_one_wins_and_the_other_is_told(home, people, tmp_path):
    exam = Examination(home, tmp_path / "rivals")
    study = exam.there(people["radiographer"])
    rivals = [people["radiographer"], people["leader"]]
    for turn in range(6):
        wishes = [dict(edit(f"李{turn}{n}"), reason="r", revision=previewed(one, study, edit(f"李{turn}{n}"))["revision"])
                  for n, one in enumerate(rivals)]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            got = list(pool.map(lambda pair: pair[0].api.request("POST", f"/api/v1/studies/{study}/corrections", pair[1]), zip(rivals, wishes)))
        assert sorted(one.status for one in got) == [201, 409], got
        lost = next(one.body for one in got if one.status == 409)
        assert lost["code"] == "stale" and lost["changes"][0]["kind"] == "edit_patient" and lost["changes"][0]["by"]


def test_who_may(home, people, tmp_path):
    exam = Examination(home, tmp_path / "roles")
    study = exam.there(people["radiographer"])
    made = correct(people["leader"], study, edit())["id"]
    for account in ("clinician", "reporter", "reviewer"):
        people[account].post(f"/studies/{study}/corrections/preview", edit("x"), 403)
        people[account].post(f"/corrections/{made}/undo", {"reason": "x", "revision": "y"}, 403)
    people["clinician"].get(f"/studies/{study}/corrections", 403)
    people["reporter"].get(f"/studies/{study}/corrections")


def test_what_is_of_another_site_is_not_there(home, people, tmp_path):
    exam = Examination(home, tmp_path / "foreign")
    study = exam.there(people["radiographer"])
    made = correct(people["radiographer"], study, edit())
    code = home.sql("SELECT code FROM site JOIN scope ON scope_id = site_id WHERE site_id NOT IN "
                    f"(SELECT site_id FROM study WHERE public_id = '{study}') AND licensed_type <> 'hospital' LIMIT 1")[0][0]
    home.yqctl("account", "add", "outsider", "--name", "外人", "--site", code, "--role", "radiographer", "--password-stdin",
               input="an outside pass phrase\n")
    stranger = Person(home, "outsider", "an outside pass phrase")
    stranger.post(f"/studies/{study}/corrections/preview", edit(), 404)
    stranger.post(f"/studies/{study}/corrections", dict(edit(), reason="x", revision="0-0"), 404)
    stranger.get(f"/studies/{study}/corrections", 404)
    stranger.get("/corrections/" + made["id"], 404)
    stranger.post(f"/corrections/{made['id']}/undo/preview", want=404)
    stranger.post(f"/corrections/{made['id']}/undo", {"reason": "x", "revision": "y"}, 404)
    assert stranger.get("/corrections")["corrections"] == []
    review = home.sql("SELECT public_id FROM identity_review LIMIT 1")
    for one in [row[0] for row in review] + ["00000000-0000-4000-8000-000000000000"]:
        for act, body in (("settle", {"outcome": "same", "reason": "x"}), ("undo", {"reason": "x"})):
            assert stranger.post(f"/identity-reviews/{one}/{act}", body, 404)["detail"] == "there is no such review"


@pytest.mark.parametrize("what", [
    {}, {"kind": 7}, {"kind": "edit_patient"}, {"kind": "edit_patient", "patient": {}}, {"kind": "edit_patient", "patient": {"name": ""}},
    {"kind": "edit_patient", "patient": {"birth_date": "2026-02-31"}}, {"kind": "edit_patient", "patient": {"document": "1"}},
    {"kind": "split", "series": "1.2"}, {"kind": "split", "series": ["x"], "patient": {"name": "李四"}},
    {"kind": "split", "series": ["1.2"], "patient": {"name": "李四"}, "claim_id": "00000000-0000-4000-8000-000000000000"},
    {"kind": "merge"}, {"kind": "merge", "target_study_id": "x"}, {"kind": "split", "series": ["1.2"] * 1001, "patient": {"name": "李四"}},
])
def test_bad_input_is_refused_with_a_reason(home, people, tmp_path_factory, what):
    study = people["radiographer"].get("/studies?limit=1")["studies"][0]["id"]
    assert people["radiographer"].post(f"/studies/{study}/corrections/preview", what, 400)["detail"]


# ---- identities ---------------------------------------------------------------------------------------------------------------------------


def test_who_is_who(home, people, tmp_path):
    radiographer = people["radiographer"]
    one = Examination(home, tmp_path / "p", name="CHEN^YI=陈^一", patient_id="YQ-777")
    one.there(radiographer)
    other = Examination(home, tmp_path / "q", name="HE^ER=何^二", patient_id="YQ-777")
    other.there(radiographer)

    def review():
        return next(entry for entry in radiographer.get("/identity-reviews?limit=200")["reviews"]
                    if {claim["patient"]["display_name"] for claim in entry["claims"]} == {"陈一", "何二"})
    entry = review()
    assert entry["contradictions"] == ["name"] and set(entry["agreements"]) >= {"sex", "birth_date", "patient_id"} and not entry["is_same_patient"]
    target = f"/identity-reviews/{entry['id']}"
    people["reporter"].post(target + "/settle", {"outcome": "same", "reason": "x"}, 403)
    radiographer.post(target + "/settle", {"outcome": "same"}, 400)
    assert radiographer.post(target + "/settle", {"outcome": "same", "reason": "问过"}, 409)["code"] == "unconfirmed"
    radiographer.post(target + "/settle", {"outcome": "same", "reason": "问过，曾用名", "confirmed": ["name"]})
    assert radiographer.post(target + "/settle", {"outcome": "different", "reason": "x"}, 409)["code"] == "settled"
    entry = review()
    assert (entry["outcome"], entry["settle_reason"], entry["is_same_patient"], entry["can_undo"]) == ("same", "问过，曾用名", True, True)
    radiographer.post(target + "/undo", {"reason": "看错"})
    entry = review()
    assert (entry["outcome"], entry["settled_by"], entry["is_same_patient"]) == (None, None, False)


# ---- yqctl --------------------------------------------------------------------------------------------------------------------------------


def test_the_operator_does_the_same_at_the_terminal(home, radiographer, tmp_path):
    exam = Examination(home, tmp_path / "operator")
    study = exam.there(radiographer)
    dry = home.yqctl("study", "edit", exam.uid, "--name", "李四", "--reason", "电话核对", "--dry-run", json=True)
    assert [one["name"] for one in dry["fields"]] == ["name"] and home.yqctl("correction", "list", "--study", study, json=True) == []
    edited = home.yqctl("study", "edit", exam.uid, "--name", "李四", "--reason", "电话核对", json=True)
    made = home.yqctl("study", "split", exam.uid, "--series", exam.second, "--name", "王五", "--sex", "M", "--reason", "两人一号", json=True)
    home.yqctl("study", "show", exam.uid, status=65)
    listed = home.yqctl("correction", "list", "--study", study, json=True)
    assert [one["kind"] for one in listed] == ["edit_patient", "split"] and all(one["is_operator"] for one in listed)
    shown = home.yqctl("correction", "show", made["id"], json=True)
    assert shown["can_undo"] and shown["made_by"] == listed[0]["made_by"] != ""
    back = home.yqctl("study", "merge", made["new_study_id"], "--into", study, "--reason", "x", status=None)
    assert back.returncode != 0 and "contradict" in back.stderr
    moved = home.yqctl("study", "merge", made["new_study_id"], "--into", study, "--confirm", "name", "--reason", "其实是一人", json=True)
    blocked = home.yqctl("correction", "undo", made["id"], "--reason", "x", status=None)
    assert blocked.returncode != 0 and moved["id"] in blocked.stdout
    home.yqctl("correction", "undo", moved["id"], "--reason", "x")
    home.yqctl("correction", "undo", made["id"], "--reason", "x")
    home.yqctl("correction", "undo", edited["id"], "--reason", "x")
    assert series_of(radiographer, study) == {exam.first: 1, exam.second: 2}
    assert radiographer.get(f"/studies/{study}")["patient"]["display_name"] == "张三"
    entry = radiographer.get(f"/studies/{study}/corrections")["corrections"][0]
    assert entry["is_operator"] and entry["is_undo"]
    actor = home.sql(f"SELECT actor_kind, actor FROM audit WHERE subject = '{made['id']}' AND action = 'correction.split'")
    assert actor == [["operator", listed[0]["made_by"]]]
    open_ones = home.yqctl("identity", "list", "--open", json=True)
    home.yqctl("identity", "settle", open_ones[0]["id"], "--outcome", "different", "--reason", "电话核对")
    home.yqctl("identity", "undo", open_ones[0]["id"], "--reason", "x")


def test_no_patient_is_in_the_logs(home):
    for path in (pathlib.Path(home.home) / "log").glob("*"):
        text = path.read_text(errors="replace")
        assert not [word for word in ("张三", "李四", "王五", "ZHANG^SAN", "LI^SI") if word in text], path
