"""DICOM destinations of every kind: honest ones that take little, and such that lie, hang, break off or talk nonsense.

The transport is driven alone (tests/bench/transport_probe.c): what it says of each object, and of the way. What the router makes of that is
tested with the queue.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import threading

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / folder) for folder in ("support", "bench")]

import dicomgen  # noqa: E402
import dicomraw  # noqa: E402
import outgoing  # noqa: E402
import receiving  # noqa: E402
from dicomraw import pdu  # noqa: E402
from installation import BUILD, Installation, free_port  # noqa: E402
from pacs import COMMITMENT, FIND, PLAIN, Pacs  # noqa: E402
from returning import QUICK, Peer, Site  # noqa: E402

JPEG_LOSSLESS, JPEG_LS, JPEG_2000 = "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"
PATIENCE_S = 60

FORWARD = """
WITH d AS (INSERT INTO delivery (site_id, destination_id, purpose, study_id, study_version, deadline_at)
           SELECT st.site_id, x.destination_id, 'forward', st.study_id, 1, yq_now() + interval '30 days'
           FROM study st, destination x WHERE st.study_instance_uid = '%s' AND x.public_id = '%s' RETURNING *)
INSERT INTO delivery_item (delivery_id, site_id, instance_id)
SELECT d.delivery_id, d.site_id, i.instance_id FROM d JOIN series se ON se.study_id = d.study_id JOIN instance i USING (series_id);
"""


class Sender:
    """An installation with received studies, and deliveries of them that the probe sends."""

    def __init__(self, home):
        self.home = home
        self.site = Site(home)

    def receive(self, datasets, syntax=dicomgen.EXPLICIT):
        objects = [one if isinstance(one, receiving.Sent) else receiving.Sent(one, syntax) for one in datasets]
        assert receiving.send(self.home, objects) and all(one.status == 0 for one in objects), [one.status for one in objects]
        receiving.await_indexed(self.home)
        return {one.uid: one for one in objects}

    def destination(self, port, title="PACS", **columns):
        columns = {"ae_title": title, "host": "127.0.0.1", "port": port, "answer_timeout_ms": 20000, **columns}
        values = ", ".join(repr(value) for value in columns.values())
        # A peer of a test before may have had the port that is free again.
        self.home.sql(f"UPDATE destination SET is_enabled = false WHERE is_enabled AND port = {port} AND ae_title = '{columns['ae_title']}'")
        return self.home.sql(f"INSERT INTO destination (site_id, name, wants_reports, {', '.join(columns)})"
                             f" SELECT site_id, 'peer', false, {values} FROM site WHERE code = 'SAMPLE' RETURNING public_id")[0][0]

    def forward(self, study_uid, destination):
        self.home.sql(FORWARD % (study_uid, destination))

    def probe(self, what, destination):
        done = subprocess.run([BUILD / "tests" / "transport_probe", what, destination], env=self.home.environment(), capture_output=True,
                              text=True, timeout=2 * PATIENCE_S)
        assert done.returncode == 0, done.stderr
        # The claim stays with nobody: the next probe takes the same delivery.
        self.home.sql("UPDATE delivery SET worker = NULL, worker_until = NULL, state = 'verifying' WHERE state IN ('sending', 'verifying')")
        return json.loads(done.stdout)

    def send(self, pacs_or_port, study_uid, **columns):
        destination = self.destination(getattr(pacs_or_port, "port", pacs_or_port), **columns)
        self.forward(study_uid, destination)
        said = self.probe("send", destination)
        said["by_sop"] = {row["sop"]: row for row in said["items"]}
        return said, destination


@pytest.fixture(scope="module")
def sender():
    with Installation({**QUICK, "YQ_AE_TITLE": "YINGQIAO"}) as home:
        yield Sender(home)


@pytest.fixture(scope="module")
def study(sender):
    """Six small CT slices."""
    made = dicomgen.Study()
    objects = sender.receive([dicomgen.ct(made, size=32, number=n, slices=6) for n in range(1, 7)])
    return made.study_uid, objects


def digests(objects):
    return {uid: one.sha256 for uid, one in objects.items()}


def sha_of(pacs):
    return {uid: digest for uid, (digest, _) in pacs.held.items()}


# ---- honest ones ----------------------------------------------------------------------------------------------------------

def test_several_associations_share_the_objects(sender, study):
    uid, objects = study
    with Pacs() as pacs:
        gate = threading.Barrier(3)
        pacs.status = lambda _: gate.wait(PATIENCE_S) and 0 or 0  # no answer before three are under way
        said, _ = sender.send(pacs, uid, connections_max=3)
        assert said["ok"] and pacs.most_at_once == 3
        assert sha_of(pacs) == digests(objects)
        assert len(pacs.received) == 6, "an object came twice"


def test_a_peer_that_takes_one_association_gets_all_over_that_one(sender, study):
    uid, objects = study
    with Pacs(associations_max=1) as pacs:
        said, _ = sender.send(pacs, uid, connections_max=4)
        assert said["ok"] and sha_of(pacs) == digests(objects)


def test_small_pdus_are_kept_to(sender, study):
    uid, objects = study
    with Pacs() as pacs:
        pacs.max_pdu = 512
        said, _ = sender.send(pacs, uid)
        assert said["ok"] and sha_of(pacs) == digests(objects)


def compressed(sender, tool, kind, *options):
    """A study of one object that DCMTK compressed; its UID, and what it was before."""
    made = dicomgen.Study()
    folder = sender.home.home / f"made-{made.study_uid}"
    dataset = dicomgen.MAKERS[kind](made, size=48)
    dicomgen.write_part10(str(folder / "plain"), dataset)
    subprocess.run([tool, *options, folder / "plain", folder / "small"], check=True, capture_output=True)
    return made.study_uid, dataset, folder / "small"


def value(path, tag):
    shown = subprocess.run(["dcmdump", "-s", "+P", tag, "-Un", path], check=True, capture_output=True, text=True).stdout
    return shown.split("[")[1].split("]")[0]


@pytest.mark.parametrize("tool, options, kind", [("dcmcjpeg", ("+e1",), "ct"), ("dcmcjpeg", ("+eb",), "us"), ("dcmcjpls", (), "ct"),
                                                 ("dcmcrle", (), "ct"), ("dcmcrle", (), "us")])
def test_what_is_compressed_is_decompressed_for_who_takes_nothing_else(sender, tool, options, kind, tmp_path):
    uid, dataset, path = compressed(sender, tool, kind, *options)
    _, body = dicomgen.split_part10(path.read_bytes())
    sent = receiving.Sent(dataset)
    sent.bytes, sent.syntax, sent.uid = body, value(path, "0002,0010"), value(path, "0008,0018")
    sender.receive([sent])
    peer = Peer(tmp_path / "peer", "+xi")
    peer.start()
    try:
        said, _ = sender.send(peer.port, uid)
    finally:
        peer.end()
    assert said["ok"] and said["items"][0]["sent"] == "answered" and said["items"][0]["status"] == 0, said
    [got] = peer.folder.iterdir()
    assert value(got, "0002,0010") == dicomgen.IMPLICIT
    want = tmp_path / "want"
    subprocess.run([{"dcmcjpeg": "dcmdjpeg", "dcmcjpls": "dcmdjpls", "dcmcrle": "dcmdrle"}[tool], path, want], check=True)
    assert pixels(got) == pixels(want), "other pixels"


def pixels(path):
    """The bytes of the pixel data, as DCMTK writes them out."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dcmdump", "+W", folder, path], check=True, capture_output=True)
        [raw] = [one for one in pathlib.Path(folder).iterdir() if one.suffix == ".raw"]
        return raw.read_bytes()


@pytest.mark.parametrize("syntax, undo", [(JPEG_LS, "dcmdjpls"), (JPEG_LOSSLESS, "dcmdjpeg"), (JPEG_2000, None)])
def test_who_wants_less_gets_it_without_loss(sender, syntax, undo, tmp_path):
    made = dicomgen.Study()
    [one] = sender.receive([dicomgen.ct(made, size=64)]).values()
    with Pacs(syntaxes=(*PLAIN, syntax)) as pacs:
        said, _ = sender.send(pacs, made.study_uid, compression="lossless")
        assert said["ok"] and pacs.held[one.uid][1] == syntax
    if undo is None:
        return  # there and back is in the unit tests: no second decoder is at hand
    peer = Peer(tmp_path / "peer", {JPEG_LS: "+xt", JPEG_LOSSLESS: "+xs"}[syntax])
    peer.start()
    try:
        said, _ = sender.send(peer.port, made.study_uid, compression="lossless")
    finally:
        peer.end()
    [got] = peer.folder.iterdir()
    assert value(got, "0002,0010") == syntax
    plain = tmp_path / "plain"
    subprocess.run([undo, got, plain], check=True)
    assert one.bytes.endswith(pixels(plain))


def test_orthanc_takes_what_is_plain_and_what_is_compressed_and_commits(sender, tmp_path):
    """Its report comes on an association that it opens to us."""
    made = dicomgen.Study()
    folder = tmp_path / "made"
    plain, coded = dicomgen.ct(made, size=32), dicomgen.ct(made, size=48)
    dicomgen.write_part10(str(folder / "plain"), coded)
    subprocess.run(["dcmcjpeg", "+e1", folder / "plain", folder / "small"], check=True)
    small = receiving.Sent(coded)
    _, small.bytes = dicomgen.split_part10((folder / "small").read_bytes())
    small.syntax = value(folder / "small", "0002,0010")
    objects = sender.receive([plain, small])
    orthanc = outgoing.OrthancNodelay(tmp_path)
    orthanc.start()
    try:
        orthanc.call("PUT", "/modalities/us", {"AET": "YINGQIAO", "Host": "127.0.0.1", "Port": sender.home.dicom_port})
        said, destination = sender.send(orthanc.port, made.study_uid, title="ORTHANC")
        assert said["ok"] and {row["status"] for row in said["items"]} == {0}, said
        assert orthanc.held() == 2
        verdict = sender.probe("verify", destination)
        assert (verdict["ok"], verdict["proof"], set(verdict["held"])) == (True, "commitment", objects.keys()), verdict
        sender.home.sql(f"UPDATE destination SET proof = 'query' WHERE public_id = '{destination}'")
        verdict = sender.probe("verify", destination)
        assert (verdict["ok"], verdict["proof"], set(verdict["held"])) == (True, "query", objects.keys()), verdict
    finally:
        orthanc.stop()


def test_nothing_is_compressed_where_nobody_asked(sender, study):
    uid, objects = study
    with Pacs(syntaxes=(*PLAIN, JPEG_LS)) as pacs:
        sender.send(pacs, uid)
        assert sha_of(pacs) == digests(objects)


def test_implicit_vr_alone_is_served(sender, study):
    uid, objects = study
    with Pacs(syntaxes=(dicomgen.IMPLICIT,)) as pacs:
        said, _ = sender.send(pacs, uid)
        assert said["ok"]
        assert {uid: syntax for uid, (_, syntax) in pacs.held.items()} == dict.fromkeys(objects, dicomgen.IMPLICIT)


def test_a_signed_object_is_not_touched_and_the_reason_said(sender):
    made = dicomgen.Study()
    signed = dicomgen.sr(made).put(0x4FFE0001, "SQ", []).put(0xFFFAFFFA, "SQ", [dicomgen.Dataset((0x04000005, "US", 1))])
    [one] = sender.receive([signed]).values()
    with Pacs(syntaxes=(dicomgen.IMPLICIT,)) as pacs:
        said, _ = sender.send(pacs, made.study_uid)
        assert said["by_sop"][one.uid]["sent"] == "no_context" and "signed" in said["by_sop"][one.uid]["comment"]
        assert pacs.received == []


def test_deflated_objects_go_inflated(sender):
    made = dicomgen.Study()
    dataset = dicomgen.sr(made)
    [one] = sender.receive([dataset], dicomgen.DEFLATED).values()
    plain = receiving.Sent(dataset)
    for syntax in PLAIN:
        with Pacs(syntaxes=(syntax,)) as pacs:
            said, _ = sender.send(pacs, made.study_uid)
            assert said["ok"] and pacs.held[one.uid][1] == syntax
            if syntax == dicomgen.EXPLICIT:
                assert pacs.held[one.uid][0] == plain.sha256


def test_no_temporary_file_is_left(sender):
    left = [str(path) for path in (sender.home.home / "tmp").rglob("*") if path.is_file()]
    assert left == []


def test_what_is_not_taken_at_all_does_not_hold_up_the_others(sender):
    made = dicomgen.Study()
    objects = sender.receive([dicomgen.ct(made, size=16), dicomgen.sc(made), dicomgen.sr(made)])
    with Pacs(refuses=(dicomgen.SOP["sc"],)) as pacs:
        said, _ = sender.send(pacs, made.study_uid)
        assert sorted(row["sent"] for row in said["items"]) == ["answered", "answered", "no_context"]
        assert said["ok"] and len(pacs.held) == 2 and pacs.held.keys() < objects.keys()


# ---- statuses --------------------------------------------------------------------------------------------------------------

STATUSES = (0x0000, 0x0001, 0x0105, 0x0106, 0x0107, 0x0110, 0x0111, 0x0112, 0x0115, 0x0116, 0x0117, 0x0118, 0x0119, 0x0120, 0x0121,
            0x0122, 0x0124, 0x0210, 0x0211, 0x0212, 0x0213, 0xA700, 0xA7FF, 0xA900, 0xA9FF, 0xB000, 0xB006, 0xB007, 0xC000, 0xCFFF,
            0xFE00, 0xFF00, 0x1234)


def test_every_status_is_passed_on_as_it_came(sender):
    """PS3.4 table B.2-1, PS3.7 annex C; what they mean is delivery_rule.h."""
    made = dicomgen.Study()
    objects = list(sender.receive([dicomgen.sc(made, size=8, number=n + 1) for n in range(len(STATUSES))]))
    with Pacs() as pacs:
        pacs.status = lambda uid: STATUSES[objects.index(uid)]
        said, _ = sender.send(pacs, made.study_uid, connections_max=2)
    assert said["ok"]
    assert {row["sop"]: (row["sent"], row["status"]) for row in said["items"]} == {
        uid: ("answered", status) for uid, status in zip(objects, STATUSES)}
    assert said["by_sop"][objects[STATUSES.index(0xA700)]]["comment"] == "as told"


# ---- hostile ones -----------------------------------------------------------------------------------------------------------

GARBAGE = bytes(range(1, 200))


@pytest.mark.parametrize("phase", ["connect", "associate"])
@pytest.mark.parametrize("action", ["hang", "close", "abort", GARBAGE, pdu(2, b"\0" * 4), pdu(2, b"\xff" * 200), pdu(6, b"\0" * 4)],
                         ids=["hang", "close", "abort", "garbage", "short_ac", "wild_ac", "release"])
def test_a_peer_that_does_not_associate_is_away_for_now(sender, study, phase, action):
    uid, _ = study
    with Pacs() as pacs:
        pacs.at[phase] = action
        said, _ = sender.send(pacs, uid, answer_timeout_ms=300)
        assert (said["ok"], said["items"]) == (False, []), said
        assert said["kind"] == "temporary", said


@pytest.mark.parametrize("reject, kind", [((1, 1, 1), "refused"), ((1, 1, 3), "refused"), ((1, 1, 7), "refused"), ((2, 3, 1), "temporary"),
                                          ((2, 3, 2), "temporary")])
def test_rejections_are_told_apart(sender, study, reject, kind):
    with Pacs(reject=reject) as pacs:
        said, _ = sender.send(pacs, study[0])
        assert (said["ok"], said["kind"], said["items"]) == (False, kind, []), said


@pytest.mark.parametrize("action", ["hang", "close", "abort", GARBAGE, pdu(4, b"\0\0\0\2\1\3")], ids=["hang", "close", "abort", "garbage", "empty_pdv"])
def test_bytes_that_went_without_an_answer_are_an_unknown_outcome(sender, study, action):
    """Also after the object was kept: nobody knows."""
    uid, _ = study
    with Pacs() as pacs:
        pacs.at["answer"] = action
        said, _ = sender.send(pacs, uid, answer_timeout_ms=500, connections_max=1)  # in which a busy peer has to take the association, too
        assert not said["ok"] and said["kind"] == "unknown_outcome", said
        assert len(said["items"]) == 3 and {row["sent"] for row in said["items"]} == {"unknown"}, "it does not go on for ever"


@pytest.mark.parametrize("phase", ["command", "dataset"])
@pytest.mark.parametrize("action", ["close", "abort", GARBAGE], ids=["close", "abort", "garbage"])
def test_an_association_that_breaks_inside_of_an_object_loses_nothing(sender, study, phase, action):
    """Once; all the others arrive over a new association. Whether all bytes were out before we saw it is the network's luck."""
    uid, objects = study
    with Pacs() as pacs:
        pacs.at[phase] = lambda before: action if before == 1 else None
        said, _ = sender.send(pacs, uid, answer_timeout_ms=2000, connections_max=1)
    answered = {row["sop"] for row in said["items"] if row["sent"] == "answered"}
    assert len(answered) == 5 and pacs.held.keys() == answered
    assert {row["sent"] for row in said["items"]} <= {"answered", "unknown"}
    assert said["ok"] == (len(said["items"]) == 6), "what was not reported is not called done"


def test_an_object_that_always_breaks_its_association_does_not_hold_up_the_others(sender, study):
    uid, objects = study
    poison = sorted(objects)[2]
    with Pacs() as pacs:
        def status(sop):
            if sop == poison:
                raise OSError("on purpose")
            return 0
        pacs.status = status
        said, _ = sender.send(pacs, uid, connections_max=1)
        assert pacs.held.keys() == objects.keys() - {poison}
        assert said["by_sop"][poison]["sent"] == "unknown"


def test_an_answer_to_something_else_is_no_answer(sender, study):
    with Pacs() as pacs:
        pacs.answer_context = 201
        said, _ = sender.send(pacs, study[0], connections_max=1)
        assert {row["sent"] for row in said["items"]} == {"unknown"}


def test_a_name_that_does_not_exist_is_away_for_now(sender, study):
    destination = sender.destination(104, host="no-such-host.invalid")
    sender.forward(study[0], destination)
    said = sender.probe("send", destination)
    assert (said["ok"], said["kind"]) == (False, "temporary") and "no-such-host.invalid" in said["text"]


# ---- proof -------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("services, proof, want", [((COMMITMENT, FIND), "auto", "commitment"), ((FIND,), "auto", "query"),
                                                   ((COMMITMENT, FIND), "query", "query"), ((COMMITMENT,), "commitment", "commitment")])
def test_a_liar_is_found_out(sender, study, services, proof, want):
    uid, objects = study
    lost = set(sorted(objects)[:2])
    with Pacs(services=services) as pacs:
        pacs.forgets = lambda sop: sop in lost
        said, destination = sender.send(pacs, uid, proof=proof)
        assert said["ok"] and {row["status"] for row in said["items"]} == {0}, "it says that it has all"
        verdict = sender.probe("verify", destination)
        assert (verdict["ok"], verdict["proof"], verdict["count"]) == (True, want, 4), verdict
        assert set(verdict["held"]) == objects.keys() - lost


@pytest.mark.parametrize("services, proof", [((), "auto"), ((COMMITMENT, FIND), "answers"), ((FIND,), "commitment"), ((COMMITMENT,), "query")])
def test_who_cannot_be_asked_as_wanted_is_not(sender, study, services, proof):
    with Pacs(services=services) as pacs:
        _, destination = sender.send(pacs, study[0], proof=proof)
        verdict = sender.probe("verify", destination)
        assert (verdict["ok"], verdict["kind"], verdict["proof"]) == (False, "refused", "none"), verdict


def test_a_query_that_is_refused_is_no_proof_of_absence(sender, study):
    with Pacs(services=(FIND,)) as pacs:
        pacs.find_status = 0xA900
        _, destination = sender.send(pacs, study[0])
        assert sender.probe("verify", destination)["kind"] == "refused"
        pacs.find_status = 0xA700
        assert sender.probe("verify", destination)["kind"] == "temporary"


def test_a_report_that_comes_later_on_an_association_of_its_own(sender, study):
    """The peer is no device here, is admitted for its report alone, and must take the role of the provider."""
    uid, objects = study
    title = "LATEPACS"
    with Pacs(title, services=(COMMITMENT,)) as pacs:
        pacs.reports, pacs.report_port = "never", sender.home.dicom_port
        _, destination = sender.send(pacs, uid, title=title)
        verdict = sender.probe("verify", destination)
        assert (verdict["ok"], verdict["kind"]) == (False, "unknown_outcome"), verdict
        with dicomraw.Association("127.0.0.1", sender.home.dicom_port, title, "YINGQIAO",
                                  [(dicomgen.SOP["sc"], [dicomgen.EXPLICIT])]) as intruder:
            assert intruder.store(dicomgen.SOP["sc"], "1.2.3", b"\0" * 8) == 0x0124, "it may only report"
        assert pacs.call_back(*pacs.asked) == 0
        verdict = sender.probe("verify", destination)
        assert (verdict["ok"], verdict["proof"], verdict["count"]) == (True, "commitment", len(objects)), verdict
        with pytest.raises((dicomraw.Rejected, dicomraw.Gone)):
            pacs.call_back(*pacs.asked)  # nothing is awaited from it any more


def test_a_report_while_it_is_waited_for_comes_in_at_once(sender, study):
    title = "QUICKPACS"
    with Pacs(title, services=(COMMITMENT,)) as pacs:
        pacs.reports, pacs.report_port = "new", sender.home.dicom_port
        _, destination = sender.send(pacs, study[0], title=title)
        verdict = sender.probe("verify", destination)
        assert (verdict["ok"], verdict["proof"], verdict["count"]) == (True, "commitment", 6), verdict


def test_a_forged_report_is_refused(sender, study):
    title = "FORGED"
    with Pacs(title, services=(COMMITMENT,)) as pacs:
        pacs.reports, pacs.report_port = "never", sender.home.dicom_port
        _, destination = sender.send(pacs, study[0], title=title)
        sender.probe("verify", destination)
        assert pacs.call_back("1.2.3.4.5", pacs.asked[1]) == 0x0115
        assert sender.probe("verify", destination)["kind"] == "unknown_outcome"


@pytest.mark.parametrize("action", ["hang", "close", GARBAGE], ids=["hang", "close", "garbage"])
def test_a_peer_that_does_not_answer_the_question_is_away_for_now(sender, study, action):
    with Pacs(services=(COMMITMENT, FIND)) as pacs:
        _, destination = sender.send(pacs, study[0], answer_timeout_ms=500)
        pacs.at["command"] = action
        assert sender.probe("verify", destination)["kind"] == "temporary"


# ---- the test of a connection -------------------------------------------------------------------------------------------------

def steps(sender, destination):
    return [(step["name"], step["is_ok"]) for step in sender.probe("test", destination)]


def test_a_connection_is_tested_step_by_step(sender):
    with Pacs(services=(COMMITMENT,), syntaxes=(*PLAIN, JPEG_LS)) as pacs:
        said = sender.probe("test", sender.destination(pacs.port))
    assert [(step["name"], step["is_ok"]) for step in said] == [(name, True) for name in (
        "name", "tcp", "association", "echo", "storage", "lossless", "proof")]
    told = {step["name"]: step["text"] for step in said}
    assert told["name"] == "127.0.0.1" and "CT" in told["storage"] and "JPEG-LS" in told["lossless"]
    assert told["proof"] == "storage commitment"


def test_a_connection_test_names_the_step_that_fails(sender):
    assert steps(sender, sender.destination(105, host="no-such-host.invalid")) == [("name", False)]
    assert steps(sender, sender.destination(free_port())) == [("name", True), ("tcp", False)]
    with Pacs(reject=(1, 1, 7)) as pacs:
        assert steps(sender, sender.destination(pacs.port)) == [("name", True), ("tcp", True), ("association", False)]
    with Pacs(syntaxes=()) as pacs:
        assert steps(sender, sender.destination(pacs.port))[-1] == ("storage", False)
    with Pacs() as pacs:
        assert steps(sender, sender.destination(pacs.port, proof="commitment"))[-1] == ("proof", False)
