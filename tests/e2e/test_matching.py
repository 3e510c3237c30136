"""Requests and images of a township meet without a person where it is certain, and wait with their reasons where it is not. With the real
programs, DCMTK's storescu, and the API as the pages use it."""

import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import dicomgen  # noqa: E402
from test_township import FORM, examined, home, people, push, row_of, until  # noqa: E402, F401

WOMAN = dict(FORM, name="李桂英", sex="F", birth_date="1950-02-03", patient_id="", document="", modality="DR", body_part="CHEST")
IMAGES = {"name": "LI^GUIYING=李^桂英", "sex": "F", "birth": "19500203", "patient_id": "1"}


def shown(people, row):  # noqa: F811
    return people["radiographer"].get("/studies/" + row["id"])


def test_name_sex_and_birth_date_are_enough_and_it_is_said_why(home, people, tmp_path):  # noqa: F811
    made = people["radiographer"].post("/requests", WOMAN)
    study = shown(people, examined(home, people["radiographer"], tmp_path / "a", **IMAGES))
    assert study["request"]["id"] == made["id"]
    match = study["match"]
    assert (match["method"], match["matched_by"], match["rule_version"]) == ("automatic", None, 2)
    assert {"name_equal", "sex_equal", "birth_date_equal", "modality_equal", "within_two_hours"} <= {one["name"] for one in match["evidence"]}
    assert match["score"] >= 0.6 and study["match_decision"]["outcome"] == "matched"


def test_images_before_their_registration(home, people, tmp_path):  # noqa: F811
    images = {**IMAGES, "name": "WANG^XIULAN=王^秀兰"}
    row = examined(home, people["radiographer"], tmp_path / "b", **images)
    study = shown(people, row)
    assert study["request"] is None
    assert study["match_decision"]["outcome"] == "waiting" and study["match_decision"]["reasons"], "the page says why it waits"
    made = people["radiographer"].post("/requests", dict(WOMAN, name="王秀兰"))
    until(lambda: (shown(people, row)["request"] or {}).get("id") == made["id"], "the late registration is not seen")


def test_two_of_one_name_wait_with_both_candidates(home, people, tmp_path):  # noqa: F811
    two = [people["radiographer"].post("/requests", dict(WOMAN, name="陈秀英"))["id"] for _ in range(2)]
    row = examined(home, people["radiographer"], tmp_path / "c", **{**IMAGES, "name": "CHEN^XIUYING=陈^秀英"})
    answer = people["radiographer"].get(f"/studies/{row['id']}/match-candidates")
    assert {one["request"]["id"] for one in answer["candidates"][:2]} == set(two)
    assert answer["decision"]["reasons"] == ["close_second"] and answer["decision"]["rule_version"] == 2
    assert row_of(people["radiographer"], row["study_instance_uid"], "&matched=no")
    people["radiographer"].post(f"/studies/{row['id']}/match", {"request_id": two[1], "reason": "问过患者"})
    study = shown(people, row)
    assert (study["match"]["method"], study["match"]["reason"]) == ("manual", "问过患者") and study["match"]["matched_by"]


@pytest.mark.parametrize("name, change, reason", [
    ("赵甲", {"name": "ZHOU^JUN=周^军", "sex": "M"}, "contradicts"),
    ("赵乙", {"sex": "M"}, "contradicts"),
    ("赵丙", {"birth": "19620203"}, "contradicts"),
    ("赵丁", {"name": "", "patient_id": "", "sex": "", "birth": ""}, "number_alone"),
])
def test_a_wrong_number_is_never_believed(home, people, tmp_path, name, change, reason):  # noqa: F811
    made = people["radiographer"].post("/requests", dict(WOMAN, name=name))
    images = {**IMAGES, "name": "=" + name, **change}
    row = examined(home, people["radiographer"], tmp_path / "d", accession=made["accession_number"], **images)
    study = shown(people, row)
    assert study["request"] is None and reason in study["match_decision"]["reasons"]
    assert people["radiographer"].get("/requests/" + made["id"])["state"] == "registered"


def test_two_views_that_come_as_two_studies(home, people, tmp_path):  # noqa: F811
    radiographer = people["radiographer"]
    item = next(one for one in radiographer.get("/items")["items"] if one["name"] == "胸部正侧位")
    made = radiographer.post("/requests", dict(FORM, name="何丽华", sex="F", birth_date="1966-07-08", patient_id="", item_code_id=item["id"]))
    uids = []
    for view in ("PA", "LL"):
        study = dicomgen.Study(name="HE^LIHUA=何^丽华", patient_id="2", sex="F", birth="19660708", accession=made["accession_number"])
        dataset = dicomgen.dr(study, view=view)
        path = tmp_path / f"{view}.dcm"
        path.write_bytes(dicomgen.part10(dataset.encode(), dataset.text(0x00080016), dataset.text(0x00080018)))
        subprocess.run(["storescu", "-aet", "DEMO_DR", "-aec", "YINGQIAO", "127.0.0.1", str(home.dicom_port), str(path)], check=True,
                       capture_output=True)
        uids.append(study.study_uid)
        until(lambda: (row := row_of(radiographer, uids[-1])) and row["request"] and row["request"]["id"] == made["id"], f"{view} is not matched")
    until(lambda: [row_of(radiographer, uid)["task"] is not None for uid in uids] == [True, True], "both views are there, so both can be read")


def test_another_site_sees_no_decision(home, people, tmp_path):  # noqa: F811
    row = examined(home, people["radiographer"], tmp_path / "f", **{**IMAGES, "name": "LIN^YI=林^一"})
    home.yqctl("account", "add", "elsewhere", "--name", "外镇技师", "--site", "ts-rmyy", "--role", "radiographer", "--password-stdin",
               input="Elsewhere-2026-x\n")
    stranger = home.api()
    stranger.login("elsewhere", "Elsewhere-2026-x")
    assert stranger.get(f"/api/v1/studies/{row['id']}").status == 404
    assert stranger.get(f"/api/v1/studies/{row['id']}/match-candidates").status == 404


def test_the_operator_sees_and_sets_how_far_the_rule_goes(home, people):  # noqa: F811
    def mine():
        return next(one for one in home.yqctl("matching", "list", json=True) if one["code"] == "ts-shuibu")
    assert mine()["beyond_accession"] is True and mine()["automatic_7d"] > 0
    home.yqctl("matching", "set", "ts-shuibu", "--beyond-accession", "no")
    assert mine()["beyond_accession"] is False
    assert home.sql("SELECT count(*) FROM audit WHERE action = 'matching.set'") == [["1"]]
    assert "yes or no" in home.yqctl("matching", "set", "ts-shuibu", "--beyond-accession", "perhaps", status=None).stderr
    home.yqctl("matching", "set", "ts-shuibu", "--beyond-accession", "yes")
