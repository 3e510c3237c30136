"""QIDO-RS and WADO-RS as a workstation uses them: what is found, what is shown of it, and that bytes come back as they came."""

import http.client
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import urllib.parse

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import dicomgen  # noqa: E402
from tests.support.dicomweb import JSON, ROOT, Centre, parts  # noqa: E402

AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'


@pytest.fixture(scope="module")
def centre():
    with Centre() as installation:
        installation.liu = installation.examine(name="LIU^YANG=刘^洋", images=4, patient_id="P0001", birth="19600102", sex="F", accession="A0001")
        installation.zhang = installation.examine("dr-chest", name="ZHANG^SAN=张^三", patient_id="P0002", charset="gb18030-as-latin1")
        installation.zhao = installation.examine("us-abdomen", name="ZHAO^YUN=赵^云", patient_id="P0003")
        installation.yqctl("wait", "--settled", "--timeout", "1 s", status=None)
        api = installation.person("reporter")
        for _ in range(600):
            if len(studies(api)) == 3 and all(one["00201208"]["Value"] for one in studies(api)):
                break
            installation.yqctl("wait", "--settled", "--timeout", "200 ms", status=None)
        yield installation


@pytest.fixture(scope="module")
def api(centre):
    return centre.person("reporter")


def studies(api, query=""):
    answer = api.get(f"{ROOT}/studies?{query}", Accept=JSON)
    assert answer.status in (200, 204), answer
    return answer.body if answer.status == 200 else []


def value(attributes, tag):
    return attributes[tag].get("Value", [None])[0]


def uids(found):
    return {value(one, "0020000D") for one in found}


def dataset_bytes(path):
    return dicomgen.split_part10(pathlib.Path(path).read_bytes())[1]


# ---- QIDO-RS -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query, found", [
    ("", "liu zhang zhao"),
    ("PatientID=P0001", "liu"),
    ("00100020=P0001", "liu"),
    ("PatientID=P000*", "liu zhang zhao"),
    ("PatientID=P000?", "liu zhang zhao"),
    ("PatientID=p0001", ""),
    ("PatientID=P%25", ""),
    ("PatientID=P____", ""),
    ("PatientName=*%E4%B8%89", "zhang"),
    ("PatientName=%E5%BC%A0%E4%B8%89", "zhang"),
    ("PatientName=%E5%BC%A0%5E%E4%B8%89", "zhang"),
    ("PatientName=ZHA*", "zhang zhao"),
    ("PatientName=zhang%5Esan", "zhang"),
    ("PatientName=SAN*", ""),
    ("PatientName=LIU%5EYANG%3D%E5%88%98%5E%E6%B4%8B", "liu"),
    ("PatientName=%3D%E5%88%98%5E%E6%B4%8B", "liu"),
    ("PatientName=li*%3D*%E6%B4%8B", "liu"),
    ("PatientName=*%3D%E5%BC%A0*", "zhang"),
    ("PatientName=LIU%5EYANG%3D%E5%BC%A0%5E%E4%B8%89", ""),
    ("PatientName=%3DLIU%5EYANG", ""),
    ("PatientName=zhangs&fuzzymatching=true", "zhang"),
    ("PatientName=%E5%88%98&fuzzymatching=true", "liu"),
    ("PatientName=ly&fuzzymatching=true", "liu"),
    ("ModalitiesInStudy=CT", "liu"),
    ("ModalitiesInStudy=CT%5CUS", "liu zhao"),
    ("PatientSex=F", "liu"),
    ("PatientBirthDate=19600101-19601231", "liu"),
    ("AccessionNumber=A0001", "liu"),
    ("StudyDate=19000101-19010101", ""),
    ("StudyDate=20000101-", "liu zhang zhao"),
    ("includefield=all&SomethingElse=1", "liu zhang zhao"),
    ("limit=100000", "liu zhang zhao"),
    ("ModalitiesInStudy=*", "liu zhang zhao"),
    ("ModalitiesInStudy=c*,x", "liu"),
    ("ModalitiesInStudy=u?", "zhao"),
    ("PatientSex=*", "liu zhang zhao"),
    ("StudyDate=*", "liu zhang zhao"),
    ("PatientName=ly&fuzzymatching=TRUE", "liu"),
])
def test_studies_are_found(centre, api, query, found):
    want = {getattr(centre, name)["study_instance_uid"] for name in found.split()}
    assert uids(studies(api, query)) == want


def test_a_study_is_described(centre, api):
    one, = studies(api, "PatientID=P0001")
    assert one["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "LIU^YANG", "Ideographic": "刘^洋"}]}
    assert (value(one, "00100030"), value(one, "00100040"), value(one, "00080050")) == ("19600102", "F", "A0001")
    assert (value(one, "00201206"), value(one, "00201208"), one["00080061"]["Value"]) == (1, 4, ["CT"])
    assert value(one, "00080005") == "ISO_IR 192"
    assert value(one, "00081190").endswith(f"{ROOT}/studies/{centre.liu['study_instance_uid']}")
    wrong, = studies(api, "PatientID=P0002")
    assert value(wrong, "00100010")["Ideographic"] == "张^三", "declared as Latin-1, and it is GB18030"


def test_pages_of_results(api):
    first = api.get(f"{ROOT}/studies?limit=2", Accept=JSON)
    rest = api.get(f"{ROOT}/studies?limit=2&offset=2", Accept=JSON)
    assert (len(first.body), len(rest.body)) == (2, 1) and not uids(first.body) & uids(rest.body)
    assert first.headers["Warning"].startswith("299") and rest.headers["Warning"] is None
    nothing = api.get(f"{ROOT}/studies?offset=3", Accept=JSON)
    assert (nothing.status, nothing.body) == (204, b"")


@pytest.mark.parametrize("query", ["StudyDate=yesterday", "StudyDate=20260101-2026", "StudyDate=-", "limit=0", "limit=x", "offset=-1", "fuzzymatching=maybe",
                                   "StudyInstanceUID=1.2'%3B--", "StudyInstanceUID=,", "StudyDate=99999999", "PatientBirthDate=20230231", "ModalitiesInStudy=C%25", "ModalitiesInStudy=,",
                                   "includefield=rubbish%20x", "includefield=NoSuchAttribute", "includefield=00100010.x", "includefield=" + "0040A375." * 40, "PatientName=" + "x" * 5000, "PatientID=%FF", "PatientID=%00"])
def test_a_wrong_query_is_refused(api, query):
    assert api.get(f"{ROOT}/studies?{query}", Accept=JSON).status in (400, 414)


def test_what_a_search_does_not_do_is_said(api):
    answer = api.get(f"{ROOT}/studies?SeriesNumber=1200&00181030=x&includefield=PatientName,00104000&includefield=00400275.00400007&%22evil%0d%0a=1", Accept=JSON)
    assert answer.status == 200
    assert answer.headers.get_all("Warning") == ['299 yingqiao: "These keys were not matched: SeriesNumber, 00181030"',
                                                 '299 yingqiao: "These attributes are not returned: 00104000, 00400275.00400007"']
    assert api.get(f"{ROOT}/studies?PatientID=P0001&includefield=StudyDate,all", Accept=JSON).headers.get_all("Warning") is None
    nothing = api.get(f"{ROOT}/instances?PatientID=none&PixelData=1", Accept=JSON)
    assert (nothing.status, nothing.headers["Warning"]) == (204, '299 yingqiao: "These keys were not matched: PixelData"')


def test_numbers_of_a_series(centre, api):
    study = centre.liu["study_instance_uid"]
    every = api.get(f"{ROOT}/studies/{study}/series?SeriesNumber=", Accept=JSON).body
    assert every == api.get(f"{ROOT}/studies/{study}/series", Accept=JSON).body
    assert api.get(f"{ROOT}/studies/{study}/series?SeriesNumber=-7", Accept=JSON).status == 204
    for bad in ("1.5", "x", "9999999999999", "--1"):
        assert api.get(f"{ROOT}/studies/{study}/series?SeriesNumber={bad}", Accept=JSON).status == 400, bad


def test_what_is_not_json_is_not_acceptable(api):
    assert api.get(f"{ROOT}/studies", Accept="application/dicom+xml").status == 406
    assert api.get(f"{ROOT}/studies", Accept=";;;").status == 400


def test_series_and_instances_are_found(centre, api):
    study = centre.liu["study_instance_uid"]
    series = api.get(f"{ROOT}/studies/{study}/series", Accept=JSON).body
    assert [(value(one, "00080060"), value(one, "00201209")) for one in series] == [("CT", 4)]
    uid = value(series[0], "0020000E")
    instances = api.get(f"{ROOT}/studies/{study}/series/{uid}/instances", Accept=JSON).body
    assert [value(one, "00200013") for one in instances] == [1, 2, 3, 4]
    assert (value(instances[0], "00280010"), value(instances[0], "00080016")) == (64, dicomgen.SOP["ct"])
    assert len(api.get(f"{ROOT}/studies/{study}/instances?InstanceNumber=2", Accept=JSON).body) == 1
    assert len(api.get(f"{ROOT}/series?Modality=US", Accept=JSON).body) == 1
    assert len(api.get(f"{ROOT}/instances?SOPClassUID={dicomgen.SOP['ct']}", Accept=JSON).body) == 4
    assert api.get(f"{ROOT}/studies/{study}/instances?InstanceNumber=99", Accept=JSON).status == 204
    assert api.get(f"{ROOT}/studies/1.2.3/series", Accept=JSON).status == 404
    assert api.get(f"{ROOT}/studies/{study}/series/1.2.3/instances", Accept=JSON).status == 404

@pytest.mark.parametrize("query, found", [
    ("StudyInstanceUID=1.2.3", ""),
    ("PatientID=P0001", "liu"),
    ("PatientName=ZHA*", "zhang zhao"),
    ("PatientName=ly&fuzzymatching=true", "liu"),
    ("AccessionNumber=A0001", "liu"),
    ("StudyDate=19000101-19010101", ""),
    ("ModalitiesInStudy=US", "zhao"),
    ("PatientBirthDate=19600101-19601231", "liu"),
    ("PatientSex=F", "liu"),
    ("Modality=CT", "liu"),
    ("SeriesInstanceUID=1.2.3", ""),
])
@pytest.mark.parametrize("level", ["series", "instances"])
def test_keys_of_the_levels_above_filter(centre, api, level, query, found):
    answer = api.get(f"{ROOT}/{level}?{query}", Accept=JSON)
    assert answer.status == (200 if found else 204), answer
    assert uids(answer.body or []) == {getattr(centre, name)["study_instance_uid"] for name in found.split()}


def test_several_classes_are_all_looked_for(centre, api):
    both = f"{dicomgen.SOP['ct']},{dicomgen.SOP['us']}"
    found = api.get(f"{ROOT}/instances?SOPClassUID={both}", Accept=JSON).body
    assert {value(one, "00080016") for one in found} >= {dicomgen.SOP["ct"]} and uids(found) == {
        centre.liu["study_instance_uid"], centre.zhao["study_instance_uid"]}


def test_a_study_is_not_among_those_of_another_patient(centre, api):
    liu, zhao = (made["study_instance_uid"] for made in (centre.liu, centre.zhao))
    for level in ("series", "instances"):
        assert api.get(f"{ROOT}/patient-of/{liu}/studies/{liu}/{level}", Accept=JSON).status == 200
        assert api.get(f"{ROOT}/patient-of/{liu}/studies/{zhao}/{level}", Accept=JSON).status == 204



# ---- WADO-RS -------------------------------------------------------------------------------------------------------------


def test_a_study_comes_back_as_it_came(centre, api):
    sent = {one["sop_instance_uid"]: dataset_bytes(one["path"]) for one in centre.liu["files"]}
    answer = api.get(f"{ROOT}/studies/{centre.liu['study_instance_uid']}", Accept=AS_STORED)
    assert answer.headers["Content-Length"] == str(len(answer.body)), "the length of what is only to be sent is known before"
    got = parts(answer)
    assert len(got) == 4
    for headers, body in got:
        uid = headers["Content-Location"].rsplit("/", 1)[1]
        assert dicomgen.split_part10(body)[1] == sent.pop(uid), uid
        assert headers["Content-Type"] == f"application/dicom; transfer-syntax={dicomgen.EXPLICIT}"
    assert not sent


def test_a_file_that_is_not_what_the_ledger_knows_breaks_the_answer(centre, api):
    """Bytes that do not belong to it must not pass for the study."""
    whole = f"{ROOT}/studies/{centre.liu['study_instance_uid']}"
    last = parts(api.get(whole, Accept=AS_STORED))[-1][0]["Content-Location"].rsplit("/", 1)[1]
    key, = centre.sql(f"SELECT object_key FROM instance WHERE sop_instance_uid = '{last}'")[0]
    path = centre.home / "store" / key[:2] / key[2:4] / key
    path.chmod(0o600)
    with open(path, "ab") as file:
        file.write(b"x")
    try:
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            api.get(whole, Accept=AS_STORED)
    finally:
        os.truncate(path, path.stat().st_size - 1)
    assert api.get(whole, Accept=AS_STORED).status == 200


def address(centre, made, number=0):
    one = made["files"][number]
    return f"{ROOT}/studies/{made['study_instance_uid']}/series/{one['series_instance_uid']}/instances/{one['sop_instance_uid']}"


def test_one_instance_as_a_file(centre, api):
    target = address(centre, centre.liu)
    got = api.get(target, Accept="application/dicom")
    assert (got.status, got.headers["Content-Type"]) == (200, f"application/dicom; transfer-syntax={dicomgen.EXPLICIT}")
    assert dicomgen.split_part10(got.body)[1] == dataset_bytes(centre.liu["files"][0]["path"])
    part = api.get(target, Accept="application/dicom", Range="bytes=128-131")
    assert (part.status, part.body) == (206, b"DICM")
    assert api.get(target, **{"Accept": "application/dicom", "If-None-Match": got.headers["ETag"]}).status == 304
    assert api.get(target, Accept="application/dicom; transfer-syntax=1.2.840.10008.1.2.4.201").status == 406
    assert api.get(target, Accept="text/html").status == 406


def test_frames(centre, api):
    octets = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
    (headers, body), = parts(api.get(address(centre, centre.liu) + "/frames/1", Accept=octets))
    assert len(body) == 64 * 64 * 2 and body == dataset_bytes(centre.liu["files"][0]["path"])[-len(body):]
    assert headers["Content-Type"] == f"application/octet-stream; transfer-syntax={dicomgen.EXPLICIT}"
    loop = address(centre, centre.zhao)
    one, two = parts(api.get(loop + "/frames/2,1", Accept=octets))
    assert one[0]["Content-Location"].endswith("/frames/2") and one[1] != two[1]
    for bad in ("0", "5000", "1,", "x", "1;2"):
        assert api.get(loop + "/frames/" + bad, Accept=octets).status == 404, bad


def test_compressed_frames_come_as_stored_or_decoded(centre, api, tmp_path):
    made = dicomgen.make_study(str(tmp_path), "ct-chest", size=64, images=1, name="QIAN^YI=钱^一", patient_id="P0009")
    plain, packed = made["files"][0]["path"], tmp_path / "packed.dcm"
    subprocess.run(["dcmcjpls", plain, packed], check=True, capture_output=True)
    subprocess.run(["storescu", "-xt", "-aet", "DEMO_DR", "-aec", "YINGQIAO", "127.0.0.1", str(centre.dicom_port), packed], check=True, capture_output=True)
    target = address(centre, made) + "/frames/1"
    pixels = dataset_bytes(plain)[-64 * 64 * 2:]
    for _ in range(600):
        decoded = api.get(target, Accept='multipart/related; type="application/octet-stream"')
        if decoded.status != 404:
            break
        centre.yqctl("wait", "--settled", "--timeout", "200 ms", status=None)
    (headers, body), = parts(decoded)
    assert body == pixels and headers["Content-Type"].endswith(dicomgen.EXPLICIT)
    (headers, body), = parts(api.get(target, Accept='multipart/related; type="image/jls"'))
    assert headers["Content-Type"] == "image/jls; transfer-syntax=1.2.840.10008.1.2.4.80" and body[:2] == b"\xff\xd8"
    (headers, _), = parts(api.get(target, Accept='multipart/related; type="application/octet-stream"; transfer-syntax=*'))
    assert headers["Content-Type"].startswith("image/jls")


# ---- metadata ------------------------------------------------------------------------------------------------------------


def by_dcmtk(path):
    """The JSON model as DCMTK writes it."""
    return json.loads(subprocess.run(["dcm2json", path], check=True, capture_output=True).stdout)


def test_metadata_is_that_of_the_object(centre, api):
    series = centre.liu["files"][0]["series_instance_uid"]
    got = api.get(f"{ROOT}/studies/{centre.liu['study_instance_uid']}/series/{series}/metadata", Accept=JSON)
    assert (got.status, got.headers["Content-Type"], len(got.body)) == (200, JSON, 4)
    for shown, sent in zip(got.body, centre.liu["files"]):
        want = by_dcmtk(sent["path"])
        for tag in want:
            if tag not in ("7FE00010", "00080005", "00101010", "00020010"):
                assert shown[tag] == want[tag], tag
        pixels = shown["7FE00010"]
        assert pixels == {"vr": want["7FE00010"]["vr"], "BulkDataURI": pixels["BulkDataURI"]}, "fetched by its address, and else the same"
        assert pixels["BulkDataURI"].endswith(f"/instances/{sent['sop_instance_uid']}/bulkdata/7FE00010")


def test_metadata_is_compressed_for_who_takes_it(centre, api):
    target = f"{ROOT}/studies/{centre.liu['study_instance_uid']}/metadata"
    plain, packed = api.get(target, Accept=JSON), api.get(target, **{"Accept": JSON, "Accept-Encoding": "gzip"})
    assert (plain.headers["Content-Encoding"], packed.headers["Content-Encoding"]) == (None, "gzip")
    assert "Accept-Encoding" in ", ".join(packed.headers.get_all("Vary"))
    assert packed.body == plain.body


def test_names_in_metadata_are_right(centre, api):
    shown, = api.get(address(centre, centre.zhang) + "/metadata", Accept=JSON).body
    assert shown["00100010"]["Value"] == [{"Alphabetic": "ZHANG^SAN", "Ideographic": "张^三"}]
    assert value(shown, "00080005") == "ISO_IR 192"
    assert "\ufffd" not in json.dumps(shown, ensure_ascii=False)


def test_long_values_are_fetched_by_their_address(centre, api):
    shown, = api.get(address(centre, centre.zhang) + "/metadata", Accept=JSON).body
    uri = shown["7FE00010"]["BulkDataURI"]
    got = api.get(uri[uri.index(ROOT):])
    assert got.status == 200 and dataset_bytes(centre.zhang["files"][0]["path"]).endswith(got.body)
    for bad in ("00100010.1.00100010", "7FE0001", "../../etc", "FFFFFFFF", "00081140.99.00081150", "7FE00010.0.00100010"):
        assert api.get(address(centre, centre.zhang) + "/bulkdata/" + bad.replace("/", "%2F")).status == 404, bad


def corrected(radiographer, study, what):
    preview = radiographer.post(f"/api/v1/studies/{study}/corrections/preview", what)
    assert preview.status == 200, preview
    done = radiographer.post(f"/api/v1/studies/{study}/corrections", {**what, "reason": "登记时弄错了", "revision": preview.body["revision"]})
    assert done.status == 201, done
    return done.body


def listed_study(centre, api, made):
    for _ in range(600):
        found = [one for one in api.get("/api/v1/studies?limit=200").body["studies"] if one["study_instance_uid"] == made["study_instance_uid"]
                 and one["instances"] == len(made["files"])]
        if found:
            return found[0]
        centre.yqctl("wait", "--settled", "--timeout", "200 ms", status=None)
    raise AssertionError("the study does not arrive")


def test_who_was_parted_has_a_study_of_his_own(centre, api):
    made = centre.examine("ct-chest", name="SUN^DA=孙^大", patient_id="P0078", images=2)
    radiographer = centre.person("radiographer")
    study = listed_study(centre, radiographer, made)
    whole = f"{ROOT}/studies/{made['study_instance_uid']}"
    asked = [(whole + "/metadata", JSON), (whole, AS_STORED), (whole, "*/*")]
    tags = [api.get(target, Accept=accept).headers["ETag"] for target, accept in asked]
    assert [api.get(target, **{"Accept": accept, "If-None-Match": tag}).status for (target, accept), tag in zip(asked, tags)] == [304] * 3
    corrected(radiographer, study["id"], {"kind": "split", "instances": [made["files"][1]["sop_instance_uid"]],
                                          "patient": {"name": "孙二", "sex": "F", "birth_date": "1961-05-06", "patient_id": "P0079"}})
    assert [api.get(target, **{"Accept": accept, "If-None-Match": tag}).status for (target, accept), tag in zip(asked, tags)] == [200] * 3
    first, = studies(api, "PatientID=P0078")
    second, = studies(api, "PatientID=P0079")
    assert (value(first, "00201208"), value(second, "00201208")) == (1, 1)
    assert value(first, "0020000D") == made["study_instance_uid"] != value(second, "0020000D")
    shown, = api.get(f"{ROOT}/studies/{value(second, '0020000D')}/metadata", Accept=JSON).body
    assert (value(shown, "0020000D"), value(shown, "00100020")) == (value(second, "0020000D"), "P0079")
    assert value(shown, "00080018") == made["files"][1]["sop_instance_uid"]
    moved = api.get(f"{ROOT}/studies/{value(second, '0020000D')}", Accept="*/*").body
    assert value(second, "0020000D").encode() in moved and made["study_instance_uid"].encode() not in moved
    assert b"P0079" in moved and "孙二".encode() in moved and b"P0078" not in moved
    assert_no_short_value_is_bulk_data(api, address(centre, made, 1).replace(made["study_instance_uid"], value(second, "0020000D")))


def assert_no_short_value_is_bulk_data(api, instance):
    """They are in the metadata, as people corrected them; the file has them as they came."""
    shown, = api.get(instance + "/metadata", Accept=JSON).body
    for tag in ("00100010", "00100020", "0020000D", "00080018", "00280010"):
        assert "BulkDataURI" not in shown[tag]
        got = api.get(f"{instance}/bulkdata/{tag}")
        assert got.status == 404 and "BulkDataURI" in got.body["detail"], tag


def test_corrections_show_and_bytes_stay(centre, api):
    made = centre.examine("dr-chest", name="WU^MING=吴^明", patient_id="P0077")
    radiographer = centre.person("radiographer")
    listed = listed_study(centre, radiographer, made)
    tag = api.get(address(centre, made) + "/metadata", Accept=JSON).headers["ETag"]
    corrected(radiographer, listed["id"], {"kind": "edit_patient", "patient": {"name": "吴敏", "sex": "F"}})
    assert api.get(address(centre, made) + "/metadata", **{"Accept": JSON, "If-None-Match": tag}).status == 200
    one, = studies(api, "StudyInstanceUID=" + made["study_instance_uid"])
    assert (one["00100010"]["Value"], value(one, "00100040")) == ([{"Ideographic": "吴敏"}], "F")
    shown, = api.get(address(centre, made) + "/metadata", Accept=JSON).body
    assert (shown["00100010"]["Value"], value(shown, "00100040")) == ([{"Ideographic": "吴敏"}], "F")
    got = api.get(address(centre, made), Accept="application/dicom; transfer-syntax=*")
    assert dicomgen.split_part10(got.body)[1] == dataset_bytes(made["files"][0]["path"])
    assert_no_short_value_is_bulk_data(api, address(centre, made))


def test_a_long_text_is_fetched_in_the_character_set_of_its_metadata(centre, api, tmp_path):
    dataset = dicomgen.dr(dicomgen.Study(name="ZHENG^QI=郑^七", patient_id="P0080", charset="gb18030"))
    text = "右肺下叶见片状影。" * 8000
    dataset.put(0x0040A160, "UT", text.encode("gb18030"))
    made = {"study_instance_uid": dataset.text(0x0020000D), "files": [dicomgen.write_part10(str(tmp_path / "long.dcm"), dataset)]}
    centre.store(tmp_path / "long.dcm")
    target = address(centre, made)
    for _ in range(600):
        if api.get(target + "/metadata", Accept=JSON).status == 200:
            break
        centre.yqctl("wait", "--settled", "--timeout", "200 ms", status=None)
    shown, = api.get(target + "/metadata", Accept=JSON).body
    assert (shown["0040A160"]["vr"], value(shown, "00080005")) == ("UT", "ISO_IR 192")
    uri = shown["0040A160"]["BulkDataURI"]
    assert api.get(uri[uri.index(ROOT):]).body.decode().rstrip() == text


# ---- names in characters alone ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def characters():
    with Centre() as installation:
        installation.wu = installation.examine(name="=吴^敏", patient_id="P0011")
        installation.liu = installation.examine(name="LIU^YANG=刘^洋", patient_id="P0012")
        api = installation.person("reporter")
        for _ in range(600):
            if len(studies(api)) == 2:
                break
            installation.yqctl("wait", "--settled", "--timeout", "200 ms", status=None)
        installation.asking = api
        yield installation


@pytest.mark.parametrize("name, found", [
    ("WU*", "wu"), ("wu*min", "wu"), ("wumin", "wu"), ("Wu^M?n", "wu"), ("*min", "wu"), ("wu*=吴*", "wu"), ("*u*", "liu wu"), ("wum", ""), ("wm", ""),
    ("min", ""), ("=wumin", ""), ("wumin=刘*", ""), ("wumin==x", "")])
@pytest.mark.parametrize("level", ["studies", "series", "instances"])
def test_characters_are_found_by_how_they_are_read(characters, level, name, found):
    answer = characters.asking.get(f"{ROOT}/{level}?PatientName={urllib.parse.quote(name, safe='*?')}", Accept=JSON)
    assert answer.status == (200 if found else 204), answer
    assert uids(answer.body or []) == {getattr(characters, who)["study_instance_uid"] for who in found.split()}


# ---- who may -------------------------------------------------------------------------------------------------------------


def test_looks_are_noted(centre, api):
    api.get(address(centre, centre.liu) + "/metadata", Accept=JSON)
    rows = centre.sql("SELECT a.action, p.account FROM audit a JOIN person p ON p.public_id::text = a.actor "
                      "WHERE a.subject_kind = 'study' ORDER BY a.recorded_at DESC LIMIT 1")
    assert rows == [["study.metadata", "reporter"]]


def test_nobody_gets_in_by_default(centre):
    stranger = centre.api()
    for target in ("/studies", address(centre, centre.liu)[len(ROOT):], address(centre, centre.liu)[len(ROOT):] + "/metadata"):
        assert stranger.get(ROOT + target).status == 401


@pytest.mark.parametrize("bad", ["1.2.3", "1.2.'; DROP TABLE study; --", "../../etc/passwd", "9" * 70, "%E5%BC%A0"])
def test_what_is_not_there_is_404(centre, api, bad):
    from urllib.parse import quote
    for tail in ("", "/metadata"):
        assert api.get(f"{ROOT}/studies/{quote(bad, safe='%')}{tail}", Accept="*/*").status == 404, bad


# ---- many at once ---------------------------------------------------------------------------------------------------------

READERS, FINISHING = 200, 5
SIDE = 2000  # of an image that no buffer between two programs holds


class SlowReader:
    """Asks for a study, takes the head of the answer and no more for now."""

    def __init__(self, centre, api, path):
        self.socket = socket.create_connection(("127.0.0.1", centre.http_port))
        self.socket.settimeout(60)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {AS_STORED}\r\nCookie: {api.cookie}\r\nConnection: close\r\n\r\n".encode())
        self.got = b""
        while b"\r\n\r\n" not in self.got:
            self.got += self.socket.recv(256)

    def rest(self):
        head, _, body = self.got.partition(b"\r\n\r\n")
        pieces = [body]
        while piece := self.socket.recv(1 << 20):
            pieces.append(piece)
        length = int(re.search(rb"Content-Length: (\d+)", head)[1])
        return length, b"".join(pieces)


def memory_kb(pid):
    return int(re.search(r"RssAnon:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def test_200_who_read_slowly_keep_nobody_waiting(centre, api, tmp_path):
    """Each costs the pieces on their way to him, and not a worker."""
    image = dicomgen.dr(dicomgen.Study(name="CHEN^DA=陈^大", patient_id="P0009"))
    for tag in (0x00280010, 0x00280011):
        image.put(tag, "US", SIDE)
    image.put(0x7FE00010, "OW", os.urandom(2 * SIDE * SIDE))
    dicomgen.write_part10(tmp_path / "large.dcm", image)
    centre.store(tmp_path / "large.dcm")
    path = f"{ROOT}/studies/{image.text(0x0020000D)}"
    for _ in range(600):
        if api.get(path, Accept=AS_STORED).status == 200:
            break
        centre.yqctl("wait", "--settled", "--timeout", "200 ms", status=None)
    whole = image.encode()
    pid = centre.running["yq-gateway"].pid
    open_before, memory_before = len(os.listdir(f"/proc/{pid}/fd")), memory_kb(pid)
    readers = [SlowReader(centre, api, path) for _ in range(READERS)]
    try:
        assert len(os.listdir(f"/proc/{pid}/fd")) >= open_before + READERS, "they are all still served"
        assert parts(api.get(path, Accept=AS_STORED))[0][1].endswith(whole) and len(studies(api, "PatientID=P0001")) == 1
        assert memory_kb(pid) - memory_before < READERS * 512, "more than half a MiB each"
        for reader in readers[:FINISHING]:
            length, body = reader.rest()
            assert len(body) == length and whole in body
    finally:
        for reader in readers:
            reader.socket.close()
    for _ in range(600):
        if len(os.listdir(f"/proc/{pid}/fd")) <= open_before + 2:
            break
        centre.yqctl("wait", "--settled", "--timeout", "100 ms", status=None)
    assert len(os.listdir(f"/proc/{pid}/fd")) <= open_before + 2, "who is gone leaves nothing open"
