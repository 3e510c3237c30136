"""Storage commitment: what a device asks, what it is told, on which association, and what the study learns from it."""
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
import installation  # noqa: E402
import procedures  # noqa: E402
import receiving  # noqa: E402
from dicomraw import IMPLICIT  # noqa: E402
from installation import BUILD, Installation  # noqa: E402
from procedures import COMMITMENT, Asking, Called  # noqa: E402

PATIENCE_S = 60
QUICK = {"YQ_POLL_INTERVAL": "200 ms", "YQ_QUIET_DEFAULT": "1 h", "YQ_DELIVERY_BACKOFF_MIN": "100 ms", "YQ_DELIVERY_BACKOFF_MAX": "300 ms",
         "YQ_COMMITMENT_LINGER": "30 s", "YQ_DIMSE_TIMEOUT": "5 s"}
OTHER_SITE = """
WITH s AS (INSERT INTO scope (kind, name) VALUES ('site', '另一个卫生院') RETURNING scope_id),
     t AS (INSERT INTO site (site_id, code, licensed_type, counts_as_township_health_centre)
           SELECT scope_id, 'OTHER', 'township_health_centre', true FROM s RETURNING site_id)
INSERT INTO device (site_id, calling_ae) SELECT site_id, 'CT9' FROM t;
"""


@pytest.fixture(scope="module")
def home():
    with Installation(QUICK) as home:
        receiving.prepare(home)
        home.sql(OTHER_SITE)
        home.start("yq-storescp", "yq-router")
        yield home


def send(home, count=2, study=None, **more):
    """A study of so many images, acknowledged."""
    study, series = study or dicomgen.Study(), dicomgen.new_uid()
    objects = [receiving.Sent(dicomgen.ct(study, series_uid=series, number=n + 1, **more)) for n in range(count)]
    assert receiving.send(home, objects) and all(one.status == 0 for one in objects)
    return study, objects


def pairs(objects):
    return [(one.sop_class, one.uid) for one in objects]


def uids(objects):
    return {one.uid for one in objects}


def state_of(home, study):
    rows = home.sql(f"SELECT state FROM study WHERE study_instance_uid = '{study.study_uid}'")
    return rows[0][0] if rows else None


def row_of(home, transaction):
    return next(one for one in home.yqctl("commitment", "list", json=True) if one["transaction_uid"] == transaction)


def await_state(look, wanted, log=lambda: ""):
    until = time.monotonic() + PATIENCE_S
    while (found := look()) != wanted:
        assert time.monotonic() < until, f"{found}, not {wanted}\n" + log()
        time.sleep(0.05)


def test_on_the_same_association_at_once_behind_the_images(home):
    study, objects = send(home, 3)
    transaction = dicomgen.new_uid()
    with Asking(home) as peer:
        # Not waited for: what was acknowledged may still be on its way to the ledger.
        assert peer.commit(transaction, pairs(objects)) == 0
        assert peer.last_answer[0x1008] == procedures.number(1)
        report = peer.await_report()
    assert (report.type, report.transaction, report.failed) == (1, transaction, {})
    assert report.held == uids(objects) and report.instance == procedures.WELL_KNOWN
    await_state(lambda: row_of(home, transaction)["state"], "reported")
    assert (row_of(home, transaction)["held"], row_of(home, transaction)["instances"]) == (3, 3)
    # The strongest signal: complete long before the silence of an hour is over.
    await_state(lambda: state_of(home, study), "complete")
    assert home.sql(f"""SELECT detail ->> 'reason' FROM audit WHERE action = 'study.complete' AND subject = (
        SELECT public_id::text FROM study WHERE study_instance_uid = '{study.study_uid}')""") == [["commitment"]]


def test_with_images_on_one_association_in_implicit_vr(home):
    study, series = dicomgen.Study(), dicomgen.new_uid()
    one = receiving.Sent(dicomgen.ct(study, series_uid=series))
    with Asking(home, ((one.sop_class, (one.syntax,)), (COMMITMENT, (IMPLICIT,)))) as peer:
        assert peer.store(one.sop_class, one.uid, one.bytes, one.syntax) == 0
        body = procedures.commitment_request(dicomgen.new_uid(), pairs([one]))
        assert peer.status(procedures.ACTION, COMMITMENT, procedures.WELL_KNOWN, implicit(body), action=1) == 0
        # A request that crosses the report; both are answered.
        assert peer.await_report().held == {one.uid}
        two = receiving.Sent(dicomgen.ct(study, series_uid=series, number=2))
        assert peer.store(two.sop_class, two.uid, two.bytes, two.syntax) == 0


def implicit(body):
    """The two elements of a commitment request, from explicit to implicit VR."""
    import struct
    out, at = b"", 0
    while at < len(body):
        tag, vr = body[at:at + 4], body[at + 4:at + 6]
        if tag == b"\xfe\xff\x00\xe0":
            length = struct.unpack_from("<I", body, at + 4)[0]
            inside = implicit(body[at + 8:at + 8 + length])
            out, at = out + tag + struct.pack("<I", len(inside)) + inside, at + 8 + length
        elif vr == b"SQ":
            length = struct.unpack_from("<I", body, at + 8)[0]
            inside = implicit(body[at + 12:at + 12 + length])
            out, at = out + tag + struct.pack("<I", len(inside)) + inside, at + 12 + length
        else:
            length = struct.unpack_from("<H", body, at + 6)[0]
            out, at = out + tag + struct.pack("<I", length) + body[at + 8:at + 8 + length], at + 8 + length
    return out


def test_what_is_not_here_is_said_and_keeps_the_study_receiving(home):
    study, objects = send(home, 1)
    late = receiving.Sent(dicomgen.ct(study, number=2))
    transaction = dicomgen.new_uid()
    with Asking(home) as peer:
        assert peer.commit(transaction, pairs([*objects, late])) == 0
        report = peer.await_report()
    assert (report.type, report.held, report.failed) == (2, uids(objects), {late.uid: 0x0112})
    assert state_of(home, study) == "receiving"
    # Submitted all the same: offered, in red.
    home.yqctl("study", "submit", study.study_uid)
    await_state(lambda: state_of(home, study), "incomplete")
    # The missing one comes: nothing more is awaited.
    assert receiving.send(home, [late]) and late.status == 0
    with Asking(home) as peer:
        assert peer.commit(transaction, pairs([*objects, late])) == 0
        assert peer.await_report().type == 1
    await_state(lambda: state_of(home, study), "complete")


def test_objects_of_another_site_and_other_classes_are_not_held(home):
    _, objects = send(home, 2)
    receiving.await_indexed(home)
    with Asking(home, calling="CT9") as peer:
        assert peer.commit(dicomgen.new_uid(), pairs(objects)) == 0
        assert peer.await_report().failed == {one.uid: 0x0112 for one in objects}
    with Asking(home) as peer:
        assert peer.commit(dicomgen.new_uid(), [("1.2.840.10008.5.1.4.1.1.4", objects[0].uid), pairs(objects)[1]]) == 0
        assert peer.await_report().failed == {objects[0].uid: 0x0119}


def test_rows_without_bytes_are_not_held(home):
    _, objects = send(home, 2)
    receiving.await_indexed(home)
    key = home.sql(f"SELECT object_key FROM instance WHERE sop_instance_uid = '{objects[0].uid}'")[0][0]
    path = home.home / "store" / key[:2] / key[2:4] / key
    kept = path.read_bytes()
    path.unlink()
    try:
        with Asking(home) as peer:
            assert peer.commit(dicomgen.new_uid(), pairs(objects)) == 0
            assert peer.await_report().failed == {objects[0].uid: 0x0110}
    finally:
        path.write_bytes(kept)


def test_a_transaction_uid_with_another_list_is_a_duplicate_and_harms_nobody(home):
    _, objects = send(home, 2)
    transaction = dicomgen.new_uid()
    with Asking(home) as peer:
        assert peer.commit(transaction, pairs(objects)) == 0
        assert peer.await_report().type == 1
        assert peer.commit(transaction, pairs(objects[:1])) == 0
        assert peer.await_report().failed == {objects[0].uid: 0x0131}
        # The same list once more is answered once more.
        assert peer.commit(transaction, pairs(objects)) == 0
        assert peer.await_report().held == uids(objects)
    assert home.sql(f"SELECT count(*) FROM commitment WHERE transaction_uid = '{transaction}'") == [["2"]]


@pytest.mark.parametrize("what, want", [
    ("action", 0x0123), ("instance", 0x0112), ("class", 0x0118), ("no dataset", 0x0115), ("cut", 0x0115), ("no transaction", 0x0115),
    ("nothing named", 0x0115), ("no uid", 0x0115), ("half a reference", 0x0115), ("too many", 0x0213), ("too long", 0x0213),
    ("nested", 0x0115), ("set", 0x0211)])
def test_what_is_wrong_is_refused_with_its_status(home, what, want):
    reference = [("1.2.840.10008.5.1.4.1.1.2", "1.2.3")]
    body = procedures.commitment_request("1.2.3.4", reference)
    uid, sop_class, instance, field, action = "1.2.3.4", COMMITMENT, procedures.WELL_KNOWN, procedures.ACTION, 1
    if what == "action":
        action = 2
    elif what == "instance":
        instance = "1.2.3"
    elif what == "class":
        sop_class = procedures.MPPS
    elif what == "no dataset":
        body = None
    elif what == "cut":
        body = body[:-3]
    elif what == "no transaction":
        body = procedures.sequence(0x00081199, procedures.references(reference))
    elif what == "nothing named":
        body = procedures.commitment_request(uid, [])
    elif what == "no uid":
        body = procedures.commitment_request(uid, [("1.2.840.10008.5.1.4.1.1.2", "ZHANG^SAN")])
    elif what == "half a reference":
        body = procedures.element(0x00081195, "UI", uid) + procedures.sequence(
            0x00081199, [procedures.element(0x00081150, "UI", "1.2.3")])
    elif what == "too many":
        body = procedures.commitment_request(uid, reference * 20001)
    elif what == "too long":
        body = procedures.commitment_request(uid, reference) + procedures.element(0x00204000, "LT", b"x" * 60000) * 80
    elif what == "nested":
        body = b""
        for _ in range(300):
            body = procedures.sequence(0x00081199, [body]) if len(body) < 60000 else body
    elif what == "set":
        field = procedures.SET
    with Asking(home) as peer:
        assert peer.status(field, sop_class, instance, body, action=action, context=peer.context_for(COMMITMENT)) == want
        # And the association goes on.
        assert peer.commit(dicomgen.new_uid(), reference) == 0
        assert peer.await_report().failed == {"1.2.3": 0x0112}
    assert "ZHANG" not in home.log("yq-storescp")


def test_when_the_association_is_gone_the_device_is_called(home):
    _, objects = send(home, 2)
    transaction = dicomgen.new_uid()
    with Asking(home) as peer:
        assert peer.commit(transaction, pairs(objects)) == 0
    # Nobody knows yet where: visible, and tried when somebody says it.
    await_state(lambda: "yqctl device commitment" in row_of(home, transaction)["last_error"], True,
                lambda: home.log("yq-router"))
    with Called(statuses=[0x0110, None]) as device:
        home.yqctl("device", "commitment", "CT1", "--port", device.port)
        reports = device.await_reports(3)
    assert [(one.type, one.transaction, one.held) for one in reports] == [(1, transaction, uids(objects))] * 3
    assert device.callers[0] == ("YINGQIAO", "CT1")
    assert set(device.roles) == {(COMMITMENT, 0, 1)}  # we are the provider, and only that
    await_state(lambda: row_of(home, transaction)["state"], "reported")
    assert home.yqctl("commitment", "show", transaction, json=True)["tries"] >= 3


def test_a_report_that_was_not_answered_goes_on_an_association_of_our_own(home):
    _, objects = send(home, 1)
    transaction = dicomgen.new_uid()
    with Called() as device:
        home.yqctl("device", "commitment", "CT1", "--port", device.port)
        with Asking(home) as peer:
            assert peer.commit(transaction, pairs(objects)) == 0
            peer.await_report(answer=None)
            peer.abort()
        assert device.await_reports(1)[0].transaction == transaction
    await_state(lambda: row_of(home, transaction)["state"], "reported")


def test_past_its_deadline_it_is_dead_and_driven_again_by_hand(home):
    _, objects = send(home, 1)
    transaction = dicomgen.new_uid()
    home.yqctl("device", "commitment", "CT1")  # nobody knows where
    with Asking(home) as peer:
        assert peer.commit(transaction, pairs(objects)) == 0
    await_state(lambda: row_of(home, transaction)["tries"] > 0, True)
    home.sql(f"UPDATE commitment SET deadline_at = yq_now() WHERE transaction_uid = '{transaction}'")
    await_state(lambda: row_of(home, transaction)["state"], "dead")
    assert home.yqctl("commitment", "requeue", "1.2.999", status=None).returncode != 0
    with Called() as device:
        home.yqctl("device", "commitment", "CT1", "--port", device.port)
        home.yqctl("commitment", "requeue", transaction)
        assert device.await_reports(1)[0].transaction == transaction


def test_without_the_ledger_nothing_is_promised(home):
    _, objects = send(home, 1)
    receiving.await_indexed(home)
    with Asking(home) as peer:
        home.stop_ledger()
        try:
            assert peer.commit(dicomgen.new_uid(), pairs(objects)) == 0x0213
        finally:
            home.start_ledger()
        assert peer.commit(dicomgen.new_uid(), pairs(objects)) == 0
        assert peer.await_report().type == 1


@pytest.mark.parametrize("program, point", [
    ("yq-storescp", "commitment-request"), ("yq-storescp", "commitment-requested"), ("yq-storescp", "commitment-claimed"),
    ("yq-storescp", "commitment-answered"), ("yq-router", "commitment-judge"), ("yq-router", "commitment-judged"),
    ("yq-router", "commitment-claimed"), ("yq-router", "commitment-answered")])
def test_killed_at_any_point_it_is_answered_in_the_end(home, program, point):
    _, objects = send(home, 2)
    receiving.await_indexed(home)
    transaction = dicomgen.new_uid()
    with Called() as device:
        home.yqctl("device", "commitment", "CT1", "--port", device.port)
        home.stop(program)
        home.start(program, YQ_KILL_AT=point)
        status = ask_and_leave(home, transaction, objects, stays=program == "yq-storescp")
        assert home.wait_ended(program) == -signal.SIGKILL
        # A lease that a dead program holds would end by itself; nobody wants to wait for it here.
        home.sql("UPDATE commitment SET worker_until = yq_now() WHERE worker IS NOT NULL")
        home.sql("UPDATE commitment SET linger_until = yq_now(), next_try_at = yq_now() WHERE state = 'judged'")
        home.start(program)
        if status is None and not home.sql(f"SELECT 1 FROM commitment WHERE transaction_uid = '{transaction}'"):
            # Not acknowledged and not there: the device asks again.
            assert ask_and_leave(home, transaction, objects, stays=False) == 0
        reports = device.await_reports(1)
    assert {(one.transaction, one.type) for one in reports} == {(transaction, 1)}
    await_state(lambda: row_of(home, transaction)["state"], "reported", lambda: home.log("yq-router"))


def ask_and_leave(home, transaction, objects, stays):
    """The status of the request, None when no answer came; who stays takes a report on the same association, if it comes."""
    from dicomraw import Gone
    status = None
    try:
        with Asking(home) as peer:
            status = peer.commit(transaction, pairs(objects))
            if stays:
                peer.await_report()
                peer.receive()
    except (Gone, OSError):
        pass
    return status


# ---- a device made of DCMTK ------------------------------------------------------------------------------------------------

def peer_of_dcmtk(*arguments, **more):
    return subprocess.Popen([BUILD / "tests" / "commitment_peer", *map(str, arguments)], stdout=subprocess.PIPE, text=True,
                            env={key: value for key, value in os.environ.items() if key != "TCP_NODELAY"}, **more)


def test_dcmtk_asks_and_hears_on_the_same_association(home):
    _, objects = send(home, 300, size=8)
    transaction = dicomgen.new_uid()
    named = [part for pair in pairs(objects) for part in pair]
    peer = peer_of_dcmtk("ask", home.dicom_port, "CT1", transaction, *named, "1.2.840.10008.5.1.4.1.1.2", "1.2.3.4.5")
    out, _ = peer.communicate(timeout=PATIENCE_S)
    assert (peer.returncode, out.splitlines()) == (0, ["status 0000", f"report 2 {transaction} held 300 failed 1"])


def test_dcmtk_asks_leaves_and_is_called(home):
    _, objects = send(home, 3)
    transaction, port = dicomgen.new_uid(), installation.free_port()
    named = [part for pair in pairs(objects) for part in pair]
    device = peer_of_dcmtk("called", port, "CT1")
    home.yqctl("device", "commitment", "CT1", "--host", "127.0.0.1", "--port", port)
    peer = peer_of_dcmtk("leave", home.dicom_port, "CT1", transaction, *named)
    assert peer.communicate(timeout=PATIENCE_S)[0] == "status 0000\n"
    assert device.communicate(timeout=PATIENCE_S)[0] == f"report 1 {transaction} held 3 failed 0\n"
    await_state(lambda: row_of(home, transaction)["state"], "reported", lambda: home.log("yq-router"))


def test_operators_see_them_and_old_ones_go(home):
    study, objects = send(home, 1)
    transactions = [dicomgen.new_uid(), dicomgen.new_uid()]
    with Asking(home) as peer:
        for transaction, wanted in zip(transactions, (pairs(objects), [*pairs(objects), (objects[0].sop_class, dicomgen.new_uid())])):
            assert peer.commit(transaction, wanted) == 0
            peer.await_report()
        assert peer.status(procedures.CREATE, procedures.MPPS, dicomgen.new_uid(), procedures.step("IN PROGRESS", study.study_uid, "A1")) == 0
    for transaction in transactions:
        await_state(lambda transaction=transaction: row_of(home, transaction)["state"], "reported")
    site = home.sql("SELECT s.name FROM device d JOIN scope s ON s.scope_id = d.site_id ORDER BY d.device_id LIMIT 1")[0][0]
    home.yqctl("account", "add", "op", "--name", "运维", "--site", site, "--role", "operator", "--password-stdin", input="an operator's pass phrase\n")
    home.start("yq-gateway")
    api = home.api()
    api.login("op", "an operator's pass phrase")
    shown = {one["transaction_uid"]: one for one in api.get("/api/v1/commitments?state=reported&limit=200").body["commitments"]}
    assert [(shown[one]["held"], shown[one]["instances"], shown[one]["last_error"]) for one in transactions] == [(1, 1, None), (1, 2, None)]
    page = api.get("/api/v1/commitments?limit=1").body
    assert page["commitments"][0]["transaction_uid"] == transactions[1] and page["next"]
    assert api.get(f"/api/v1/commitments?limit=1&after={page['next']}").body["commitments"][0]["transaction_uid"] == transactions[0]
    assert api.get("/api/v1/commitments?state=lost").status == 400
    step = api.get("/api/v1/performed-steps?state=in_progress").body["performed_steps"][0]
    assert (step["state"], step["named"], step["here"]) == ("in_progress", 0, 0) and step["study_id"]
    assert [one["state"] for one in api.get(f"/api/v1/studies/{step['study_id']}").body["performed_steps"]] == ["in_progress"]
    metrics = api.get("/metrics").body
    metrics = metrics if isinstance(metrics, str) else metrics.decode()
    assert 'yq_performed_steps{state="in_progress"} 1' in metrics and 'yq_performed_steps{state="completed"} 0' in metrics
    reported = int(home.sql("SELECT count(*) FROM commitment WHERE state = 'reported'")[0][0])
    assert f'yq_commitments{{state="reported"}} {reported}' in metrics

    waiting = home.sql("SELECT count(*) FROM commitment WHERE state NOT IN ('reported', 'dead')")
    home.sql(f"UPDATE commitment SET requested_at = yq_now() - interval '91 days' WHERE transaction_uid = '{transactions[0]}'")
    home.restart("yq-router")
    await_state(lambda: transactions[0] in {one["transaction_uid"] for one in home.yqctl("commitment", "list", json=True)}, False)
    assert row_of(home, transactions[1])["state"] == "reported", "what is younger stays"
    assert home.sql("SELECT count(*) FROM commitment WHERE state NOT IN ('reported', 'dead')") == waiting
    assert home.sql("SELECT count(*) FROM commitment_item i LEFT JOIN commitment c USING (commitment_id) WHERE c.commitment_id IS NULL") == [["0"]]
    # The device may ask about it again: it is a new request.
    with Asking(home) as peer:
        assert peer.commit(transactions[0], pairs(objects)) == 0
        assert peer.await_report().held == uids(objects)
