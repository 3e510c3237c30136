"""The desk of who reads, over HTTP: next one, drafts that survive, templates, phrases, checks. See tests/support/scene.py."""

import concurrent.futures
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from tests.support.installation import Installation  # noqa: E402
from tests.support.scene import Scene  # noqa: E402

BODY = {"method": "CT平扫。", "findings": "双肺纹理清晰，未见实变。", "impression": "未见明显异常。", "recommendation": "",
        "result": "negative", "is_critical": False, "quality_grade": "优", "quality_reason": ""}


@pytest.fixture(scope="module")
def scene():
    with Installation() as installation:
        made = Scene(installation)
        installation.scene = made
        installation.start("yq-gateway")
        yield made


@pytest.fixture(scope="module")
def people(scene):
    return {account: scene.login(account) for account in ("reporter1", "reporter2", "reviewer1", "duty_leader1", "quality_controller1")}


# --- 下一例 ------------------------------------------------------------------------------------------------------------


def test_many_ask_for_the_next_one(scene, people):
    for i in range(12):
        scene.study("E2", name=f"next{i}", patient_class="emergency")
    scene.flush()
    wish = {"work": "write", "patient_class": "emergency", "modality": "CT", "queue": scene.queues["east"]}
    askers = [people[("reporter1", "reporter2", "reviewer1")[i % 3]] for i in range(20)]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda api: api.post("/api/v1/queue/next", wish), askers))
    assert {got.status for got in answers} == {200}
    given = [got.body for got in answers if got.body["task"]]
    assert sorted(one["task"]["id"] for one in given) == sorted(scene.tasks[f"next{i}"] for i in range(12))
    assert all(one["task"]["is_mine"] and one["task"]["state"] == one["lease"]["state"] == "writing" for one in given)
    assert [got.body for got in answers if not got.body["task"]] == [{"task": None, "lease": None}] * 8
    for body in ({}, {"work": "both"}, {"work": "write", "queue": "1"}, {"work": "write", "patient_class": "x"}, {"work": "write", "modality": 7}):
        assert people["reporter1"].post("/api/v1/queue/next", body).status == 400


def test_the_token_of_a_lease_is_not_packed_with_what_others_typed(scene, people):
    """The length of a packed answer tells what is in it, guess by guess; words of a patient's name may be anybody's."""
    scene.study("E1", name="long", patient="长" * 60, patient_class="health_check")
    scene.flush()
    packed = {"Accept-Encoding": "gzip"}
    wish = {"work": "write", "patient_class": "health_check", "modality": "CT", "queue": scene.queues["east"]}
    given = people["reporter1"].post("/api/v1/queue/next", wish, **packed)
    assert given.body["task"]["id"] == scene.tasks["long"] and given.body["lease"]["lease_token"]
    assert "Content-Encoding" not in given.headers
    base = f"/api/v1/tasks/{scene.tasks['long']}"
    shown = people["reporter1"].get(base, **packed)  # the same row, without the token
    assert shown.headers["Content-Encoding"] == "gzip" and "lease_token" not in str(shown.body)
    assert "Content-Encoding" not in people["reporter1"].post(base + "/resume", **packed).headers
    assert people["reporter1"].post(base + "/release", {"lease_token": given.body["lease"]["lease_token"]}).status == 200


# --- drafts -------------------------------------------------------------------------------------------------------------


def test_nothing_typed_is_lost(scene, people):
    scene.study("E1", name="typed")
    scene.flush()
    base = f"/api/v1/tasks/{scene.tasks['typed']}"
    author, other = people["reporter1"], people["reporter2"]
    lease = author.post(base + "/take").body["lease_token"]
    save = {"lease_token": lease, "revision": 0, "body": BODY}
    first = author.put(base + "/draft", save)
    assert (first.status, first.body["revision"]) == (200, 1)
    again = author.put(base + "/draft", save)
    assert (again.status, again.body) == (200, first.body), "the answer was lost, the page sends it again"
    changed = dict(BODY, findings="双肺纹理增多。")
    assert author.put(base + "/draft", dict(save, body=changed)).status == 409
    assert author.put(base + "/draft", dict(save, revision=1, body=changed)).body["revision"] == 2

    to = scene.persons["reporter2"]
    assert people["duty_leader1"].post(base + "/hand-over", {"to": to, "reason": "下班"}).status == 200
    late = author.put(base + "/draft", dict(save, revision=2, body=BODY))
    assert late.status == 409 and "Dr reporter2" in late.body["detail"]
    work = other.get(base).body
    assert work["task"]["is_mine"] and work["task"]["holder"] == "Dr reporter2"
    assert [(step["kind"], step["to"], step["by"]) for step in work["assignments"]] == [("transfer", "Dr reporter2", "Dr duty_leader1")]
    report = other.get(base + "/report").body["report"]
    assert (report["body"], report["author"], report["revision"]) == (changed, "Dr reporter1", 2)
    revisions = other.get(base + "/revisions").body["revisions"]
    assert [(one["revision"], one["person"], one["is_submission"]) for one in revisions] == [(2, "Dr reporter1", False), (1, "Dr reporter1", False)]
    assert other.get(base + "/revisions/1").body == {"body": BODY}
    assert [other.get(base + f"/revisions/{n}").status for n in ("3", "0", "01", "-1", "99999999")] == [404] * 5
    assert people["quality_controller1"].get(base + "/revisions").status == 200


# --- templates and phrases --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query,first", [
    ("modality=DX&body_part=CHEST", "胸部正位 未见异常"),
    ("modality=CR&body_part=%E8%83%B8%E9%83%A8%E6%AD%A3%E4%BD%8D", "胸部正位 未见异常"),
    ("modality=DR&body_part=chest&patient_class=health_check", "胸部正位 老年健康体检 未见异常"),
    ("modality=CT&body_part=BRAIN", "头颅平扫 未见异常"),
    ("modality=CT&body_part=ABDOMENPELVIS", "上腹部平扫 未见异常"),
    ("modality=MR&body_part=LSPINE", "腰椎平扫 未见异常"),
    ("modality=MR&body_part=Knee%20left", "膝关节平扫 未见异常"),
    ("modality=US&body_part=THYROID", "甲状腺 未见异常"),
    ("modality=MG&sex=F", "乳腺 未见异常（BI-RADS 1类）"),
    ("modality=ECG", "静息心电图 正常"),
])
def test_the_template_that_fits_is_first(people, query, first):
    templates = people["reporter1"].get("/api/v1/report-templates?" + query).body["templates"]
    assert templates[0]["name"] == first
    assert set(templates[0]["body"]) == {"method", "findings", "impression", "recommendation"} and templates[0]["result"] == "negative"


def test_templates_by_sex_and_nonsense(people):
    api = people["reporter1"]
    assert api.get("/api/v1/report-templates?modality=MG&sex=M").body["templates"] == []
    assert len(api.get("/api/v1/report-templates").body["templates"]) >= 20
    for query in ("modality=dx", "sex=x", "patient_class=x", "body_part=" + "x" * 201):
        assert api.get("/api/v1/report-templates?" + query).status == 400


def test_phrases_are_ones_own(people):
    one, other = people["reporter1"], people["reporter2"]
    made = one.post("/api/v1/phrases", {"shortcut": "wjyc", "text": "未见明显异常。", "modality": "CT", "field": "impression"})
    assert made.status == 200
    target = "/api/v1/phrases/" + made.body["id"]
    assert made.body in one.get("/api/v1/phrases").body["phrases"]
    assert other.get("/api/v1/phrases").body["phrases"] == []
    changed = {"shortcut": "双肺", "text": "双肺野清晰，\n未见实变。<b>𠮷</b>", "modality": "", "field": ""}
    assert [other.put(target, changed).status, other.request("DELETE", target).status] == [404, 404]
    assert one.put(target, changed).body == dict(changed, id=made.body["id"])
    doubled = one.post("/api/v1/phrases", changed)
    assert (doubled.status, doubled.body["detail"]) == (409, "cannot keep this: there is one like it already (desk_phrase_add)")
    for wrong in ({"shortcut": ""}, {"shortcut": "x" * 21}, {"shortcut": "a b"}, {"shortcut": "a\u3000b"}, {"shortcut": "a\x00"}, {"text": ""},
                  {"text": "字" * 2001}, {"text": "\x07"}, {"field": "title"}, {"modality": "M" * 17}, {"shortcut": None}):
        assert (wrong, one.post("/api/v1/phrases", {"shortcut": "ok", "text": "x", **wrong}).status) == (wrong, 400)
    assert one.request("DELETE", target).status == 200
    assert one.get("/api/v1/phrases").body["phrases"] == []


# --- checks -----------------------------------------------------------------------------------------------------------------


def codes(answer):
    return [(finding["code"], finding["severity"], finding["field"]) for finding in answer.body["findings"]]


def test_check_of_a_text(scene, people):
    scene.study("E1", name="checked")
    scene.flush()
    scene.home.sql(f"UPDATE study SET body_part = 'CHEST' WHERE public_id = '{scene.studies['checked']}'")
    api, target = people["reporter1"], f"/api/v1/tasks/{scene.tasks['checked']}/check"
    assert codes(api.post(target, {"body": BODY})) == []
    wrong = dict(BODY, findings="子宫大小正常。右侧胸腔积液。", impression="左侧胸腔积液，不除外主动脉夹层。")
    got = api.post(target, {"body": wrong})
    assert codes(got) == [("side_conflict", "warning", "impression"), ("sex_conflict", "warning", "findings"),
                          ("positive_without_flag", "warning", "result"), ("critical_without_flag", "warning", "is_critical")]
    assert got.body["findings"][1]["words"] == ["子宫"] and got.body["findings"][3]["words"] == ["主动脉夹层"]
    empty = api.post(target, {"body": {}})
    assert {finding for finding in codes(empty) if finding[1] == "error"} == {
        ("findings_empty", "error", "findings"), ("impression_empty", "error", "impression"), ("result_unstated", "error", "result")}
    for nonsense in ({}, {"body": []}, {"body": {"findings": 7}}, {"body": {"title": "x"}}, {"body": {"result": "maybe"}}):
        assert api.post(target, nonsense).status == 400


def test_errors_of_the_check_stop_a_submission_and_lose_nothing(scene, people):
    scene.study("E1", name="unfinished")
    scene.flush()
    base, api = f"/api/v1/tasks/{scene.tasks['unfinished']}", people["reporter1"]
    lease = api.post(base + "/take").body
    token, revision = {"lease_token": lease["lease_token"]}, 0
    for field, value, word in (("findings", "", "findings"), ("impression", "", "impression"), ("result", None, "result")):
        body = dict(BODY, **{field: value})
        revision = api.put(base + "/draft", dict(token, revision=revision, body=body)).body["revision"]
        got = api.post(base + "/submit", dict(token, revision=revision, study_version=1, password="correct horse battery"))
        assert got.status == 400 and word in got.body["detail"]
        report = api.get(base + "/report").body["report"]
        assert (report["state"], report["body"], report["revision"]) == ("draft", body, revision)
