"""The audit says of every look at a study who looked, and for what: the nearest ground that the ledger has for this person."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from tests.support.dicomweb import JSON, ROOT, Centre  # noqa: E402

BODY = {"method": "CT平扫。", "findings": "双肺纹理清晰，未见实变。", "impression": "未见明显异常。", "recommendation": "",
        "result": "negative", "is_critical": False, "quality_grade": "优", "quality_reason": ""}


@pytest.fixture(scope="module")
def centre():
    with Centre() as installation:
        yield installation


def arrived(centre, **about):
    """(address of the instance, id of the study, id of its task) of a study that waits for a reader."""
    made = centre.examine("ct-chest", images=1, **about)
    radiographer = centre.person("radiographer")
    for _ in range(600):
        found = [one for one in radiographer.get("/api/v1/studies?limit=200").body["studies"]
                 if one["study_instance_uid"] == made["study_instance_uid"] and one["instances"]]
        if found:
            break
        centre.yqctl("wait", "--settled", "--timeout", "200 ms", status=None)
    study = found[0]["id"]
    assert radiographer.post(f"/api/v1/studies/{study}/submit", {"patient_class": "emergency"}).status == 200
    for _ in range(600):
        tasks = radiographer.get("/api/v1/studies/" + study).body["tasks"]
        if tasks:
            break
        centre.yqctl("wait", "--settled", "--timeout", "200 ms", status=None)
    one = made["files"][0]
    return (f"{ROOT}/studies/{made['study_instance_uid']}/series/{one['series_instance_uid']}/instances/{one['sop_instance_uid']}", study,
            tasks[0]["id"])


def looks(centre, api, account, place):
    """{(action, purpose, task)} of what one person's looks at a study leave in the audit."""
    instance, study, _ = place
    before = int(centre.sql("SELECT coalesce(max(sequence), 0) FROM audit WHERE writer LIKE '%gateway%'")[0][0])
    for target in (instance + "/metadata", instance + "/frames/1", instance + "/rendered", f"/api/v1/studies/{study}"):
        assert api.get(target, Accept=JSON if "metadata" in target else "*/*").status == 200, (account, target)
    rows = centre.sql(f"""SELECT a.action, a.detail ->> 'purpose', a.detail ->> 'task' FROM audit a JOIN person p ON p.public_id::text = a.actor
        WHERE p.account = '{account}' AND a.sequence > {before} AND a.writer LIKE '%gateway%'
          AND a.action IN ('study.metadata', 'instance.view', 'study.view')""")
    assert len(rows) == 4 and {row[0] for row in rows} == {"study.metadata", "instance.view", "study.view"}
    return {(row[1], row[2] or None) for row in rows}


def test_what_a_reader_looks_for(centre):
    older = arrived(centre, name="QIN^YI=秦^一", patient_id="P0301")
    place = arrived(centre, name="QIN^YI=秦^一", patient_id="P0301")
    reporter, task = centre.person("reporter"), f"/api/v1/tasks/{place[2]}"
    assert looks(centre, reporter, "reporter", place) == {("queue", None)}, "on offer"
    lease = reporter.post(task + "/take").body
    assert looks(centre, reporter, "reporter", place) == {("reading", place[2])}
    assert looks(centre, reporter, "reporter", older) == {("prior", place[2])}, "an earlier one of the patient whose images are read"
    draft = reporter.put(task + "/draft", {"lease_token": lease["lease_token"], "revision": 0, "body": BODY})
    assert draft.status == 200, draft
    assert reporter.post(task + "/release", {"lease_token": lease["lease_token"]}).status == 200
    assert looks(centre, reporter, "reporter", place) == {("report", place[2])}, "what became of the own report"
    assert looks(centre, reporter, "reporter", older) == {("queue", None)}


@pytest.fixture(scope="module")
def place(centre):
    return arrived(centre, name="QIN^ER=秦^二", patient_id="P0302")


@pytest.mark.parametrize("account, purpose", [("radiographer", "examination"), ("clinician", "care"), ("leader", "queue"), ("operator", "administration")])
def test_what_others_look_for(centre, place, account, purpose):
    assert looks(centre, centre.person(account), account, place) == {(purpose, None)}


@pytest.mark.parametrize("role, purpose", [("quality_controller", "quality_review"), ("duty_leader", "duty")])
def test_what_a_role_is_for(centre, place, role, purpose):
    """What the account may, this role alone decides on."""
    centre.sql("UPDATE person_right SET revoked_at = now() WHERE revoked_at IS NULL AND role <> %s AND person_id = (SELECT person_id FROM person WHERE account = 'leader')"
               .replace("%s", f"'{role}'"))
    try:
        assert looks(centre, centre.person("leader"), "leader", place) == {(purpose, None)}
    finally:
        centre.sql("UPDATE person_right SET revoked_at = NULL WHERE person_id = (SELECT person_id FROM person WHERE account = 'leader')")


def test_who_is_asked_for_advice(centre):
    place = arrived(centre, name="QIN^SAN=秦^三", patient_id="P0303")
    centre.sql(f"""INSERT INTO consultation (site_id, task_id, purpose, asked_by, asked_of)
        SELECT t.site_id, t.task_id, '请会诊', a.person_id, p.person_id FROM reading_task t, person a, person p
        WHERE t.public_id = '{place[2]}' AND a.account = 'reporter' AND p.account = 'clinician'""")
    assert looks(centre, centre.person("clinician"), "clinician", place) == {("consultation", place[2])}
