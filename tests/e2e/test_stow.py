"""STOW-RS: what is answered as stored is stored, also when the gateway dies at that moment; what is refused leaves nothing; no body breaks it."""

import datetime
import hashlib
import json
import pathlib
import signal
import socket
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import dicomgen  # noqa: E402
from tests.support.installation import PATIENCE_S, Installation  # noqa: E402
from tests.support.orthanc import Orthanc  # noqa: E402
from tests.support.scene import Scene  # noqa: E402

JSON = "application/dicom+json"
ROOT = "/dicom-web/studies"
RELATED = 'multipart/related; type="application/dicom"; boundary=%s'
BOUNDARY = "yq-part-0001"
STORED, FAILED, OTHER = "00081199", "00081198", "0008119A"


class Object:
    """One file: its bytes, those of its dataset, its UIDs."""

    def __init__(self, study=None, kind="sc", syntax=dicomgen.EXPLICIT, **about):
        self.study = study or dicomgen.Study(patient_id="P" + dicomgen.new_uid()[-12:])
        made = dicomgen.MAKERS[kind](self.study, **about)
        self.sop_class, self.uid, self.series_uid = (made.text(tag) for tag in (0x00080016, 0x00080018, 0x0020000E))
        self.dataset = made.encode(syntax)
        self.file = dicomgen.part10(self.dataset, self.sop_class, self.uid, syntax)

    def with_meta(self, sop_class=None, uid=None, syntax=dicomgen.EXPLICIT):
        return dicomgen.part10(self.dataset, sop_class or self.sop_class, uid or self.uid, syntax)

    @property
    def address(self):
        return f"{ROOT}/{self.study.study_uid}/series/{self.series_uid}/instances/{self.uid}"


def part(content, head="Content-Type: application/dicom\r\n"):
    return f"--{BOUNDARY}\r\n{head}\r\n".encode() + content + b"\r\n"


def multipart(*contents):
    return b"".join(map(part, contents)) + TAIL


FILE = Object().file
TAIL = f"--{BOUNDARY}--\r\n".encode()


def store(api, body, target=ROOT, type=RELATED % BOUNDARY, **headers):
    return api.request("POST", target, body, {"Content-Type": type, "Accept": JSON, **headers})


def listed(answer, tag):
    """{SOP Instance UID: failure reason, or None} of a sequence of the answer."""
    items = answer.body.get(tag, {"Value": []})["Value"]
    return {one.get("00081155", {}).get("Value", [""])[0]: one.get("00081197", {}).get("Value", [None])[0] for one in items}


@pytest.fixture(scope="module")
def home():
    with Installation() as installation:
        scene = installation.scene = Scene(installation)
        scene.person("township1", "E1", [("radiographer", "E1")])
        scene.person("visitor1", "E0", [("radiographer", "E1")])
        scene.person("clerk1", "E1", [("clinician", "E1"), ("radiographer", "E2")])
        scene.flush()
        installation.start("yq-gateway")
        yield installation
        log = installation.log("yq-gateway")
        assert "panic" not in log and "runtime error" not in log and "AddressSanitizer" not in log


@pytest.fixture(scope="module")
def api(home):
    return home.scene.login("township1")


def rows(home, *uids):
    quoted = ",".join(f"'{uid}'" for uid in uids)
    return home.sql(f"""SELECT i.sop_instance_uid, s.name, i.device_id IS NULL, i.origin FROM instance i JOIN scope s ON s.scope_id = i.site_id
                        WHERE i.sop_instance_uid IN ({quoted}) ORDER BY i.sop_instance_uid""")


def await_rows(home, *uids):
    """The ledger follows the answer; a program that waits for it paces the looks."""
    for _ in range(PATIENCE_S * 5):
        found = rows(home, *uids)
        if len(found) == len(set(uids)):
            return found
        home.yqctl("wait", "--settled", "--timeout", "200 ms", status=None)
    raise AssertionError(f"not in the ledger: {set(uids) - {row[0] for row in found}}\n{home.log('yq-gateway')[-3000:]}")


def await_log(home, text, start=0):
    for _ in range(PATIENCE_S * 5):
        if text in home.log("yq-gateway")[start:]:
            return
        home.yqctl("wait", "--settled", "--timeout", "200 ms", status=None)
    raise AssertionError(f"{text} is not in the log\n{home.log('yq-gateway')[-3000:]}")


def await_sql(home, question, want):
    for _ in range(PATIENCE_S * 5):
        if home.sql(question) == want:
            return
        home.yqctl("wait", "--settled", "--timeout", "200 ms", status=None)
    raise AssertionError(f"{question}: {home.sql(question)}, not {want}")


def is_empty(home):
    """Nothing half received lies about."""
    return not list((home.home / "journal").glob("slot-*/*.part")) and not list((home.home / "journal").glob("slot-*/*.rec"))


# ---- what is stored --------------------------------------------------------------------------------------------------


def test_one_object_is_stored_and_comes_back_bit_for_bit(home, api):
    one = Object()
    got = store(api, multipart(one.file))
    assert (got.status, got.headers["Content-Type"]) == (200, JSON), got
    assert listed(got, STORED) == {one.uid: None} and FAILED not in got.body and OTHER not in got.body
    base = f"http://127.0.0.1:{home.http_port}"
    assert got.body["00081190"] == {"vr": "UR", "Value": [f"{base}{ROOT}/{one.study.study_uid}"]}
    item = got.body[STORED]["Value"][0]
    assert item["00081190"]["Value"] == [base + one.address] and item["00081150"]["Value"] == [one.sop_class]
    assert await_rows(home, one.uid) == [[one.uid, "E1", "t", "device"]]
    back = api.get(one.address, Accept="application/dicom; transfer-syntax=*")
    assert back.status == 200 and dicomgen.split_part10(back.body)[1] == one.dataset
    noted = home.sql(f"SELECT actor, outcome, detail FROM audit WHERE action = 'study.store' AND subject = '{home.scene.scopes['E1']}' ORDER BY sequence DESC LIMIT 1")
    assert noted[0][:2] == [home.scene.persons["township1"], "success"]
    assert json.loads(noted[0][2]) == {"stored": 1, "failed": 0, "studies": [one.study.study_uid]}


def test_twenty_objects_in_one_request(home, api):
    study = dicomgen.Study(patient_id="P20")
    many = [Object(study, "ct" if number % 2 else "sc", dicomgen.IMPLICIT if number % 3 else dicomgen.EXPLICIT, number=number) for number in range(20)]
    got = store(api, multipart(*[one.file for one in many]), f"{ROOT}/{study.study_uid}")
    assert got.status == 200 and set(listed(got, STORED)) == {one.uid for one in many}, got
    await_rows(home, *[one.uid for one in many])
    for one in many:
        assert dicomgen.split_part10(api.get(one.address, Accept="application/dicom; transfer-syntax=*").body)[1] == one.dataset


def test_one_object_without_multipart(home, api):
    one = Object(syntax=dicomgen.DEFLATED)
    assert store(api, one.file, type="application/dicom").status == 200
    await_rows(home, one.uid)
    assert dicomgen.split_part10(api.get(one.address, Accept="application/dicom; transfer-syntax=*").body)[1] == one.dataset


@pytest.mark.parametrize("type", ["Multipart/Related;TYPE=application/dicom;Boundary=" + BOUNDARY,
                                  f'multipart/related; boundary="{BOUNDARY}"; type="Application/DICOM"; start="<1>"',
                                  f"multipart/related; type=application/dicom; transfer-syntax=*; boundary={BOUNDARY}"])
def test_types_as_others_write_them(home, api, type):
    one = Object()
    body = b"to old readers\r\n" + part(one.file, "content-type: application/dicom; transfer-syntax=1.2.840.10008.1.2.1\r\nContent-ID: <1>\r\n")
    assert store(api, body + TAIL + b"and behind", type=type).status == 200
    await_rows(home, one.uid)


def test_a_large_object_takes_no_memory(home, api):
    """Beyond what the ring of the journal holds, too."""
    def peak():
        status = pathlib.Path(f"/proc/{home.running['yq-gateway'].pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0])

    assert store(api, multipart(Object(size=1000).file)).status == 200
    before, one = peak(), Object(size=8000)
    assert store(api, multipart(one.file)).status == 200 and len(one.file) > 60e6
    await_rows(home, one.uid)
    assert peak() - before < 16 * 1024
    back = api.get(one.address, Accept="application/dicom; transfer-syntax=*")
    assert dicomgen.split_part10(back.body)[1] == one.dataset


def test_the_same_again_changes_nothing(home, api):
    one = Object()
    assert [store(api, multipart(one.file, one.file)).status, store(api, multipart(one.file)).status] == [200, 200]
    assert len(await_rows(home, one.uid)) == 1


def test_a_radiographer_of_several_sites_says_where(home):
    scene = home.scene
    several = scene.login("radiographer1")
    at_seat, there = Object(), Object()
    assert store(several, multipart(at_seat.file)).status == 200
    assert store(several, multipart(there.file), f"{ROOT}?site={scene.scopes['E2']}").status == 200
    assert {row[0]: row[1] for row in await_rows(home, at_seat.uid, there.uid)} == {at_seat.uid: "E1", there.uid: "E2"}


@pytest.mark.parametrize("account, site, status", [
    ("township1", "W1", 404), ("township1", "E2", 404), ("radiographer1", "W1", 404), ("township1", "east", 404),
    ("visitor1", None, 403), ("visitor1", "E1", 200), ("clerk1", None, 403), ("clerk1", "E1", 403), ("clerk1", "E2", 200),
])
def test_nobody_stores_where_he_makes_no_images(home, account, site, status):
    one = Object()
    got = store(home.scene.login(account), multipart(one.file), ROOT + (f"?site={home.scene.scopes[site]}" if site else ""))
    assert got.status == status, got
    if status == 200:
        await_rows(home, one.uid)
    else:
        assert home.sql(f"SELECT count(*) FROM reception r JOIN instance i USING (instance_id) WHERE i.sop_instance_uid = '{one.uid}'") == [["0"]]


@pytest.mark.parametrize("account", ["clinician1", "reporter1", "reviewer1", "duty_leader1", "quality_controller1", "administrator1", "operator1", "nobody1"])
def test_other_roles_store_nothing(home, account):
    assert store(home.scene.login(account), multipart(Object().file)).status == 403
    assert store(home.scene.login(account), multipart(Object().file), f"{ROOT}?site={home.scene.scopes['E1']}").status == 403


def test_without_token_nothing_is_taken(home, api):
    assert store(api, multipart(Object().file), **{"X-CSRF-Token": "0" * 64}).status == 403
    assert store(home.api(), multipart(Object().file)).status == 401
    large = multipart(Object(size=3000).file)
    assert store(home.api(), large).status == 401, "the answer is read also when the body is large"


def test_orthanc_pushes_what_it_has_and_pulls_it_back(home, api, tmp_path):
    """In chunks of HTTP, as its DICOMweb client does by itself, and with what it knows of authentication: user and password, of which ours is a token."""
    study = dicomgen.Study(patient_id="P30", charset="gb18030")
    made = [Object(study, "ct", number=number) for number in range(1, 6)] + [Object(study, "us")]
    token = home.yqctl("token", "add", "township1", "--workstation", "orthanc", "--until", datetime.date.today() + datetime.timedelta(9), "--may", "read,store", json=True)
    orthanc = Orthanc(tmp_path / "orthanc")

    def ask(verb, wanted):
        status, _, answer = orthanc.request("POST", f"/dicom-web/servers/gateway/{verb}", json.dumps({**wanted, "Synchronous": True}))
        assert status == 200, (answer, (tmp_path / "orthanc" / "log").read_text(errors="replace")[-2000:])
        return json.loads(answer)

    try:
        ids = [json.loads(orthanc.request("POST", "/instances", one.file)[2])["ID"] for one in made]
        us = {"Url": f"http://127.0.0.1:{home.http_port}/dicom-web/", "Username": "township1", "Password": token["token"]}
        assert orthanc.request("PUT", "/dicom-web/servers/gateway", json.dumps(us))[0] == 200
        ask("stow", {"Resources": ids})
        await_rows(home, *[one.uid for one in made])
        for one in ids:
            assert orthanc.request("DELETE", f"/instances/{one}")[0] == 200
        assert not orthanc.holds()
        ask("retrieve", {"Resources": [{"Study": study.study_uid, "Series": made[-1].series_uid}]})
        assert set(orthanc.holds()) == {made[-1].uid}
        ask("retrieve", {"Resources": [{"Study": study.study_uid}]})
        held = orthanc.holds()
        assert held == {one.uid: hashlib.sha256(one.dataset).hexdigest() for one in made}, "what comes back is what went"
    finally:
        orthanc.close()
    for one in made:
        assert dicomgen.split_part10(api.get(one.address, Accept="application/dicom; transfer-syntax=*").body)[1] == one.dataset


# ---- what is refused ---------------------------------------------------------------------------------------------------


def test_good_and_bad_in_one_request(home, api):
    good, last = Object(), Object()
    lying, foreign, unknown_class, unknown_syntax, cut = Object(), Object(), Object(), Object(), Object()
    announced = dicomgen.new_uid()
    got = store(api, multipart(good.file, b"no DICOM at all", lying.with_meta(uid=announced), unknown_class.with_meta("1.2.840.10008.1.1"),
                               unknown_syntax.with_meta(syntax="1.2.840.10008.1.2.4.94"), cut.file[:-100], b"",
                               foreign.with_meta(uid="../../etc/passwd"), last.file))
    assert got.status == 202, got
    assert listed(got, STORED) == {good.uid: None, last.uid: None}
    assert listed(got, FAILED) == {announced: 0xA900, unknown_class.uid: 0x0122, unknown_syntax.uid: 0xC122, cut.uid: 0xC000}
    assert [one["00081197"]["Value"] for one in got.body[OTHER]["Value"]] == [[0xC000]] * 3
    assert got.body["00081190"] == {"vr": "UR"}, "of two studies"
    await_rows(home, good.uid, last.uid)
    assert not rows(home, lying.uid, announced, foreign.uid, cut.uid, unknown_class.uid)
    # What can be put right by a person waits for one: of the other one the dataset says who it is.
    await_sql(home, "SELECT code, count(*) FROM quarantine GROUP BY 1", [["mismatch", "2"]])


def test_what_two_sites_send_wrong_waits_at_both(home):
    several, lying = home.scene.login("radiographer1"), Object()
    body = multipart(lying.with_meta(uid=dicomgen.new_uid()))
    for site in ("E1", "E2", "E1"):
        assert store(several, body, f"{ROOT}?site={home.scene.scopes[site]}").status == 409
    question = f"""SELECT s.name, q.arrivals FROM quarantine q JOIN scope s ON s.scope_id = q.site_id
                   WHERE q.sha256 = sha256(decode('{lying.dataset.hex()}', 'hex')) ORDER BY 1"""
    await_sql(home, question, [["E1", "2"], ["E2", "1"]])


def test_objects_of_another_study_than_the_address(home, api):
    study = dicomgen.Study(patient_id="P21")
    good, other = Object(study), Object()
    got = store(api, multipart(good.file, other.file), f"{ROOT}/{study.study_uid}")
    assert (got.status, listed(got, STORED), listed(got, FAILED)) == (202, {good.uid: None}, {other.uid: 0xA901})
    assert store(api, multipart(other.file), f"{ROOT}/{study.study_uid}").status == 409
    assert store(api, multipart(other.file), f"{ROOT}/no-uid").status == 404
    await_rows(home, good.uid)
    assert not rows(home, other.uid) and is_empty(home)


@pytest.mark.parametrize("name, status, type, body", [
    ("no boundary", 400, 'multipart/related; type="application/dicom"', multipart(FILE)),
    ("an empty boundary", 400, RELATED % '""', multipart(FILE)),
    ("a long boundary", 400, RELATED % ("b" * 201), multipart(FILE)),
    ("another boundary", 400, RELATED % "other", multipart(FILE)),
    ("a boundary that breaks the line", 400, RELATED % '"a\\"b"', multipart(FILE)),
    ("no body", 400, RELATED % BOUNDARY, b""),
    ("no part", 400, RELATED % BOUNDARY, TAIL),
    ("no end", 400, RELATED % BOUNDARY, part(FILE)),
    ("no end of a part", 400, RELATED % BOUNDARY, part(FILE)[:-40]),
    ("a boundary inside", 400, RELATED % BOUNDARY, multipart(FILE[:200] + f"\r\n--{BOUNDARY}x".encode() + FILE[200:])),
    ("an endless head", 400, RELATED % BOUNDARY, f"--{BOUNDARY}\r\nX: ".encode() + b"x" * 1000000),
    ("a head of endless lines", 400, RELATED % BOUNDARY, f"--{BOUNDARY}\r\n".encode() + b"X: y\r\n" * 100000),
    ("an endless preamble", 400, RELATED % BOUNDARY, b"x" * 1000000 + multipart(FILE)),
    ("base64", 400, RELATED % BOUNDARY, part(FILE, "Content-Transfer-Encoding: base64\r\n") + TAIL),
    ("10,000 empty parts", 413, RELATED % BOUNDARY, multipart(*[b""] * 10000)),
    ("an empty part", 409, RELATED % BOUNDARY, multipart(b"")),
    ("a part without DICM", 409, RELATED % BOUNDARY, multipart(bytes(2000))),
    ("a part of another type", 409, RELATED % BOUNDARY, part(FILE, "Content-Type: application/dicom+json\r\n") + TAIL),
    ("a meta header without end", 409, RELATED % BOUNDARY, multipart(FILE[:132] + b"\x02\0\x02\1OB\0\0\xff\xff\xff\x7f" + bytes(200000))),
    ("an empty body", 400, "application/dicom", b""),
    ("a body that is no DICOM", 409, "application/dicom", b"x" * 100000),
    ("JSON", 415, "application/json", b"{}"),
    ("a form", 415, "multipart/form-data; boundary=" + BOUNDARY, multipart(FILE)),
    ("parts of JSON", 415, 'multipart/related; type="application/dicom+json"; boundary=' + BOUNDARY, multipart(FILE)),
    ("parts of no type", 415, "multipart/related; boundary=" + BOUNDARY, multipart(FILE)),
    ("no type", 415, "", multipart(FILE)),
])
def test_bodies_that_lie(home, api, name, status, type, body):
    before = home.sql("SELECT count(*) FROM reception")
    got = store(api, body, type=type)
    assert got.status == status, (name, got)
    if status == 409:
        assert STORED not in got.body and got.body[OTHER]["Value"][0]["00081197"]["Value"] == [0xC000]
    else:
        assert got.body["kind"] == "invalid" and got.body["detail"]
    assert home.sql("SELECT count(*) FROM reception") == before
    assert is_empty(home)


def test_an_answer_that_nobody_can_read_is_refused_first(api):
    assert store(api, multipart(FILE), Accept="application/dicom+xml").status == 406
    assert store(api, multipart(FILE), Accept="text/html").status == 406


def test_what_came_whole_before_a_malformed_end_is_stored_and_said(home, api):
    one = Object()
    got = store(api, part(one.file) + part(Object().file)[:-30])
    assert got.status == 400 and got.body["detail"].endswith("stored: 1"), got
    await_rows(home, one.uid)


# ---- connections that break off, and programs that die ---------------------------------------------------------------------


def open_request(home, api, length):
    connection = socket.create_connection(("127.0.0.1", home.http_port), PATIENCE_S)
    connection.sendall((f"POST {ROOT} HTTP/1.1\r\nHost: gw\r\nCookie: {api.cookie}\r\nX-CSRF-Token: {api.csrf}\r\nAccept: {JSON}\r\n"
                        f"Content-Type: {RELATED % BOUNDARY}\r\nContent-Length: {length}\r\n\r\n").encode())
    return connection


def test_a_connection_that_is_cut_leaves_nothing_half_received(home, api):
    whole, half = Object(), Object(size=1000)
    body, start = multipart(whole.file, half.file), len(home.log("yq-gateway"))
    with open_request(home, api, len(body)) as connection:
        connection.sendall(body[:-400000])
    await_log(home, "route=/dicom-web/studies status=499", start)
    await_rows(home, whole.uid)
    assert not rows(home, half.uid) and is_empty(home)
    assert store(api, body).status == 200, "and the sender tries again"
    await_rows(home, whole.uid, half.uid)


def test_a_content_length_that_lies(home, api):
    one, other = Object(), Object()
    body = multipart(one.file, other.file)
    with open_request(home, api, len(body) - 300) as connection:
        connection.sendall(body)
        assert connection.recv(20).startswith(b"HTTP/1.1 400")
    with open_request(home, api, len(body) + 300) as connection:
        connection.sendall(body)
        connection.shutdown(socket.SHUT_WR)
        assert not connection.recv(20).startswith(b"HTTP/1.1 200")
    await_rows(home, one.uid)
    assert is_empty(home)


def test_what_was_answered_survives_sigkill(home, api):
    one = Object()
    got = store(api, multipart(one.file))
    home.kill("yq-gateway")
    assert got.status == 200
    home.start("yq-gateway")
    await_rows(home, one.uid)


@pytest.mark.parametrize("point", ["intake-before-place", "intake-after-place", "intake-before-free"])
def test_what_was_answered_survives_a_death_on_its_way(home, api, point):
    """It is in the journal alone, in the store as well, in the backlog as well."""
    one = Object()
    home.restart("yq-gateway", YQ_KILL_AT=point)
    got = store(api, multipart(one.file))
    assert home.wait_ended("yq-gateway") == -signal.SIGKILL
    assert got.status == 200 and not rows(home, one.uid)
    home.start("yq-gateway")
    await_rows(home, one.uid)
    assert dicomgen.split_part10(api.get(one.address, Accept="application/dicom; transfer-syntax=*").body)[1] == one.dataset


def test_a_ledger_that_goes_away_meanwhile_takes_nothing_with_it(home, api):
    one = Object(size=8000)
    body = multipart(one.file)
    with open_request(home, api, len(body)) as connection:
        connection.sendall(body[:-1000000])
        for _ in range(PATIENCE_S * 5):
            if not is_empty(home):  # too large for the ring
                break
            home.yqctl("wait", "--settled", "--timeout", "200 ms", status=None)
        home.stop_ledger()
        try:
            connection.sendall(body[-1000000:])
            assert connection.recv(20).startswith(b"HTTP/1.1 200")
        finally:
            home.start_ledger()
    await_rows(home, one.uid)
    await_sql(home, f"SELECT detail ->> 'stored' FROM audit WHERE action = 'study.store' AND detail -> 'studies' ? '{one.study.study_uid}'", [["1"]])


def test_a_gateway_that_is_stopped_lets_go_of_what_is_half_received(home, api):
    half = Object(size=1000)
    with open_request(home, api, len(half.file) + 10000) as connection:
        connection.sendall(multipart(half.file)[:-400000])
        assert home.stop("yq-gateway") == 0
        home.start("yq-gateway")
        assert is_empty(home) and not rows(home, half.uid)


# ---- limits ------------------------------------------------------------------------------------------------------------------


def test_objects_that_are_too_large(home, api):
    home.restart("yq-gateway", YQ_OBJECT_MAX="1 MiB")
    try:
        small, large = Object(), Object(size=1100)
        assert store(api, large.file, type="application/dicom").status == 413
        got = store(api, multipart(large.file))
        assert (got.status, listed(got, FAILED)) == (413, {large.uid: 0xA700})
        got = store(api, multipart(large.file, small.file))
        assert (got.status, listed(got, STORED), listed(got, FAILED)) == (202, {small.uid: None}, {large.uid: 0xA700})
        await_rows(home, small.uid)
        assert not rows(home, large.uid) and is_empty(home)
    finally:
        home.restart("yq-gateway")


def test_without_room_nothing_is_begun(home, api):
    home.restart("yq-gateway", YQ_STORE_RESERVE="1000000 TiB")
    try:
        assert store(api, multipart(Object().file)).status == 507
    finally:
        home.restart("yq-gateway")


def test_so_many_at_once_and_no_more(home, api):
    """Requests that have begun and dawdle; pages are answered all the same."""
    held = []
    try:
        body = multipart(Object(size=400).file)
        while True:
            held.append(open_request(home, api, len(body)))
            held[-1].sendall(body[:-10])
            got = store(api, multipart(Object().file))
            if got.status == 503 or len(held) > 60:
                break
        assert got.status == 503 and got.headers["Retry-After"] and len(held) >= 32
        assert api.get("/api/v1/me").status == 200
    finally:
        start = len(home.log("yq-gateway"))
        for connection in held:
            connection.close()
    await_log(home, "status=499", start)
    for _ in range(PATIENCE_S * 5):
        if store(api, multipart(Object().file)).status == 200:
            return
        home.yqctl("wait", "--settled", "--timeout", "200 ms", status=None)
    raise AssertionError("the places are not given back")
