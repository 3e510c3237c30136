"""What is no C-STORE: reports as ORU^R01 and as FHIR, events as signed webhooks, objects by STOW-RS. To receivers that others wrote, and to hostile
ones that refuse, lie and fall silent: each has its end.
"""
import asyncio
import base64
import datetime
import hashlib
import hmac
import json
import pathlib
import re
import signal
import sys
import threading
import uuid

import hl7
import hl7.mllp
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from installation import Installation  # noqa: E402
from messaging import (PATIENT, PDF, Answer, Authority, LinePeer, WebPeer, acknowledge, add_destination, add_issued_report,  # noqa: E402
                       await_delivery, await_true, delivery_to, read_block)
from orthanc import PASSWORD, USER, Orthanc  # noqa: E402
from returning import PATIENCE_S, QUICK, Site  # noqa: E402
from scene import Scene  # noqa: E402

SIGNING_KEY = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


@pytest.fixture(scope="module")
def one_site():
    with Installation(QUICK) as home:
        site = Site(home)
        try:
            home.start("yq-router")
            yield site
        finally:
            site.clear()


@pytest.fixture
def site(one_site):
    """Destinations of earlier tests are off; the router goes on."""
    one_site.home.sql("UPDATE destination SET is_enabled = false")
    return one_site


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority") / "ca")


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory):
    peer = Orthanc(tmp_path_factory.mktemp("orthanc") / "home")
    yield peer
    peer.close()


@pytest.fixture
def serve():
    """Peers that end with the test."""
    peers = []

    def start(kind, *arguments, **more):
        peers.append(kind(*arguments, **more))
        return peers[-1]

    yield start
    for peer in peers:
        peer.close()


# --- HL7 v2 -----------------------------------------------------------------------------------------------------------------


class Receiver:
    """A server of the library `hl7`: messages as it parses them, each acknowledged."""

    def __init__(self, encoding):
        self.messages, self.port, self._loop = [], None, asyncio.new_event_loop()
        ready = threading.Event()

        async def take(reader, writer):
            message = await reader.readmessage()
            self.messages.append(message)
            writer.writemessage(message.create_ack())
            await writer.drain()
            writer.close()

        async def start():
            server = await hl7.mllp.start_hl7_server(take, "127.0.0.1", 0, limit=1 << 24, encoding=encoding)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()

        def run():
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(start())
            self._loop.run_forever()

        self._thread = threading.Thread(target=run)
        self._thread.start()
        assert ready.wait(PATIENCE_S)

    def close(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


@pytest.mark.parametrize("charset, encoding, name", [("utf-8", "utf-8", "UNICODE UTF-8"), ("gb18030", "gb18030", "GB 18030-2000")])
def test_a_library_reads_the_report(site, serve, charset, encoding, name):
    receiver = serve(Receiver, encoding)
    destination = add_destination(site, "hl7", host="127.0.0.1", port=receiver.port, charset=charset)
    report, _ = add_issued_report(site)
    row = await_delivery(site, destination, "delivered")
    message = receiver.messages[0]
    header, order = message.segment("MSH"), message.segment("OBR")
    assert [str(header[n]) for n in (9, 12, 18)] == ["ORU^R01^ORU_R01", "2.5.1", name]
    assert str(header[10]) == row[3].replace("-", "")[:20]
    assert message["PID.F3.R1.C1"] == "0017" and message["PID.F5.R1.C1"] == PATIENT
    assert str(order[25]) == "F" and message["OBR.F3.R1.C1"] == "26A0001"
    observations = {str(segment[3][0][0]): segment for segment in message.segments("OBX")}
    assert message.unescape(str(observations["59776-5"][5])) == "未见异常|^~\\&"
    assert base64.b64decode(str(observations["18748-4"][5]).split("^")[4]) == PDF
    assert site.receipts(report) == [["delivered"]]


def answering(*answers):
    """Each is a function of the message that gives the bytes of an answer, for the n-th connection; the last one for all that follow."""
    control_ids = []

    def talk(number, stream):
        message = read_block(stream)
        control_ids.append(message.split(b"|")[9])
        answer = answers[min(number, len(answers)) - 1](message)
        if answer:
            stream.sendall(answer)

    return control_ids, talk


def fine(message):
    return acknowledge(message)


# How the peer answers, the first states wanted and what its error says, and whether the end is good.
HL7_PEERS = {
    "refuses": ([lambda m: acknowledge(m, "AE", "|没有这个病人".encode(), None)], "quarantined", "AE: 没有这个病人"),
    "refuses_by_code": ([lambda m: acknowledge(m, "AE", b"\rERR|||101^Required field missing|E")], "quarantined", "AE 101"),
    "is_busy_once": ([lambda m: acknowledge(m, "AR", b"\rERR|||207|E"), fine], "delivered", None),
    "closes_without_a_word": ([lambda m: None, fine], "delivered", None),
    "answers_for_another": ([lambda m: acknowledge(m, control_id=b"00000000000000000000"), fine], "delivered", None),
    "answers_late_for_another_first": ([lambda m: acknowledge(m, control_id=b"0" * 20) + acknowledge(m)], "delivered", None),
    "answers_nonsense": ([lambda m: b"\x0bhello\x1c\r", fine], "delivered", None),
    "answers_without_end": ([lambda m: b"\x0bMSH|" + b"x" * 200000, fine], "delivered", None),
    "answers_in_http": ([lambda m: b"HTTP/1.1 400 Bad Request\r\n\r\n", fine], "delivered", None),
}
ONCE = {"refuses", "refuses_by_code", "answers_late_for_another_first"}


def test_every_answer_of_an_hl7_peer_has_its_end(site, serve):
    peers, destinations = {}, {}
    for name, (answers, _, _) in HL7_PEERS.items():
        control_ids, talk = answering(*answers)
        peers[name] = control_ids
        destinations[name] = add_destination(site, "hl7", host="127.0.0.1", port=serve(LinePeer, talk).port)
    add_issued_report(site)
    for name, (_, state, error) in HL7_PEERS.items():
        await_delivery(site, destinations[name], state, error=error)
        assert len(peers[name]) == (1 if name in ONCE else 2), (name, peers[name])
        assert len(set(peers[name])) == 1, f"{name}: the control ID changed between two tries"
    assert PATIENT not in site.home.log("yq-router") and "没有这个病人" not in site.home.log("yq-router")


def test_hl7_goes_over_tls_and_shows_our_certificate(site, serve, authority):
    control_ids, talk = answering(fine)
    certificate, key = authority.issue("yingqiao")
    peer = serve(LinePeer, talk, tls=authority.server_context("his", asks_client=True))
    stranger = serve(LinePeer, talk, tls=authority.server_context("stranger", address="127.0.0.9"))
    trust = {"host": "127.0.0.1", "trust_pem": authority.pem}
    mutual = add_destination(site, "hl7", port=peer.port, tls="mutual", certificate_pem=certificate.read_text(), **trust,
                             secret={"private_key_pem": key.read_text()})
    wrong = add_destination(site, "hl7", port=stranger.port, tls="server", **trust)
    add_issued_report(site)
    await_delivery(site, mutual, "delivered")
    await_delivery(site, wrong, "waiting", error="TLS")
    assert len(control_ids) == 1, "the peer whose certificate is another's got nothing"


def test_a_router_that_dies_behind_the_answer_sends_the_same_again(site, serve):
    control_ids, talk = answering(fine)
    site.home.stop("yq-router")
    destination = add_destination(site, "hl7", host="127.0.0.1", port=serve(LinePeer, talk).port)
    report, _ = add_issued_report(site)
    site.home.start("yq-router", YQ_KILL_AT="delivery_settle")
    assert site.home.wait_ended("yq-router") == -signal.SIGKILL
    site.home.start("yq-router")
    await_delivery(site, destination, "delivered")
    assert len(control_ids) == 2 and len(set(control_ids)) == 1
    assert site.receipts(report) == [["delivered"]]


# --- FHIR ---------------------------------------------------------------------------------------------------------------------

DONE = Answer(200, b'{"resourceType":"Bundle","type":"transaction-response"}')


def in_turn(*answers):
    rest = list(answers)
    return lambda request: rest.pop(0) if len(rest) > 1 else rest[0]


def test_a_report_goes_out_as_fhir(site, serve, authority):
    peer = serve(WebPeer, in_turn(DONE), tls=authority.server_context("fhir"))
    destination = add_destination(site, "fhir", url=peer.url("/fhir/"), trust_pem=authority.pem, secret={"user": "yq", "password": "p:w"})
    report, _ = add_issued_report(site)
    await_delivery(site, destination, "delivered")
    request, = peer.requests
    assert (request.method, request.path) == ("POST", "/fhir")
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(b"yq:p:w").decode()
    assert request.headers["Content-Type"].startswith("application/fhir+json")
    bundle = json.loads(request.body)
    patient, made = bundle["entry"][0]["resource"], bundle["entry"][-1]["resource"]
    assert patient["name"][0]["text"] == PATIENT
    assert made["resourceType"] == "DiagnosticReport" and made["status"] == "final"
    assert made["subject"]["reference"] == bundle["entry"][0]["fullUrl"]
    assert {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{report}"} in made["identifier"]
    paper = made["presentedForm"][0]
    assert base64.b64decode(paper["data"]) == PDF and base64.b64decode(paper["hash"]) == hashlib.sha1(PDF).digest()
    assert site.receipts(report) == [["delivered"]]


def outcome(text):
    return json.dumps({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "invalid", "diagnostics": text}]}).encode()


FHIR_PEERS = {
    "does_not_like_it": ([Answer(422, outcome("no such code"))], "quarantined", "HTTP 422: no such code"),
    "finds_several": ([Answer(412)], "quarantined", "HTTP 412"),
    "took_a_part": ([Answer(200, b'{"resourceType":"Bundle","entry":[{"response":{"status":"400"}}]}')], "quarantined", "did not take all"),
    "does_not_know_us": ([Answer(401)], "waiting", "credentials (HTTP 401)"),
    "is_not_there": ([Answer(404)], "waiting", "no such service"),
    "is_something_else": ([Answer(200, b"<html>welcome</html>")], "waiting", "no FHIR server"),
    "is_broken_once": ([Answer(500), DONE], "delivered", None),
    "is_busy_once": ([Answer(503, headers={"Retry-After": "1"}), DONE], "delivered", None),
    "changed_just_now": ([Answer(409), DONE], "delivered", None),
    "does_not_answer_once": ([Answer(is_silent=True), DONE], "delivered", None),
    "never_ends_its_answer_once": ([Answer(200, b"x" * (1 << 21)), DONE], "delivered", None),
}


def test_every_answer_of_a_fhir_peer_has_its_end(site, serve):
    elsewhere = serve(WebPeer, in_turn(DONE))
    moved = serve(WebPeer, in_turn(Answer(307, headers={"Location": elsewhere.url("/")})))
    peers = {name: serve(WebPeer, in_turn(*answers)) for name, (answers, _, _) in FHIR_PEERS.items()}
    destinations = {name: add_destination(site, "fhir", url=peer.url()) for name, peer in peers.items()}
    redirected = add_destination(site, "fhir", url=moved.url(), secret={"token": "secret"})
    add_issued_report(site)
    for name, (_, state, error) in FHIR_PEERS.items():
        await_delivery(site, destinations[name], state, error=error)
        if state == "delivered":
            assert len(peers[name].requests) == 2, name
            first, second = (json.loads(request.body) for request in peers[name].requests)
            assert first == second, f"{name}: a repeat is not the same, so it could double something"
    await_delivery(site, redirected, "waiting", error="another address")
    assert moved.requests[0].headers["Authorization"] == "Bearer secret" and not elsewhere.requests, "a redirect was followed"
    assert PATIENT not in site.home.log("yq-router")


def test_an_old_version_does_not_go_out_behind_a_new_one(site, serve):
    peer = serve(WebPeer, in_turn(Answer(503), Answer(503), DONE))
    destination = add_destination(site, "fhir", url=peer.url())
    site.home.sql(f"UPDATE destination SET held_at = yq_now() WHERE public_id = '{destination}'")
    report, _ = add_issued_report(site)
    site.await_state(report, "pending")
    site.home.sql(f"""ALTER TABLE report_version DISABLE TRIGGER USER;
        INSERT INTO report_version (site_id, report_id, version, kind, reason, state, body, study_version, author_id, policy_version_id, canonical,
                                    content_sha256, submitted_at, issued_at, settled_at)
        SELECT site_id, report_id, 2, 'correction', '更正', 'issued', body, study_version, author_id, policy_version_id, canonical, content_sha256,
               yq_now(), yq_now(), yq_now() FROM report_version WHERE public_id = '{report}';
        ALTER TABLE report_version ENABLE TRIGGER USER;
        UPDATE destination SET held_at = NULL WHERE public_id = '{destination}'""")
    rows = site.await_state(report, "quarantined")
    assert "a later one has taken its place" in rows[0][2]
    assert not peer.requests, "and the new one has no paper here, so it does not go out either"


@pytest.mark.parametrize("protocol", ["fhir", "hl7"])
def test_a_report_whose_paper_is_broken_waits_for_a_person(site, serve, protocol):
    peer = serve(WebPeer, in_turn(DONE))
    where = {"url": peer.url()} if protocol == "fhir" else {"host": "127.0.0.1", "port": peer.port}
    destination = add_destination(site, protocol, held_at="now", **where)
    report, _ = add_issued_report(site)
    site.await_state(report, "pending")
    site.home.sql(f"""ALTER TABLE artefact DISABLE TRIGGER USER;
        UPDATE artefact a SET sha256 = sha256('other') FROM report_version v
        WHERE v.report_version_id = a.report_version_id AND v.public_id = '{report}';
        ALTER TABLE artefact ENABLE TRIGGER USER;
        UPDATE destination SET held_at = NULL WHERE public_id = '{destination}'""")
    await_delivery(site, destination, "quarantined")
    assert not peer.requests


# --- webhooks --------------------------------------------------------------------------------------------------------------------


def happen(site, kind, subject):
    site.home.sql(f"INSERT INTO event (kind, subject_id, site_id) SELECT '{kind}', '{subject}', site_id FROM site WHERE code = 'SAMPLE'")


def is_signed(request):
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    mac = hmac.new(base64.b64decode(SIGNING_KEY[len("whsec_"):]), signed, hashlib.sha256).digest()
    return request.headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()


def test_an_event_is_told_signed_and_without_the_patient(site, serve):
    peer = serve(WebPeer, in_turn(Answer(500), Answer(204)))
    held = add_destination(site, "fhir", url="http://127.0.0.1:1", held_at="now")  # or the report would go to the next test's destination
    report, _ = add_issued_report(site)
    await_delivery(site, held, "pending")
    task, study, uid = site.home.sql(f"""SELECT t.public_id, s.public_id, s.study_instance_uid FROM report_version v JOIN report r USING (report_id)
        JOIN reading_task t USING (task_id) JOIN study s ON s.study_id = r.study_id WHERE v.public_id = '{report}'""")[0]
    destination = add_destination(site, "webhook", url=peer.url("/hook"), secret={"signing_key": SIGNING_KEY},
                                  webhook_events="{report.issue,task.return}")
    happen(site, "report.issue", report)
    happen(site, "task.take", task)  # nobody asked for it
    row = await_delivery(site, destination, "delivered")
    first, second = peer.requests
    assert first.path == "/hook" and all(is_signed(request) for request in peer.requests)
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == row[3] and first.body == second.body
    told = json.loads(second.body)
    assert told["type"] == "report.issue" and told["timestamp"]
    assert told["data"] | {"site": ""} == {"site": "", "site_code": "SAMPLE", "study": study, "study_instance_uid": uid, "task": task,
                                           "report": told["data"]["report"], "report_version": report, "version": 1, "report_kind": "original"}
    assert PATIENT not in second.body.decode() and "0017" not in second.body.decode()


def test_every_answer_of_a_webhook_has_its_end(site, serve):
    answers = {"gone": (Answer(410), "quarantined", "HTTP 410"), "does_not_like_it": (Answer(400), "waiting", "HTTP 400"),
               "is_full": (Answer(429, headers={"Retry-After": "3600"}), "waiting", "later"), "is_fine": (Answer(202), "delivered", None)}
    made = {}
    for name, (answer, _, _) in answers.items():
        made[name] = add_destination(site, "webhook", url=serve(WebPeer, in_turn(answer)).url(), secret={"signing_key": SIGNING_KEY},
                                     webhook_events="{critical_value.raise}")
    unsigned = serve(WebPeer, in_turn(Answer(200)))
    keyless = add_destination(site, "webhook", url=unsigned.url(), webhook_events="{critical_value.raise}")
    happen(site, "critical_value.raise", uuid.uuid4())
    for name, (_, state, error) in answers.items():
        await_delivery(site, made[name], state, error=error)
    await_delivery(site, keyless, "waiting", error="no key")
    assert not unsigned.requests
    wait = site.home.sql(f"""SELECT greatest(d.next_try_at, x.resting_until) > yq_now() + interval '59 min' FROM delivery d JOIN destination x USING (destination_id)
        WHERE x.public_id = '{made["is_full"]}'""")
    assert wait == [["t"]], "a peer that wants to be left alone for an hour is"
    assert delivery_to(site, made["is_full"])[1] == "1"


def test_a_change_that_is_not_committed_is_not_told(site, serve):
    peer = serve(WebPeer, in_turn(Answer(200)))
    destination = add_destination(site, "webhook", url=peer.url(), secret={"signing_key": SIGNING_KEY}, webhook_events="{study.complete}")
    subject = uuid.uuid4()
    site.home.sql(f"BEGIN; INSERT INTO event (kind, subject_id, site_id) SELECT 'study.complete', '{subject}', site_id FROM site; ROLLBACK")
    happen(site, "study.complete", subject)
    await_delivery(site, destination, "delivered")
    assert len(peer.requests) == 1


# --- STOW-RS ------------------------------------------------------------------------------------------------------------------


def uids_of(request):
    """SOP instance UIDs of the objects in a request, from their meta headers."""
    return [uid.rstrip(b"\0").decode() for uid in re.findall(rb"DICM.{0,400}?\x02\x00\x03\x00UI(?:..)([0-9.]+\0?)", request.body, re.DOTALL)]


def test_orthanc_holds_what_was_sent(site, orthanc):
    destination = add_destination(site, "stow", url=orthanc.url, secret={"user": USER, "password": PASSWORD})
    report, wanted = site.add_report()
    await_delivery(site, destination, "delivered")
    held = orthanc.holds()
    assert {uid: held.get(uid) for uid in wanted} == wanted
    assert site.receipts(report) == [["delivered"]]
    assert set(site.items(report).values()) == {"confirmed"}


def test_a_wrong_password_waits_for_somebody_to_correct_it(site, orthanc):
    destination = add_destination(site, "stow", url=orthanc.url, secret={"user": USER, "password": "wrong"})
    site.add_report()
    await_delivery(site, destination, "waiting", error="credentials (HTTP 401)")


@pytest.fixture
def other():
    """Another Yingqiao, that of a centre: what its own tokens let in is of the site of their person."""
    with Installation() as centre:
        scene = centre.scene = Scene(centre)
        scene.person("edge1", "E1", [("radiographer", "E1")])
        scene.flush()
        centre.start("yq-gateway")
        yield centre


def test_another_yingqiao_takes_what_a_token_lets_in(site, other):
    def token(*uses):
        made = other.yqctl("token", "add", "edge1", "--workstation", "示例镇卫生院 网关", "--until", datetime.date.today() + datetime.timedelta(9), "--may", ",".join(uses), json=True)
        return made["token"]

    url = f"http://127.0.0.1:{other.http_port}/dicom-web"
    destination = add_destination(site, "stow", url=url, secret={"token": token("read")})
    report, wanted = site.add_report()
    await_delivery(site, destination, "waiting", error="credentials (HTTP 403)")
    site.home.yqctl("destination", "edit", destination, "--token-file", "-", input=token("read", "store"))
    await_delivery(site, destination, "delivered")
    assert site.receipts(report) == [["delivered"]] and set(site.items(report).values()) == {"confirmed"}
    question = "SELECT i.sop_instance_uid, encode(i.sha256, 'hex'), s.name FROM instance i JOIN scope s ON s.scope_id = i.site_id"
    held = await_true("the other one's ledger", lambda: (rows := other.sql(question)) and len(rows) == len(wanted) and rows)
    assert {(uid, digest) for uid, digest, _ in held} == set(wanted.items()) and {row[2] for row in held} == {"E1"}
    assert other.sql("SELECT DISTINCT detail->>'workstation', detail->>'purpose' FROM audit WHERE action = 'study.store'") == [["示例镇卫生院 网关", "store"]]


def test_who_took_the_objects_and_fell_silent_is_asked(site, serve, orthanc):
    """Orthanc behind a door that lets the first request in and no answer out."""
    answers = []

    def answer(request):
        kept = {name: request.headers[name] for name in ("Content-Type", "Accept") if name in request.headers}
        status, _, body = orthanc.request(request.method, "/dicom-web" + request.path, request.body or None, kept)
        answers.append((request.method, status, body))
        return Answer(is_silent=True) if len(answers) == 1 else Answer(status, body, {"Content-Type": "application/dicom+json"})

    destination = add_destination(site, "stow", url=serve(WebPeer, answer).url())
    _, wanted = site.add_report()
    await_delivery(site, destination, "delivered")
    held = orthanc.holds()
    assert {uid: held.get(uid) for uid in wanted} == wanted
    method, status, body = answers[1]
    assert (method, status) == ("GET", 200), "it was not asked before anything went out again"
    assert {row["00080018"]["Value"][0] for row in json.loads(body)} == set(wanted)


def listing(stored=(), failed=()):
    def item(uid, reason=None):
        reasons = {"00081197": {"vr": "US", "Value": [reason]}} if reason else {}
        return {"00081155": {"vr": "UI", "Value": [uid]}, **reasons}

    return json.dumps({"00081199": {"vr": "SQ", "Value": [item(uid) for uid in stored]},
                       "00081198": {"vr": "SQ", "Value": [item(uid, reason) for uid, reason in failed]}}).encode()


class Behaviour:
    """answer() per request; what QIDO says is what the peer took."""

    def __init__(self, *posts):
        self.posts, self.turns, self.sent, self.held = posts, 0, [], set()

    def answer(self, request):
        if request.method == "GET":
            rows = [{"00080018": {"vr": "UI", "Value": [uid]}} for uid in sorted(self.held)]
            return Answer(200, json.dumps(rows if "offset=0" in request.path else []).encode())
        uids = uids_of(request)
        self.sent.append(uids)
        self.turns += 1
        return self.posts[min(self.turns, len(self.posts)) - 1](self, uids)


def take(peer, uids):
    peer.held.update(uids)
    return Answer(200, listing(uids))


def refuse_first(peer, uids):
    peer.held.update(uids[1:])
    return Answer(202, listing(uids[1:], [(uids[0], 0xA900)]))


def answer_only(*arguments, **more):
    return lambda peer, uids: Answer(*arguments, **more)


# What the peer does with each request, the state wanted with what its error says, and how many requests there are then (None: any).
STOW_PEERS = {
    "refuses_one": ([refuse_first], "quarantined", "A900", 1),
    "is_full_once": ([lambda peer, uids: Answer(409, listing(failed=[(uid, 0xA700) for uid in uids])), take], "delivered", None, 2),
    "finds_all_too_large": ([answer_only(413)], "quarantined", "C000: HTTP 413", 3),
    "knows_no_dicom": ([answer_only(415)], "quarantined", "does not accept", 3),
    "takes_one_at_a_time": ([lambda peer, uids: take(peer, uids) if len(uids) == 1 else Answer(400)], "delivered", None, 3),
    "has_no_room_once": ([answer_only(507), take], "delivered", None, 2),
    "is_busy_once": ([answer_only(503, headers={"Retry-After": "1"}), take], "delivered", None, 2),
    "names_half_of_them": ([lambda peer, uids: take(peer, uids[:1]), take], "delivered", None, 2),
    "says_yes_to_nothing_it_was_sent": ([answer_only(200, listing(["1.2.3"])), take], "delivered", None, 2),
    "is_a_login_page_once": ([answer_only(200, b"<html>welcome</html>"), take], "delivered", None, 2),
    "falls_silent_once": ([answer_only(is_silent=True), take], "delivered", None, 2),
    "never_ends_its_answer_once": ([answer_only(200, b" " * (1 << 21)), take], "delivered", None, 2),
    "points_elsewhere": ([answer_only(302, headers={"Location": "http://127.0.0.1:1/"})], "waiting", "another address", None),
}


def test_every_answer_of_a_stow_peer_has_its_end(site, serve):
    peers = {name: Behaviour(*posts) for name, (posts, *_) in STOW_PEERS.items()}
    destinations = {name: add_destination(site, "stow", url=serve(WebPeer, peer.answer).url()) for name, peer in peers.items()}
    _, wanted = site.add_report()
    for name, (_, state, error, requests) in STOW_PEERS.items():
        peer = peers[name]
        await_delivery(site, destinations[name], state, error=error)
        if state == "delivered":
            assert peer.held == set(wanted), name
        if requests is not None:
            assert peer.turns == requests, (name, peer.sent)
    assert peers["names_half_of_them"].sent[1] == peers["names_half_of_them"].sent[0][1:], "only what was missing went again"
