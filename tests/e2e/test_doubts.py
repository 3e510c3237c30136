"""What is in doubt, from the door to the decision: the same UID with other bytes, and objects that were kept and cannot be indexed.

Real programs all the way: bytes are coded anew by DCMTK's own tools, sent over DICOM, compared by yq-router, decided over the API and by yqctl.
"""
import hashlib
import json
import pathlib
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
from dicomraw import Association  # noqa: E402
from installation import Installation  # noqa: E402
from returning import PATIENCE_S, QUICK  # noqa: E402
from scene import Scene  # noqa: E402

RLE, JPEG_LS, JPEG_LOSSLESS, JPEG_BASELINE = ("1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.50")
SC = dicomgen.SOP["sc"]


@pytest.fixture(scope="module")
def scene():
    with Installation(dict(QUICK, YQ_QUIET_DEFAULT="1 h")) as home:
        scene = Scene(home)
        scene.person("leader9", "W0", [("duty_leader", "west"), ("operator", "west"), ("radiographer", "west")])
        scene.flush()
        home.start("yq-storescp", "yq-router", "yq-gateway")
        yield scene


def send(scene, dataset, syntax=dicomgen.EXPLICIT, sop_class=None, uid=None, device="DR_E1"):
    """Sends the bytes, or the dataset, and gives the status."""
    body = dataset if isinstance(dataset, bytes) else dataset.encode(syntax)
    sop_class = sop_class or dataset.text(0x00080016)
    with Association("127.0.0.1", scene.home.dicom_port, device, "YINGQIAO", [(sop_class, [syntax])]) as peer:
        return peer.store(sop_class, uid or dataset.text(0x00080018), body, syntax, pdv_size=16000)


def until(what, look):
    end = time.monotonic() + PATIENCE_S
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, what
        time.sleep(0.05)


def image(kind="sc", study=None):
    return getattr(dicomgen, kind)(study or dicomgen.Study(name="张^三"))


def conflict_of(scene, uid, *states):
    rows = until(f"no conflict {states}", lambda: scene.home.sql(f"""
        SELECT c.public_id, c.state, c.kind, c.likeness, c.object_key FROM instance_conflict c JOIN instance i USING (instance_id)
        WHERE i.sop_instance_uid = '{uid}' AND c.state = ANY ('{{{','.join(states)}}}')"""))
    assert len(rows) == 1, rows
    return rows[0]


def coded(tmp_path, dataset, *command):
    """Another coding of the dataset by a tool of DCMTK: (syntax, bytes)."""
    source, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
    dicomgen.write_part10(source, dataset)
    subprocess.run([*command, str(source), str(target)], check=True, capture_output=True)
    meta, body = dicomgen.split_part10(target.read_bytes())
    return meta[0x00020010].rstrip(b"\0").decode(), body


def unsettled(scene):
    """What wait --settled says is open; here studies always are, since nobody submits them."""
    done = scene.home.yqctl("wait", "--settled", "--timeout", "100 ms", status=None)
    assert done.returncode == 75, done
    return done.stdout + done.stderr


def stored_bytes(scene, uid):
    key, header = scene.home.sql(f"SELECT object_key, header_bytes FROM instance WHERE sop_instance_uid = '{uid}'")[0]
    return (scene.home.home / "store" / key[:2] / key[2:4] / key).read_bytes()[int(header):]


def sound(scene):
    """Once nothing waits in the journal: what was only just answered may lie in the store before it is in the ledger."""
    found = until("the journal is not emptied", lambda: (lambda check: check["pending"] == 0 and check)(
        scene.home.yqctl("store", "check", "--orphan-grace", "0 s", json=True)))
    assert (found["missing"], found["mismatched"], found["orphans"]) == (0, 0, 0), found


# --- conflicts: by itself ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sc", "dr"])
@pytest.mark.parametrize("command,syntax", [(["dcmconv", "+ti"], dicomgen.IMPLICIT), (["dcmconv", "+tb"], "1.2.840.10008.1.2.2"), (["dcmcrle"], RLE),
                                            (["dcmcjpls", "+el"], JPEG_LS), (["dcmcjpeg", "+e1"], JPEG_LOSSLESS)], ids=lambda value: value[0] if isinstance(value, list) else value)
def test_what_a_pacs_codes_anew_without_loss_is_settled_by_itself(scene, tmp_path, kind, command, syntax):
    first = image(kind)
    uid = first.text(0x00080018)
    assert send(scene, first) == 0
    got, body = coded(tmp_path, first, *command)
    assert got == syntax
    assert send(scene, body, syntax, first.text(0x00080016), uid) == 0
    row = conflict_of(scene, uid, "kept", "open")
    assert row[1:4] == ["kept", "reencoded", "same"], row
    assert stored_bytes(scene, uid) == first.encode(), "the first one stays"
    history = scene.login("duty_leader1").get(f"/api/v1/conflicts/{row[0]}").body["history"]
    assert [(one["event"], one["reason"], one["by"]) for one in history] == [("match", "same", None)]
    sound(scene)


def test_a_lossy_copy_waits_for_a_person(scene, tmp_path):
    first = dicomgen.us(dicomgen.Study(name="张^三"), frames=1)
    uid = first.text(0x00080018)
    assert send(scene, first) == 0
    syntax, body = coded(tmp_path, first, "dcmcjpeg", "+eb", "+un")
    assert syntax == JPEG_BASELINE and send(scene, body, syntax, first.text(0x00080016), uid) == 0
    assert conflict_of(scene, uid, "kept", "open")[1:3] == ["open", "different"]


def test_a_comparison_that_its_router_did_not_survive_is_made_again_and_not_for_ever(scene):
    first, second = image(), None
    uid = first.text(0x00080018)
    second = dicomgen.sc(dicomgen.Study(name="张^三"), sop_uid=uid)
    scene.home.stop("yq-router")
    try:
        assert send(scene, first) == 0 and send(scene, second) == 0
        conflict = conflict_of(scene, uid, "comparing")[0]
        assert "conflicts_comparing 1" in unsettled(scene), "what is still compared is on its way"
        with pytest.raises(AssertionError):
            scene.home.start_as("yq-router", "yq-router", YQ_KILL_AT="conflict_claimed")
            until("the router lives", lambda: scene.home.running["yq-router"].poll() is not None)
            raise AssertionError
        scene.home.running.pop("yq-router", None)
        assert scene.home.sql(f"SELECT state, compare_tries FROM instance_conflict WHERE public_id = '{conflict}'") == [["comparing", "1"]]
        scene.home.sql(f"UPDATE instance_conflict SET compare_until = yq_now(), compare_tries = 3 WHERE public_id = '{conflict}'")
    finally:
        scene.home.start("yq-router")
    assert conflict_of(scene, uid, "open", "kept")[1:4] == ["open", "different", "unfinished"]
    assert "conflicts_comparing" not in unsettled(scene), "it waits for a person now"


# --- conflicts: a person --------------------------------------------------------------------------------------------------


def different(scene, **changes):
    """An open conflict of one image with other pixels and another part: (conflict, first, second)."""
    study = dicomgen.Study(name="张^三")
    first = dicomgen.dr(study)
    second = dicomgen.Dataset(charset=first.charset)
    second.update(first)
    second.put(0x00180015, "CS", "ABDOMEN")
    second.put(0x00100010, "PN", "ZHANG^SAN=张^三^")
    for tag, row in changes.items():
        second.put(int(tag[1:], 16), *row)
    pixels = bytearray(second[0x7FE00010][1])
    pixels[:64] = bytes(64)
    second.put(0x7FE00010, second[0x7FE00010][0], bytes(pixels))
    assert send(scene, first) == 0 and send(scene, second) == 0
    return conflict_of(scene, first.text(0x00080018), "open")[0], first, second


def test_both_are_shown_side_by_side(scene):
    conflict, first, second = different(scene)
    api = scene.login("radiographer1")
    listed = next(one for one in api.get("/api/v1/conflicts?open=yes&limit=200").body["conflicts"] if one["id"] == conflict)
    assert (listed["state"], listed["likeness"], listed["device"]) == ("open", "header", "DR")
    shown = api.get(f"/api/v1/conflicts/{conflict}").body
    assert [(one["tag"], one["name"], one["stored"], one["other"]) for one in shown["differences"] if one["tag"] == "(0018,0015)"] == [
        ("(0018,0015)", "BodyPartExamined", first.text(0x00180015), "ABDOMEN")]
    assert [(one["stored"], one["other"]) for one in shown["differences"] if one["tag"] == "(0010,0010)"] == [("张^三", "ZHANG^SAN=张^三^")]
    assert [(one["which"], one["device"], one["sha256"]) for one in shown["objects"]] == [
        ("stored", "DR", hashlib.sha256(first.encode()).hexdigest()), ("other", "DR", hashlib.sha256(second.encode()).hexdigest())]
    pictures = [api.get(f"/api/v1/conflicts/{conflict}/objects/{which}/rendered", Accept="image/png") for which in ("stored", "other")]
    assert [answer.status for answer in pictures] == [200, 200] and all(answer.body.startswith(b"\x89PNG") for answer in pictures)
    assert pictures[0].body != pictures[1].body
    assert shown["may"] is False and api.post(f"/api/v1/conflicts/{conflict}/decide", {"decision": "keep", "reason": "x"}).status == 403
    assert api.get(f"/api/v1/conflicts/{conflict}/objects/other/file").status == 403
    foreign = scene.login("leader9")
    for target in ("", "/objects/stored/rendered", "/objects/other/file"):
        assert foreign.get(f"/api/v1/conflicts/{conflict}{target}").status == 404, target
    assert foreign.post(f"/api/v1/conflicts/{conflict}/decide", {"decision": "keep", "reason": "x"}).status == 404
    assert api.get(f"/api/v1/conflicts/{conflict}/objects/third/rendered").status == 404


def test_the_file_is_what_arrived_and_its_name_says_nothing(scene):
    conflict, _, second = different(scene)
    answer = scene.login("duty_leader1").get(f"/api/v1/conflicts/{conflict}/objects/other/file")
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/dicom"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="conflict-other-{conflict}.dcm"'
    assert answer.body[128:132] == b"DICM" and answer.body.endswith(second.encode())
    assert scene.home.sql(f"SELECT action FROM audit WHERE subject = '{conflict}' AND actor_kind = 'person'") == [["conflict.export"]]


def test_the_other_one_takes_the_place_and_gives_it_back(scene):
    conflict, first, second = different(scene)
    uid, api = first.text(0x00080018), scene.login("duty_leader1")
    decide = f"/api/v1/conflicts/{conflict}/decide"
    study = scene.home.sql(f"SELECT s.public_id FROM study s JOIN series e USING (study_id) JOIN instance i USING (series_id) WHERE i.sop_instance_uid = '{uid}'")[0][0]
    assert scene.login("operator1").post(f"/api/v1/studies/{study}/submit", {}).status == 200
    until("the study is not complete", lambda: scene.home.sql(f"SELECT 1 FROM study WHERE public_id = '{study}' AND state = 'complete'"))
    assert [api.post(decide, body).status for body in ({}, {"decision": "replace"}, {"decision": "burn", "reason": "x"}, {"decision": "undo", "reason": "x"})] == [400, 400, 400, 409]
    assert api.post(decide, {"decision": "replace", "reason": "第二张部位正确"}).body == {"state": "replaced"}
    assert stored_bytes(scene, uid) == second.encode()
    until("the study did not hear of it", lambda: scene.home.sql(f"SELECT 1 FROM study WHERE public_id = '{study}' AND version = 2"))
    assert api.post(decide, {"decision": "keep", "reason": "too late"}).status == 409
    # The bytes that are in force and those that are not are both known: neither makes a new conflict.
    assert send(scene, first) == 0 and send(scene, second) == 0
    assert api.post(decide, {"decision": "undo", "reason": "原图才对"}).body == {"state": "open"}
    assert stored_bytes(scene, uid) == first.encode()
    until("the study did not hear of the undo", lambda: scene.home.sql(f"SELECT 1 FROM study WHERE public_id = '{study}' AND version = 3"))
    history = api.get(f"/api/v1/conflicts/{conflict}").body["history"]
    assert [(one["event"], one["reason"], one["by"]) for one in history] == [
        ("differ", "header", None), ("replace", "第二张部位正确", "Dr duty_leader1"), ("undo", "原图才对", "Dr duty_leader1")]
    assert scene.home.sql(f"SELECT count(*) FROM instance_conflict c JOIN instance i USING (instance_id) WHERE i.sop_instance_uid = '{uid}'") == [["1"]]
    assert [row[0] for row in scene.home.sql(f"SELECT action FROM audit WHERE subject = '{conflict}' AND action IN ('conflict.replace', 'conflict.undo') ORDER BY at")] == ["conflict.replace", "conflict.undo"]
    sound(scene)


def test_another_patient_under_one_uid_becomes_an_image_of_its_own(scene):
    """A clock that fell back makes the same UIDs again: nobody's image is lost, and nobody gets another one's."""
    conflict, first, second = different(scene, x00100010=("PN", "WANG^WU=王^五"), x00100020=("LO", "YQ20269999"), x00100030=("DA", "19880808"),
                                        x0020000D=("UI", dicomgen.new_uid()), x0020000E=("UI", dicomgen.new_uid()))
    api, uid = scene.login("duty_leader1"), first.text(0x00080018)
    decide = f"/api/v1/conflicts/{conflict}/decide"
    assert api.post(decide, {"decision": "replace", "reason": "x"}).status == 409
    assert api.post(decide, {"decision": "separate", "reason": "两位患者，设备时钟回退"}).body == {"state": "separate"}
    assert stored_bytes(scene, uid) == first.encode()
    own = api.get(f"/api/v1/conflicts/{conflict}").body["separate_instance"]
    assert own.startswith("2.25.") and stored_bytes(scene, own) == second.encode()
    assert scene.home.sql(f"""SELECT s.study_instance_uid, k.name FROM instance i JOIN series e USING (series_id) JOIN study s USING (study_id)
                              JOIN identity_claim k USING (claim_id) WHERE i.sop_instance_uid = '{own}'""") == [[second.text(0x0020000D), "WANG^WU=王^五"]]
    assert api.post(decide, {"decision": "separate", "reason": "again"}).status == 409
    sound(scene)


def test_a_conflict_by_command(scene, tmp_path):
    conflict, first, second = different(scene)
    home = scene.home
    assert conflict in [one["id"] for one in home.yqctl("conflict", "list", json=True) if one["state"] == "open"]
    shown = home.yqctl("conflict", "show", conflict, json=True)
    assert shown["objects"][1]["sha256"] == hashlib.sha256(second.encode()).hexdigest() and shown["difference_count"] >= 2
    home.yqctl("conflict", "export", conflict, "--to", str(tmp_path / "other.dcm"))
    assert (tmp_path / "other.dcm").read_bytes().endswith(second.encode())
    home.yqctl("conflict", "export", conflict, "--to", str(tmp_path / "other.dcm"), status=69)
    home.yqctl("conflict", "settle", conflict, "--decision", "burn", "--reason", "x", status=None)
    assert "replaced" in home.yqctl("conflict", "settle", conflict, "--decision", "replace", "--reason", "the second is right")
    assert stored_bytes(scene, first.text(0x00080018)) == second.encode()
    home.yqctl("conflict", "undo", conflict, "--reason", "it was not")
    assert "kept" in home.yqctl("conflict", "settle", conflict, "--decision", "keep", "--reason", "the first is right")
    actors = home.sql(f"SELECT DISTINCT actor_kind FROM audit WHERE subject = '{conflict}' AND action IN ('conflict.replace', 'conflict.undo', 'conflict.keep')")
    assert actors == [["operator"]]


# --- quarantine -------------------------------------------------------------------------------------------------------------


def without(*tags, **changes):
    dataset = image("dr")
    for tag in tags:
        dataset.pop(tag)
    for tag, row in changes.items():
        dataset.put(int(tag[1:], 16), *row)
    return dataset


def apart(scene, dataset, body=None):
    digest = hashlib.sha256(body or dataset.encode()).hexdigest()
    return until("nothing was set apart", lambda: scene.home.sql(
        f"SELECT public_id, code, arrivals FROM quarantine WHERE sha256 = decode('{digest}', 'hex')"))[0]


DOOR = [
    ("no study UID", without(0x0020000D), {}, 0xC000, "study_uid"),
    ("a study UID of 70 characters", without(x0020000D=("UI", "1." * 35 + "1")), {}, 0xC000, "study_uid"),
    ("a study UID that is none", without(x0020000D=("UI", "1.2.x")), {}, 0xC000, "study_uid"),
    ("no series UID", without(0x0020000E), {}, 0xC000, "study_uid"),
    ("no SOP instance UID in the dataset", without(0x00080018), {"uid": dicomgen.new_uid()}, 0xC000, "sop_uid"),
    ("no SOP class UID in the dataset", without(0x00080016), {"sop_class": dicomgen.SOP["dr"]}, 0xC000, "sop_uid"),
    ("another instance than announced", without(), {"uid": dicomgen.new_uid()}, 0xA900, "mismatch"),
    ("another SOP class than announced", without(), {"sop_class": SC}, 0xA900, "mismatch"),
    ("an announced UID that is none", without(), {"uid": "1.2..3"}, 0xC000, "mismatch"),
    ("half a dataset", without().encode()[:-40], {"sop_class": dicomgen.SOP["dr"], "uid": dicomgen.new_uid()}, 0xC000, None),
    ("noise", bytes(range(256)) * 4, {"sop_class": SC, "uid": dicomgen.new_uid()}, 0xC000, None),
    ("no bytes", b"", {"sop_class": SC, "uid": dicomgen.new_uid()}, 0xC000, None),
    ("no patient at all", without(0x00100010, 0x00100020), {}, 0x0000, None),
]


@pytest.mark.parametrize("name,dataset,announced,status,code", DOOR, ids=[row[0] for row in DOOR])
def test_what_the_door_answers_and_what_it_keeps(scene, name, dataset, announced, status, code):
    """PS3.4 table B.2-1. What a person can correct is kept however it was answered; what nobody can read is the sender's still."""
    until("the journal is not emptied", lambda: scene.home.yqctl("store", "check", json=True)["pending"] == 0)
    before = scene.home.sql("SELECT count(*) FROM quarantine")
    body = dataset if isinstance(dataset, bytes) else dataset.encode()
    assert send(scene, dataset, **announced) == status
    if code:
        assert apart(scene, None, body)[1] == code
    else:
        until("the journal is not emptied", lambda: scene.home.yqctl("store", "check", json=True)["pending"] == 0)
        assert scene.home.sql("SELECT count(*) FROM quarantine") == before


def test_a_device_that_tries_again_and_again_fills_no_disk(scene):
    dataset = without(0x0020000D)
    assert [send(scene, dataset) for _ in range(4)] == [0xC000] * 4
    until("not counted", lambda: apart(scene, dataset)[2] == "4")
    assert len(list((scene.home.home / "journal" / "quarantine").glob("*.part"))) == int(scene.home.sql("SELECT count(*) FROM quarantine WHERE state <> 'indexed'")[0][0])


def test_an_object_without_a_study_uid_gets_one_from_a_person(scene):
    dataset = without(0x0020000D)
    uid = dataset.text(0x00080018)
    assert send(scene, dataset) == 0xC000
    found = apart(scene, dataset)[0]
    target = f"/api/v1/quarantine/{found}"
    looker, api = scene.login("radiographer1"), scene.login("duty_leader1")
    until("its bytes do not come behind its row", lambda: "unreadable" not in looker.get(target).body)
    shown = looker.get(target).body
    assert (shown["code"], shown["state"], shown["may"]) == ("study_uid", "open", False)
    assert {"tag": "(0010,0010)", "name": "PatientName", "value": "张^三"} in shown["fields"]
    assert "sites" not in shown and looker.get(target + "/rendered", Accept="image/png").body.startswith(b"\x89PNG")
    assert [looker.post(target + "/retry").status, looker.get(target + "/file").status] == [403, 403]
    foreign = scene.login("leader9")
    assert [foreign.get(target).status, foreign.get(target + "/rendered").status, foreign.get(target + "/file").status, foreign.post(target + "/retry").status,
            foreign.post(target + "/close", {"reason": "x"}).status, foreign.put(target + "/corrections", {"revision": 0, "fields": {}, "reason": "x"}).status] == [404] * 6
    file = api.get(target + "/file")
    assert file.headers["Content-Type"] == "application/dicom" and file.headers["Content-Disposition"] == f'attachment; filename="quarantine-{found}.dcm"'
    assert file.body.endswith(dataset.encode())
    failed = api.post(target + "/retry").body
    assert failed["outcome"] == "failed" and "study or series UID" in failed["reason"]
    new = api.get(target).body["new_uids"]["study_instance_uid"]
    for fields, status in (({"study_instance_uid": "1.2.x"}, 400), ({"pixel_data": "x"}, 400), ({"patient_sex": "male"}, 400), ({"site": scene.scopes["W1"]}, 404), ("x", 400)):
        assert api.put(target + "/corrections", {"revision": 0, "fields": fields, "reason": "x"}).status == status, fields
    assert api.put(target + "/corrections", {"revision": 0, "fields": {"study_instance_uid": new, "patient_id": "YQ1"}, "reason": "设备未写检查号"}).body == {"revision": 1}
    assert api.put(target + "/corrections", {"revision": 0, "fields": {}, "reason": "同时"}).status == 409
    done = api.post(target + "/retry").body
    assert done["outcome"] == "stored" and done["study_id"]
    assert scene.home.sql(f"""SELECT s.study_instance_uid, k.typed_id, p.name FROM instance i JOIN series e USING (series_id) JOIN study s USING (study_id)
                              JOIN identity_claim k USING (claim_id) JOIN scope p ON p.scope_id = s.site_id WHERE i.sop_instance_uid = '{uid}'""") == [[new, "YQ1", "E1"]]
    assert stored_bytes(scene, uid) == dataset.encode(), "bytes are not touched"
    assert api.post(target + "/retry").status == 409
    shown = api.get(target).body
    assert shown["state"] == "indexed" and [one["event"] for one in shown["history"]] == ["retry", "correct", "retry"]
    rows = scene.home.sql(f"SELECT action, detail::text FROM audit WHERE subject = '{found}' AND action IN ('quarantine.correct', 'quarantine.retry', 'quarantine.export') ORDER BY at")
    assert [row[0] for row in rows] == ["quarantine.export", "quarantine.retry", "quarantine.correct", "quarantine.retry"]
    assert not any("YQ1" in row[1] for row in rows if row[1]), "the audit names no patient"
    sound(scene)


def test_what_is_of_no_site_finds_one(scene):
    dataset = image("dr")
    digest = hashlib.sha256(dataset.encode()).hexdigest()
    # The site goes while the object is on its way: it was acknowledged, and must not be lost.
    scene.home.sql(f"UPDATE scope SET public_id = gen_random_uuid() WHERE public_id = '{scene.scopes['E2']}'")
    try:
        assert send(scene, dataset, device="DR_E2") == 0
        found, code, _ = apart(scene, dataset)
    finally:
        scene.home.sql(f"UPDATE scope SET public_id = '{scene.scopes['E2']}' WHERE name = 'E2'")
    assert code == "no_site" and digest
    target = f"/api/v1/quarantine/{found}"
    assert scene.login("duty_leader1").get(target).status == 404
    api = scene.login("operator1")
    listed = next(one for one in api.get("/api/v1/quarantine?open=yes&limit=200").body["quarantined"] if one["id"] == found)
    assert listed["site"] is None and listed["may"]
    sites = {one["name"]: one["id"] for one in api.get(target).body["sites"]}
    assert set(sites) == {"E0", "E1", "E2"}
    assert api.put(target + "/corrections", {"revision": 0, "fields": {"site": sites["E2"]}, "reason": "站点恢复"}).status == 200
    assert api.post(target + "/retry").body["outcome"] == "stored"
    assert api.get(target).body["site"]["name"] == "E2" and scene.login("duty_leader1").get(target).status == 200
    sound(scene)


def test_two_at_once_bring_it_in_once(scene):
    import threading
    dataset = without(0x0020000D)
    assert send(scene, dataset) == 0xC000
    found = apart(scene, dataset)[0]
    target, apis = f"/api/v1/quarantine/{found}", [scene.login("duty_leader1"), scene.login("operator1")]
    assert apis[0].put(target + "/corrections", {"revision": 0, "fields": {"study_instance_uid": dicomgen.new_uid()}, "reason": "x"}).status == 200
    answers = []
    threads = [threading.Thread(target=lambda api=api: answers.append(api.post(target + "/retry"))) for api in apis]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(answer.status for answer in answers) == [200, 409], answers
    assert stored_bytes(scene, dataset.text(0x00080018)) == dataset.encode()
    sound(scene)


@pytest.mark.parametrize("point", ["redrive_placed", "redrive_indexed"])
def test_a_command_killed_on_the_way_is_finished_by_the_next(scene, point):
    dataset = without(0x0020000D)
    assert send(scene, dataset) == 0xC000
    found, home = apart(scene, dataset)[0], scene.home
    home.yqctl("quarantine", "correct", found, "--new-uids", "--reason", "none was sent")
    home.yqctl("quarantine", "retry", found, status=-9, YQ_KILL_AT=point)
    home.yqctl("quarantine", "retry", found, status=None)
    home.restart("yq-router")
    assert home.sql(f"SELECT state FROM quarantine WHERE public_id = '{found}'") == [["indexed"]]
    assert stored_bytes(scene, dataset.text(0x00080018)) == dataset.encode()
    key = home.sql(f"SELECT object_key FROM quarantine WHERE public_id = '{found}'")[0][0]
    until("its bytes still lie apart", lambda: not list((home.home / "journal" / "quarantine").glob(f"*{key}*")))
    sound(scene)


def test_closed_and_opened_again(scene):
    dataset = without(0x0020000E)
    assert send(scene, dataset) == 0xC000
    found, api = apart(scene, dataset)[0], scene.login("duty_leader1")
    target = f"/api/v1/quarantine/{found}"
    assert api.post(target + "/close", {}).status == 400
    assert api.post(target + "/close", {"reason": "厂家测试图像"}).status == 200
    assert api.post(target + "/retry").status == 409 and api.post(target + "/close", {"reason": "x"}).status == 409
    assert api.get(target + "/file").body.endswith(dataset.encode()), "closing deletes nothing"
    assert found not in [one["id"] for one in api.get("/api/v1/quarantine?open=yes&limit=200").body["quarantined"]]
    assert found in [one["id"] for one in api.get("/api/v1/quarantine?open=no&limit=200").body["quarantined"]]
    assert api.post(target + "/reopen", {"reason": "确有患者"}).status == 200
    assert api.get(target).body["state"] == "open"


def test_quarantine_by_command(scene, tmp_path):
    good, bad = without(0x0020000D), without(0x00080018)
    assert send(scene, good) == 0xC000 and send(scene, bad, uid=dicomgen.new_uid()) == 0xC000
    ids, home = [apart(scene, one)[0] for one in (good, bad)], scene.home
    assert set(ids) <= {one["id"] for one in home.yqctl("quarantine", "list", json=True)}
    shown = home.yqctl("quarantine", "show", ids[0], json=True)
    assert shown["code"] == "study_uid" and shown["field_count"] > 10 and "张" in json.dumps(shown["fields"], ensure_ascii=False)
    home.yqctl("quarantine", "export", ids[0], "--to", str(tmp_path / "q.dcm"))
    assert (tmp_path / "q.dcm").read_bytes().endswith(good.encode())
    home.yqctl("quarantine", "correct", ids[0], "--new-uids", "--patient-name", "WANG^WU=王^五", "--reason", "from the request")
    home.yqctl("quarantine", "correct", ids[0], "--patient-id", "YQ77", "--reason", "and its number")
    fields = home.yqctl("quarantine", "show", ids[0], json=True)["corrections"]
    assert fields["patient_id"] == "YQ77" and fields["patient_name"] == "WANG^WU=王^五" and fields["study_instance_uid"].startswith("2.25.")
    results = json.loads(home.yqctl("quarantine", "retry", *ids, "--json", status=None).stdout)
    assert [(one["id"], one["outcome"]) for one in results] == [(ids[0], "stored"), (ids[1], "failed")]
    home.yqctl("quarantine", "close", ids[1], "--reason", "a test of the vendor")
    home.yqctl("quarantine", "reopen", ids[1], "--reason", "it was not")
    home.yqctl("quarantine", "retry", status=None)
    home.yqctl("quarantine", "show", "'; DROP TABLE study; --", status=None)


def test_no_log_names_a_patient(scene):
    for name in ("yq-storescp", "yq-router", "yq-gateway"):
        log = scene.home.log(name)
        assert "张" not in log and "王" not in log and "ZHANG" not in log and "YQ20" not in log, name


