"""Evidence: what a doctor makes while reading is stored by STOW-RS beside the images, under conditions, and is no image of the examination."""

import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import dicomgen  # noqa: E402
from dicomgen import Dataset  # noqa: E402
from tests.support.installation import PATIENCE_S, Installation  # noqa: E402
from tests.support.scene import Scene  # noqa: E402

JSON = "application/dicom+json"
ROOT = "/dicom-web/studies"
CT, SR, SR3D, KO, SEG, GSPS, BASIC = (f"1.2.840.10008.5.1.4.1.1.{n}" for n in ("2", "88.33", "88.34", "88.59", "66.4", "11.1", "88.11"))
STEP = "1.2.840.10008.3.1.2.3.3"


def part10(made):
    return dicomgen.part10(made.encode(), made.text(0x00080016), made.text(0x00080018))


def refer(sop_class, uid):
    return Dataset((0x00081150, "UI", sop_class), (0x00081155, "UI", uid))


def evidence(study, images, sop_class=SR, modality="SR", **uids):
    """About these images; it names a performed step besides, which is no object."""
    made = study.base(sop_class, modality, series_number=99, **uids)
    series = Dataset((0x0020000E, "UI", images[0].text(0x0020000E)),
                     (0x00081199, "SQ", [refer(CT, one.text(0x00080018)) for one in images]))
    made.put(0x00081111, "SQ", [refer(STEP, "1.2.3.4")])
    return made.put(0x0040A375, "SQ", [Dataset((0x0020000D, "UI", study.study_uid), (0x00081115, "SQ", [series]))])


@pytest.fixture(scope="module")
def home():
    with Installation() as installation:
        scene = installation.scene = Scene(installation)
        scene.person("township1", "E1", [("radiographer", "E1")])
        scene.flush()
        installation.start("yq-gateway")
        yield installation
        log = installation.log("yq-gateway")
        assert "panic" not in log and "runtime error" not in log and "AddressSanitizer" not in log


def await_objects(home, *made):
    uids = ",".join(f"'{one.text(0x00080018)}'" for one in made)
    for _ in range(PATIENCE_S * 5):
        if home.sql(f"SELECT count(*) FROM instance WHERE sop_instance_uid IN ({uids})") == [[str(len(made))]]:
            return
        home.yqctl("wait", "--settled", "--timeout", "200 ms", status=None)
    raise AssertionError(home.log("yq-gateway")[-3000:])


def send(api, target, *made):
    boundary = "b-1"
    body = b"".join(b"--b-1\r\nContent-Type: application/dicom\r\n\r\n" + part10(one) + b"\r\n" for one in made) + b"--b-1--\r\n"
    return api.request("POST", target, body, {"Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}', "Accept": JSON})


class World:
    """Two studies of E1; the task of the first is with reporter1."""

    def __init__(self, home):
        self.home = home
        self.reader, self.other = home.scene.login("reporter1"), home.scene.login("reporter2")
        self.study, self.images = self.bring("EV1")
        self.elsewhere, self.foreign_images = self.bring("EV2", name="WANG^WU=王^五")
        self.address = f"{ROOT}/{self.study.study_uid}"
        self.task, = home.sql(f"""INSERT INTO reading_task (site_id, study_id, queue_id, reading_mode, patient_class, study_version, due_at)
            SELECT s.site_id, s.study_id, q.queue_id, 'central', 'outpatient', 1, yq_now() + interval '2 hours' FROM study s, reading_queue q
            WHERE s.study_instance_uid = '{self.study.study_uid}' AND q.public_id = '{home.scene.queues["east"]}' RETURNING public_id""")[0]
        home.sql(f"""INSERT INTO workitem (sop_instance_uid, site_id, task_id) SELECT '{dicomgen.new_uid()}', site_id, task_id FROM reading_task
                     WHERE public_id = '{self.task}'""")

    def bring(self, patient_id, **about):
        study = dicomgen.Study(patient_id=patient_id, **about)
        series = dicomgen.new_uid()
        images = [dicomgen.ct(study, series, number=number, size=16) for number in (1, 2)]
        assert send(self.home.scene.login("township1"), ROOT, *images).status == 200
        await_objects(self.home, *images)
        self.home.sql(f"UPDATE study SET state = 'complete', completed_at = yq_now() WHERE study_instance_uid = '{study.study_uid}'")
        return study, images

    def facts(self):
        return self.home.sql(f"""SELECT version, instance_count, size_bytes, last_arrival_at, modality, state,
                                        (SELECT count(*) FROM study_signal g WHERE g.study_id = s.study_id),
                                        (SELECT count(*) FROM reading_task t WHERE t.study_id = s.study_id),
                                        (SELECT count(*) FROM delivery_item d JOIN instance i USING (instance_id) JOIN evidence USING (sop_instance_uid))
                                 FROM study s WHERE study_instance_uid = '{self.study.study_uid}'""")


@pytest.fixture(scope="module")
def world(home):
    return World(home)


def failures(answer):
    return {one["00081155"]["Value"][0]: (one["00081197"]["Value"][0], one["00000902"]["Value"][0]) for one in answer.body["00081198"]["Value"]}


def test_who_does_not_hold_the_task_stores_nothing(home, world):
    one = evidence(world.study, world.images)
    got = send(world.reader, world.address, one)
    assert (got.status, "take its reading task first" in got.body["detail"]) == (403, True)
    assert world.reader.post(f"/api/v1/tasks/{world.task}/take").status == 200
    assert send(world.other, world.address, one).status == 403
    assert send(home.scene.login("reporter9"), world.address, one).status == 404, "of another community"
    assert send(world.reader, ROOT, one).status == 403, "without its study named"
    assert send(home.scene.login("clinician1"), world.address, one).status == 403
    assert home.sql("SELECT count(*) FROM evidence") == [["0"]]


def test_evidence_is_kept_shown_and_no_image_of_the_examination(home, world):
    before = world.facts()
    made = [evidence(world.study, world.images, sop_class, modality)
            for sop_class, modality in ((SR, "SR"), (SR3D, "SR"), (KO, "KO"), (SEG, "SEG"), (GSPS, "PR"))]
    got = send(world.reader, world.address, *made)
    assert got.status == 200 and len(got.body["00081199"]["Value"]) == 5, got
    await_objects(home, *made)
    for one in made:
        uid, series = one.text(0x00080018), one.text(0x0020000E)
        file = world.reader.get(f"{world.address}/series/{series}/instances/{uid}", Accept="application/dicom; transfer-syntax=*")
        assert file.status == 200 and dicomgen.split_part10(file.body)[1] == one.encode()
        listed = world.reader.get(f"{world.address}/series/{series}/instances", Accept=JSON)
        assert [row["00080018"]["Value"] for row in listed.body] == [[uid]]
        shown = world.reader.get(f"{world.address}/series/{series}/metadata", Accept=JSON)
        assert shown.body[0]["0040A375"]["Value"][0]["00081115"]["Value"][0]["00081199"]["Value"][0]["00081155"]["Value"] == [world.images[0].text(0x00080018)]
    assert world.facts() == before, "neither late images nor counted, and nothing opened or sent"
    noted = home.sql("SELECT actor, outcome, subject, detail FROM audit WHERE action = 'study.evidence' ORDER BY sequence DESC LIMIT 1")[0]
    study, = home.sql(f"SELECT public_id FROM study WHERE study_instance_uid = '{world.study.study_uid}'")[0]
    assert noted[:3] == [home.scene.persons["reporter1"], "success", study]
    detail = json.loads(noted[3])
    assert (detail["stored"], detail["task"]) == (5, world.task) and {"sop_class": KO, "object": made[2].text(0x00080018)} in detail["objects"]
    again = send(world.reader, world.address, made[0])
    assert again.status == 200, "the same again"
    follow = world.study.base(SR, "SR", series_uid=made[0].text(0x0020000E), series_number=99)
    follow.put(0x0040A360, "SQ", [Dataset((0x0020000D, "UI", world.study.study_uid), (0x00081115, "SQ", [Dataset((0x00081199, "SQ", [refer(SR, made[0].text(0x00080018))]))]))])
    assert send(world.reader, world.address, follow).status == 200, "about evidence of the study, in its series"
    await_objects(home, follow)


def test_everything_else_is_refused_with_its_reason_and_leaves_nothing(home, world):
    study, images = world.study, world.images
    stranger = dicomgen.Study(study_uid=study.study_uid, patient_id="EV9", name=study.name)
    renamed = dicomgen.Study(study_uid=study.study_uid, patient_id="EV1", name="LI^LEI=李^雷")
    lying = evidence(study, images)
    bad = {
        "image": (dicomgen.ct(study, images[0].text(0x0020000E), number=3, size=16), 0x0122),
        "basic text": (evidence(study, images, BASIC), 0x0122),
        "another study": (evidence(world.elsewhere, world.foreign_images), 0xA901),
        "another number": (evidence(stranger, images), 0xA902),
        "another name": (evidence(renamed, images), 0xA902),
        "about others": (evidence(study, images + world.foreign_images), 0xA903),
        "about nothing": (study.base(SR, "SR"), 0xA903),
        "about no UID": (evidence(study, images).put(0x0040A73A, "SQ", [refer(CT, "1.2'; DROP TABLE study --")]), 0xA903),
        "series of images": (evidence(study, images, series_uid=images[0].text(0x0020000E)), 0xA904),
        "UID of an image": (evidence(study, images, sop_uid=images[1].text(0x00080018)), 0xA904),
    }
    before = home.sql("SELECT count(*) FROM evidence"), home.sql("SELECT count(*) FROM instance"), home.sql("SELECT count(*) FROM quarantine")
    good = evidence(study, images)
    got = send(world.reader, world.address, good, *[made for made, _ in bad.values()])
    assert got.status == 202 and [one["00081155"]["Value"] for one in got.body["00081199"]["Value"]] == [[good.text(0x00080018)]]
    told = failures(got)
    for name, (made, want) in bad.items():
        assert told[made.text(0x00080018)][0] == want, (name, told)
    assert all(8 < len(words) <= 64 for _, words in told.values()), told
    other = dicomgen.part10(lying.encode(), SR, dicomgen.new_uid())
    refused = world.reader.request("POST", world.address, other, {"Content-Type": "application/dicom", "Accept": JSON})
    assert refused.status == 409 and refused.body["00081198"]["Value"][0]["00081197"]["Value"] == [0xA900]
    await_objects(home, good)
    after = home.sql("SELECT count(*) FROM evidence"), home.sql("SELECT count(*) FROM instance"), home.sql("SELECT count(*) FROM quarantine")
    assert after == ([[str(int(before[0][0][0]) + 1)]], [[str(int(before[1][0][0]) + 1)]], before[2])


def test_key_images_of_the_report_that_is_written(home, world):
    target = f"/api/v1/viewer/{world.study.study_uid}"
    image, other = (one.text(0x00080018) for one in world.images)

    def mark(api, instance, is_key=True, frame=1, target=target):
        return api.post(f"{target}/key-images", {"instance": instance, "frame": frame, "is_key": is_key})

    seen = world.reader.get(target).body
    assert (seen["task"], seen["is_writing"], seen["key_images"]) == (world.task, True, [])
    assert world.other.get(target).body == {**seen, "task": None, "is_writing": False}
    assert mark(world.reader, other).status == 200
    got = mark(world.reader, image)
    series = world.images[0].text(0x0020000E)
    assert got.body["key_images"] == [{"series": series, "instance": uid, "frame": 1, "frames": 1, "series_number": 1, "number": number}
                                      for number, uid in ((1, image), (2, other))]
    assert mark(world.reader, image).body == got.body, "the same again"
    evidence_uid, = home.sql("SELECT sop_instance_uid FROM evidence LIMIT 1")[0]
    for instance, frame in ((image, 2), (world.foreign_images[0].text(0x00080018), 1), (evidence_uid, 1)):
        refused = mark(world.reader, instance, frame=frame)
        assert (refused.status, refused.body["detail"]) == (409, "cannot mark a key image: the study has no such image")
    refused = mark(world.other, image, False)
    assert (refused.status, refused.body["detail"]) == (409, "cannot mark a key image: you are not writing the report of this study")
    assert mark(home.scene.login("reporter9"), image).status == 404
    for wrong in ({"frame": 0}, {"instance": "x'"}, {"is_key": 1}):
        assert world.reader.post(f"{target}/key-images", {"instance": image, "frame": 1, "is_key": True, **wrong}).status == 400
    # Twenty at most: what is marked already may be marked again, and there is room again for each that is taken away.
    home.sql(f"UPDATE instance SET frames = 30 WHERE sop_instance_uid = '{other}'")
    for frame in range(2, 20):
        assert mark(world.reader, other, frame=frame).status == 200
    refused = mark(world.reader, other, frame=20)
    assert (refused.status, refused.body["detail"]) == (409, "cannot mark a key image: there are 20 already")
    assert mark(world.reader, other).status == 200 and mark(world.reader, other, False, 19).status == 200 and mark(world.reader, other, frame=20).status == 200
    for frame in (*range(2, 19), 20):
        assert mark(world.reader, other, False, frame).status == 200
    home.sql(f"UPDATE instance SET frames = NULL WHERE sop_instance_uid = '{other}'")
    assert [one["instance"] for one in mark(world.reader, image, False).body["key_images"]] == [other]
    assert home.sql(f"SELECT count(*) FROM audit WHERE action LIKE 'report.key_image%' AND actor = '{home.scene.persons['reporter1']}'") == [["43"]]


def test_after_the_lease_nothing_comes_any_more(home, world):
    home.sql(f"UPDATE reading_task SET lease_until = yq_now() - interval '1 s' WHERE public_id = '{world.task}'")
    assert send(world.reader, world.address, evidence(world.study, world.images)).status == 403
