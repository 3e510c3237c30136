"""Receiving over the DICOM port with real peers: DCMTK's clients, and raw associations for what they would never send."""

import hashlib
import pathlib
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
import dicomraw  # noqa: E402
from dicomraw import Association, Gone, Rejected  # noqa: E402
from installation import Failed, Installation  # noqa: E402

CT = dicomgen.SOP["ct"]
EXPLICIT = dicomgen.EXPLICIT
IMPLICIT = dicomgen.IMPLICIT
PERMANENT, TRANSIENT = 1, 2
LIMIT_S = 60

SITE = """
WITH c AS (INSERT INTO scope (kind, name) VALUES ('community', 'C') RETURNING scope_id),
     g AS (INSERT INTO scope (kind, name) VALUES ('grid', 'G') RETURNING scope_id),
     s AS (INSERT INTO scope (kind, name) VALUES ('site', 'Baisha') RETURNING scope_id),
     m AS (INSERT INTO scope_membership (child_id, child_kind, parent_id, parent_kind)
           SELECT s.scope_id, 'site', g.scope_id, 'grid' FROM s, g UNION ALL SELECT g.scope_id, 'grid', c.scope_id, 'community' FROM g, c)
INSERT INTO site (site_id, code, licensed_type, counts_as_township_health_centre)
SELECT scope_id, 'BAISHA', 'township_health_centre', true FROM s;
"""


def wait_for(what, condition):
    """Polls a fact outside of this process, with a limit that only a failure reaches."""
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    pytest.fail(f"waited in vain for: {what}")


def add_device(home, calling, called=None, address=None, port=None):
    def literal(value):
        return "NULL" if value is None else f"'{value}'" if isinstance(value, str) else str(value)

    home.sql(f"""INSERT INTO device (site_id, calling_ae, called_ae, address, local_port)
                 SELECT site_id, {literal(calling)}, {literal(called)}, {literal(address)}, {literal(port)} FROM site""")


@pytest.fixture(scope="module")
def home():
    with Installation({"YQ_POLL_INTERVAL": "200 ms", "YQ_ASSOCIATION_TIMEOUT": "20 s", "YQ_ASSOCIATION_MAX": "40",
                       "YQ_STORE_RESERVE": "1 MiB"}) as installation:
        installation.sql(SITE)
        add_device(installation, "CT1")
        installation.start("yq-storescp")
        yield installation


def client(home, *arguments, **environment):
    return subprocess.run([*map(str, arguments)], capture_output=True, text=True, timeout=LIMIT_S,
                          env={**os.environ, **environment})


def target(home, calling="CT1", called="YINGQIAO"):
    return ["-aet", calling, "-aec", called, "127.0.0.1", str(home.dicom_port)]


def contexts(syntax=EXPLICIT):
    return [(CT, [syntax]), (dicomraw.VERIFICATION, [IMPLICIT])]


def association(home, calling="CT1", called="YINGQIAO", proposed=None, **more):
    return Association("127.0.0.1", home.dicom_port, calling, called, proposed or contexts(), **more)


def new_ct():
    """(SOP instance UID, dataset bytes) of a small CT image."""
    dataset = dicomgen.ct(dicomgen.Study())
    return dataset.text(0x00080018), dataset.encode(EXPLICIT)


def stored_digests(home):
    return {row[0]: row[1] for row in home.sql("SELECT sop_instance_uid, encode(sha256, 'hex') FROM instance")}


def rejection(home, calling, called="YINGQIAO"):
    with pytest.raises(Rejected) as refused:
        association(home, calling, called)
    return refused.value.result, refused.value.source, refused.value.reason


# --- who may come ------------------------------------------------------------------------------------------------------


def test_echo_of_registered_device(home):
    done = client(home, "echoscu", *target(home))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("calling,called,reason", [("STRANGER", "YINGQIAO", 3), ("CT1", "OTHER", 7)])
def test_unknown_titles_are_rejected_with_the_reason_of_the_standard(home, calling, called, reason):
    assert rejection(home, calling, called) == (PERMANENT, 1, reason)


def test_rejections_are_on_the_audit(home):
    rejection(home, "AUDITED")
    rows = wait_for("an audit record", lambda: home.sql(
        "SELECT detail->>'reason', detail->>'address', outcome FROM audit WHERE action = 'association.reject' AND actor LIKE 'AUDITED@%'"))
    assert rows == [["unknown_calling_ae", "127.0.0.1", "refused"]]


def test_wrong_address_is_rejected(home):
    add_device(home, "FAR", address="10.9.0.0/16")
    assert rejection(home, "FAR") == (PERMANENT, 1, 1)


def test_device_may_call_the_moment_after_it_was_registered(home):
    for number in range(5):
        add_device(home, f"NEW{number}")
        with association(home, f"NEW{number}") as peer:
            assert peer.echo() == 0


def test_disabled_device_is_rejected(home):
    add_device(home, "RETIRED")
    with association(home, "RETIRED") as peer:
        assert peer.echo() == 0
    home.sql("UPDATE device SET is_enabled = false WHERE calling_ae = 'RETIRED'")
    wait_for("the registry to follow", lambda: is_rejected(home, "RETIRED"))


def is_rejected(home, calling):
    try:
        with association(home, calling):
            return False
    except Rejected:
        return True


# --- what may come -----------------------------------------------------------------------------------------------------


def test_stock_client_is_stored_bit_for_bit(home, tmp_path):
    dicomgen.make_study(str(tmp_path), kind="ct-chest", images=6, size=128)
    done = client(home, "storescu", *target(home), "+sd", "+r", tmp_path, TCP_NODELAY="0")
    assert done.returncode == 0, done.stderr
    sent = digests_of_files(tmp_path)
    assert len(sent) == 6
    wait_for("the index", lambda: sent.items() <= stored_digests(home).items())


def digests_of_files(folder):
    found = {}
    for path in sorted(pathlib.Path(folder).rglob("*.dcm")):
        meta, dataset = dicomgen.split_part10(path.read_bytes())
        found[uid_of(meta, 0x00020003)] = hashlib.sha256(dataset).hexdigest()
    return found


def uid_of(meta, tag):
    return meta.get(tag, b"").rstrip(b"\0 ").decode("latin-1")


def test_command_for_another_class_than_the_context_is_refused(home):
    uid, dataset = new_ct()
    with association(home) as peer:
        assert peer.store(dicomgen.SOP["us"], uid, dataset, context=1) == 0xA900
        assert peer.store(CT, uid, dataset) == 0


def test_unknown_command_is_refused_and_the_association_goes_on(home):
    with association(home) as peer:
        peer.send_pdv(1, dicomraw.command({0x0002: CT.encode(), 0x0100: struct.pack("<H", 0x0150), 0x0110: struct.pack("<H", 9),
                                           0x0800: struct.pack("<H", 0x0101)}), True, True)
        answer = peer.answer()
        assert struct.unpack("<H", answer[0x0900])[0] == 0x0211
        assert struct.unpack("<H", answer[0x0100])[0] == 0x8150
        assert peer.echo() == 0


@pytest.mark.parametrize("uid", ["", "1.2.3/../../x", "1.02.3", "1." + "2" * 70, "1.2.3' OR '1'='1"])
def test_hostile_uids_are_refused(home, uid):
    _, dataset = new_ct()
    with association(home) as peer:
        assert peer.store(CT, uid, dataset) >> 12 in (0xA, 0xC)
        assert peer.echo() == 0


def test_private_classes_and_other_services_are_not_offered(home):
    proposed = [("1.2.826.0.1.3680043.9.9999.1", [EXPLICIT]), ("1.2.840.10008.5.1.4.1.2.2.1", [IMPLICIT]),
                (CT, ["1.2.3.4.5"]), (CT, [EXPLICIT])]
    with association(home, proposed=proposed) as peer:
        assert peer.results == {1: 3, 3: 3, 5: 4, 7: 0}


def test_first_transfer_syntax_of_the_proposer_is_taken(home):
    jpeg = "1.2.840.10008.1.2.4.70"
    with association(home, proposed=[(CT, ["1.2.840.10008.1.2.4.94", jpeg, EXPLICIT])]) as peer:
        assert peer.accepted == {1: jpeg}


# --- peers that misbehave ----------------------------------------------------------------------------------------------


def test_silent_connections_do_not_keep_others_waiting(home):
    silent = [socket.create_connection(("127.0.0.1", home.dicom_port)) for _ in range(20)]
    try:
        for _ in range(3):
            assert client(home, "echoscu", *target(home)).returncode == 0
    finally:
        for connection in silent:
            connection.close()


def test_congestion_is_transient(home):
    silent = []
    try:
        for _ in range(41):
            silent.append(socket.create_connection(("127.0.0.1", home.dicom_port)))

        def congested():
            try:
                with association(home):
                    return None
            except Rejected as refused:
                return refused.result, refused.source, refused.reason

        assert wait_for("the limit", congested) == (TRANSIENT, 3, 1)
    finally:
        for connection in silent:
            connection.close()
    wait_for("the connections to end", lambda: not is_rejected(home, "CT1"))


def test_client_that_vanishes_inside_an_object_leaves_nothing(home):
    uid, dataset = new_ct()
    peer = association(home)
    peer.store_begin(CT, uid, 1)
    peer.send_pdv(1, dataset[:2000], False, False)
    peer.socket.close()
    wait_for("the end of the association", lambda: re.search(r"association_ended \S+ how=lost", home.log("yq-storescp")))
    after, good = new_ct()
    with association(home) as peer:
        assert peer.store(CT, after, good) == 0
    wait_for("the index", lambda: after in stored_digests(home))
    assert uid not in stored_digests(home)


@pytest.mark.parametrize("name,data", [
    ("http", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("huge request", b"\x01\x00\xff\xff\xff\xff" + b"x" * 100),
    ("request of nothing", b"\x01\x00\x00\x00\x00\x44" + b"\0" * 68),
    ("data first", b"\x04\x00\x00\x00\x00\x06\x00\x00\x00\x02\x01\x03"),
])
def test_what_is_no_association_request_is_ended(home, name, data):
    with socket.create_connection(("127.0.0.1", home.dicom_port), LIMIT_S) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        try:
            while connection.recv(4096):
                pass
        except ConnectionResetError:
            pass
    assert client(home, "echoscu", *target(home)).returncode == 0


@pytest.mark.parametrize("name,data", [
    ("lengths that do not add up", struct.pack(">BBI", 4, 0, 20) + struct.pack(">I", 500) + b"\1\3" + b"z" * 14),
    ("no fragment", struct.pack(">BBI", 4, 0, 0)),
    ("fragment of no length", struct.pack(">BBI", 4, 0, 4) + struct.pack(">I", 0)),
    ("command that is none", struct.pack(">BBIIBB", 4, 0, 26, 22, 1, 3) + b"\xff" * 20),
    ("unknown PDU", b"\x77\0\0\0\0\4abcd"),
    ("second request", None),
])
def test_broken_pdus_abort_only_their_association(home, name, data):
    with association(home) as healthy:
        peer = association(home)
        peer.send(data or peer.request())
        with pytest.raises(Gone):
            peer.receive()
        peer.socket.close()
        assert healthy.echo() == 0


def test_broken_dataset_is_refused_and_not_visible(home):
    uid, dataset = new_ct()
    with association(home) as peer:
        assert peer.store(CT, uid, dataset[:-100]) >> 12 in (0xA, 0xC)
    assert uid not in stored_digests(home)


# --- around the ledger -------------------------------------------------------------------------------------------------


def test_contacts_reach_the_ledger(home):
    add_device(home, "COUNTED")
    uid, dataset = new_ct()
    with association(home, "COUNTED") as peer:
        assert peer.echo() == 0
        assert peer.store(CT, uid, dataset) == 0
    row = wait_for("the contact", lambda: home.sql(
        """SELECT c.associations, c.echoes, c.images FROM device_contact c JOIN device d USING (device_id)
           WHERE d.calling_ae = 'COUNTED' AND d.last_seen_at IS NOT NULL AND c.images > 0 AND c.echoes > 0"""))
    assert row == [["1", "1", "1"]]


def test_reception_goes_on_without_the_ledger_also_after_a_start(home):
    uids = []
    home.stop_ledger(signal.SIGQUIT)
    try:
        for number in range(2):
            uid, dataset = new_ct()
            with association(home) as peer:
                assert peer.store(CT, uid, dataset) == 0
            uids.append(uid)
            assert rejection(home, "STRANGER2") == (PERMANENT, 1, 3)
            home.restart("yq-storescp")
    finally:
        home.start_ledger()
    wait_for("the index", lambda: set(uids) <= set(stored_digests(home)))
    wait_for("the audit", lambda: home.sql(
        "SELECT count(*) FROM audit WHERE action = 'association.reject' AND actor LIKE 'STRANGER2@%'") == [["2"]])


def test_first_start_without_ledger_and_snapshot_rejects_as_transient(tmp_path):
    installation = Installation({"YQ_LEDGER_TIMEOUT": "500 ms"})
    try:
        installation.start("yq-storescp")
        assert rejection(installation, "CT1") == (TRANSIENT, 3, 1)
    finally:
        installation.close()


def test_stop_lets_the_object_at_hand_finish(home):
    uid, dataset = new_ct()
    idle = association(home)
    peer = association(home)
    peer.store_begin(CT, uid, 1)
    peer.send_pdv(1, dataset[:1000], False, False)
    with association(home, "CT1") as probe:  # the server has read what was sent before
        assert probe.echo() == 0
    ended = []
    stopper = threading.Thread(target=lambda: ended.append(home.stop("yq-storescp")))
    stopper.start()
    with pytest.raises(Gone):
        idle.receive()
    peer.send_pdv(1, dataset[1000:], False, True)
    assert struct.unpack("<H", peer.answer()[0x0900])[0] == 0
    stopper.join(LIMIT_S)
    assert ended == [0]
    home.start("yq-storescp")
    wait_for("the index", lambda: uid in stored_digests(home))


def test_taken_port_is_said(home):
    with pytest.raises(Failed, match="could not listen on DICOM port"):
        other = Installation()
        other.dicom_port = home.dicom_port
        try:
            other.start("yq-storescp")
        finally:
            other.close()


def test_no_patient_data_in_the_log(home):
    text = home.log("yq-storescp")
    assert "association_accepted" in text
    for word in ("张", "PatientName", "(0010,"):
        assert word not in text


@pytest.mark.skipif(not shutil.which("dcmsend"), reason="no dcmsend")
def test_dcmsend(home, tmp_path):
    dicomgen.make_study(str(tmp_path), kind="ct-chest", images=3, size=64)
    done = client(home, "dcmsend", *target(home), "+sd", "+r", tmp_path)
    assert done.returncode == 0, done.stderr
