"""From images to a signed report through the JSON API, with all three programs: pictures, drafts, review, issue, return."""

import pathlib
import struct
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import dicomgen  # noqa: E402
from demo import Demo  # noqa: E402

import json  # noqa: E402

BODY = {"method": "CT平扫。", "findings": "双肺纹理清晰，未见实变。", "impression": "未见明显异常。", "recommendation": "",
        "result": "negative", "is_critical": False, "quality_grade": "优", "quality_reason": ""}


class Centre(Demo):
    """A demonstration installation with a township that pushes (DEMO_DR) and takes reports back (DEMOSITE)."""

    def __init__(self):
        super().__init__(is_seeded=True, YQ_POLL_INTERVAL="200 ms")

    def __enter__(self):
        super().__enter__()
        try:
            self.accounts = {a["account"]: a for a in json.loads((self.home / "demo" / "accounts").read_text())["accounts"]}
            self.start("yq-storescp", "yq-router", "yq-gateway")
        except BaseException:
            self.close()
            raise
        return self

    def person(self, account):
        api = self.api()
        api.password = self.accounts[account]["password"]
        api.login(account, api.password)
        return api

    def examine(self, kind="ct-chest", **about):
        """Sends a study, presses submit, and returns it as the radiographer sees it, when it has a task."""
        folder = self.home / "made" / dicomgen.uuid.uuid4().hex
        folder.mkdir(parents=True)
        made = dicomgen.make_study(str(folder), kind, size=64, **about)
        subprocess.run(["storescu", "-aet", "DEMO_DR", "-aec", "YINGQIAO", "127.0.0.1", str(self.dicom_port),
                        *[one["path"] for one in made["files"]]], check=True, capture_output=True)
        radiographer = self.person("radiographer")
        study = self.arrived(radiographer, made["study_instance_uid"], len(made["files"]))
        assert radiographer.post(f"/api/v1/studies/{study['id']}/submit", {"patient_class": "emergency"}).status == 200
        self.settle()
        return radiographer.get("/api/v1/studies/" + study["id"]).body


    @staticmethod
    def arrived(api, uid, images):
        """The study as listed, when all its images are known: a moment after they were acknowledged."""
        for _ in range(1200):
            found = [one for one in api.get("/api/v1/studies?limit=200").body["studies"] if one["study_instance_uid"] == uid]
            if found and found[0]["instances"] == images:
                return found[0]
            time.sleep(0.05)
        raise AssertionError("the study does not arrive")


@pytest.fixture(scope="module")
def centre():
    with Centre() as installation:
        yield installation


@pytest.fixture(scope="module")
def study(centre):
    return centre.examine(name="LIU^YANG=刘^洋", images=5)


def jpeg_size(data):
    """Of the start-of-frame segment."""
    at = 2
    while data[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return struct.unpack(">HH", data[at + 5 : at + 9])[::-1]


def test_study_came_whole_and_was_routed(study):
    assert (study["state"], study["patient"]["display_name"], study["instances"]) == ("complete", "刘洋", 5)
    assert study["patient_class"] == "emergency"
    assert [task["state"] for task in study["tasks"]] == ["awaiting"] and study["tasks"][0]["rule"]
    numbers = [instance["number"] for instance in study["series"][0]["instances"]]
    assert numbers == [1, 2, 3, 4, 5]


def test_thumbnail(centre, study):
    api = centre.person("reporter")
    listed = [one for one in api.get("/api/v1/studies").body["studies"] if one["id"] == study["id"]][0]
    got = api.get(listed["thumbnail"])
    assert (got.status, got.headers["Content-Type"]) == (200, "image/jpeg")
    assert max(jpeg_size(got.body)) <= 160


def test_rendered(centre, study):
    api = centre.person("reporter")
    target = study["series"][0]["instances"][0]["rendered"]
    got = api.get(target)
    assert (got.status, got.headers["Content-Type"], jpeg_size(got.body)) == (200, "image/jpeg", (64, 64))
    assert jpeg_size(api.get(target + "?viewport=32,16").body) == (16, 16), "the aspect ratio is kept"
    png = api.get(target, Accept="image/png")
    assert png.body[:8] == b"\x89PNG\r\n\x1a\n" and png.headers["Vary"] == "Accept"
    narrow = api.get(target + "?window=40,1,linear", Accept="image/png")
    assert narrow.status == 200 and narrow.body != png.body
    frame = target.replace("/rendered", "/frames/1/rendered")
    assert api.get(frame).body == got.body
    for bad, status in [(target + "?viewport=0,1", 400), (target + "?window=1", 400), (frame.replace("/1/", "/2/"), 404),
                        (frame.replace("/1/", "/0/"), 404), (frame.replace("/1/", "/x/"), 404)]:
        assert (bad, api.get(bad).status) == (bad, status)
    assert api.get(target, Accept="text/html").status == 406


def test_pictures_are_audited(centre, study):
    centre.person("clinician").get(study["series"][0]["instances"][2]["rendered"])
    rows = centre.sql("SELECT a.action, p.account FROM audit a JOIN person p ON p.public_id::text = a.actor "
                      "WHERE a.subject_kind = 'instance' ORDER BY a.recorded_at DESC LIMIT 1")
    assert rows == [["instance.view", "clinician"]]


def test_study_without_pictures_has_no_thumbnail(centre):
    ecg = centre.examine("ecg")
    api = centre.person("reporter")
    assert api.get(f"/api/v1/studies/{ecg['id']}/thumbnail").status == 404
    assert [one["thumbnail"] for one in api.get("/api/v1/studies").body["studies"] if one["id"] == ecg["id"]] == [None]


@pytest.fixture(scope="module")
def issued(centre, study):
    """Walks the study's task to the issue, with what may go wrong on the way."""
    reporter, reviewer = centre.person("reporter"), centre.person("reviewer")
    task = f"/api/v1/tasks/{study['tasks'][0]['id']}"
    lease = reporter.post(task + "/take").body
    token = {"lease_token": lease["lease_token"]}

    first = reporter.put(task + "/draft", dict(token, revision=0, body=dict(BODY, findings="第一稿")))
    assert first.status == 200 and first.body["revision"] == 1
    assert reporter.put(task + "/draft", dict(token, revision=0, body=BODY)).status == 409, "somebody else wrote revision 1"
    assert reporter.put(task + "/draft", dict(token, revision=1, body=dict(BODY, findings=7))).status == 400
    assert reporter.put(task + "/draft", dict(token, revision=1, body=dict(BODY, invented="x"))).status == 400
    assert reporter.put(task + "/draft", dict(token, revision=1, body="x")).status == 400
    assert reporter.put(task + "/draft", dict(token, revision=1, body=dict(BODY, findings="长" * 6000))).status == 400
    assert reviewer.put(task + "/draft", dict(token, revision=1, body=BODY)).status in (403, 409)
    draft = reporter.put(task + "/draft", dict(token, revision=1, body=BODY)).body
    assert draft["revision"] == 2

    submit = dict(token, revision=2, study_version=lease["study_version"], password=reporter.password)
    assert reporter.post(task + "/submit", dict(submit, password="not the password")).status == 403
    assert reporter.get("/api/v1/me").status == 200, "a wrong password does not log anybody out"
    assert reporter.post(task + "/submit", dict(submit, revision=1)).status == 409
    assert reporter.post(task + "/submit", dict(submit, study_version=9)).status == 409
    assert reporter.post(task + "/submit", submit).status == 200
    assert reporter.post(task + "/submit", submit).status == 200, "the same submission again"

    assert reporter.post(task + "/review").status == 403, "not a reviewer"
    token = {"lease_token": reviewer.post(task + "/review").body["lease_token"]}
    assert reviewer.post(task + "/send-back", dict(token, remark="")).status == 400
    assert reviewer.post(task + "/send-back", dict(token, remark="请补充测量")).status == 200
    assert [one["is_sent_back"] for one in reporter.get("/api/v1/queue").body["tasks"] if task.endswith(one["id"])] == [True]
    lease = reporter.post(task + "/resume").body
    shown = reporter.get(task + "/report").body["report"]
    assert [(one["remark"], one["by"], one["body"]) for one in shown["remarks"]] == [("请补充测量", reviewer.get("/api/v1/me").body["name"], BODY)]
    assert shown["signatures"] == [], "a submission that was sent back is not signed any more"
    saved = [(one["revision"], one["is_submission"]) for one in reviewer.get(task + "/revisions").body["revisions"]]
    assert saved == [(2, True), (1, False)]
    token = {"lease_token": lease["lease_token"]}
    draft = reporter.put(task + "/draft", dict(token, revision=2, body=dict(BODY, findings="右肺下叶结节 5 mm。", result="positive"))).body
    assert reporter.post(task + "/submit", dict(token, revision=draft["revision"], study_version=lease["study_version"],
                                                password=reporter.password)).status == 200
    assert [one["is_sent_back"] for one in reporter.get("/api/v1/queue").body["tasks"] if task.endswith(one["id"])] == [False]
    token = {"lease_token": reviewer.post(task + "/review").body["lease_token"]}
    assert reviewer.post(task + "/sign", dict(token, password="not the password")).status == 403
    assert reviewer.post(task + "/sign", dict(token, password=reviewer.password)).status == 200
    return draft["report_id"]


def test_report_is_issued_and_shown(centre, issued):
    report = centre.person("clinician").get("/api/v1/reports/" + issued).body["report"]
    text = json.dumps(report, ensure_ascii=False)
    assert "右肺下叶结节" in text and '"issued"' in text


def test_pdf_opened_is_a_fact(centre, study, issued):
    clinician = centre.person("clinician")
    target = f"/api/v1/reports/{issued}/pdf"
    paper = clinician.get(target)
    assert (paper.status, paper.headers["Content-Type"], paper.body[:5]) == (200, "application/pdf", b"%PDF-")
    assert clinician.get(target, Range="bytes=0-3").body == b"%PDF"
    receipts = clinician.get("/api/v1/studies/" + study["id"]).body["receipts"]
    assert {"opened"} <= {receipt["kind"] for receipt in receipts}
    path = centre.home / "paper.pdf"
    path.write_bytes(paper.body)
    assert centre.yqctl("report", "verify", path, json=True)["standing"] == "current"


def test_report_goes_back_to_the_site(centre, study, issued):
    """The site is away at first: the delivery waits, and comes through when it is there."""
    folder = centre.home / "returned"
    folder.mkdir()
    radiographer = centre.person("radiographer")
    with radiographer.events() as stream:
        site = subprocess.Popen(["storescp", "-od", folder, "-aet", "DEMOSITE", str(centre.site_port)])
        try:
            for event in stream:
                if "delivery.delivered" in event["data"]:
                    break
                mine = [d for d in radiographer.get("/api/v1/deliveries").body["deliveries"] if d["report_id"] == issued]
                if mine and mine[0]["state"] == "delivered":
                    break
        finally:
            site.terminate()
            site.wait()
    mine = [d for d in radiographer.get("/api/v1/deliveries").body["deliveries"] if d["report_id"] == issued]
    assert [(d["state"], d["confirmed"]) for d in mine] == [("delivered", 2)]
    assert len(list(folder.iterdir())) == 2
    shown = radiographer.get("/api/v1/studies/" + study["id"]).body
    assert "delivered" in {receipt["kind"] for receipt in shown["receipts"]}
    assert {"task.taken", "report.submitted", "report.sent_back", "report.issued", "receipt.delivered", "receipt.opened"} <= {
        entry["event"] for entry in shown["timeline"]}
    assert shown["instances"] == 5, "our own objects are not news"


def test_log_has_no_patient(centre, issued):
    for program in ("yq-storescp", "yq-router", "yq-gateway"):
        log = centre.log(program)
        assert "LIU" not in log and "刘" not in log and "结节" not in log


def test_a_prior_comes_with_its_report(centre, study, issued):
    now = centre.examine(name="LIU^YANG=刘^洋", images=1)
    centre.sql(f"""UPDATE identity_claim SET patient_id = (SELECT c.patient_id FROM study s JOIN identity_claim c USING (claim_id)
                       WHERE s.public_id = '{study["id"]}')
                   WHERE claim_id = (SELECT claim_id FROM study WHERE public_id = '{now["id"]}')""")
    api = centre.person("reporter")
    priors = api.get(f"/api/v1/studies/{now['id']}/priors").body["priors"]
    assert [(one["study"]["id"], one["report"]["id"], one["report"]["body"]["findings"]) for one in priors] == [
        (study["id"], issued, "右肺下叶结节 5 mm。")]
    assert api.get(priors[0]["report"]["pdf"]).status == 200
    task = now["tasks"][0]["id"]
    assert api.get("/api/v1/queue?ids=" + task).body["tasks"][0]["priors"] == 1
