"""What an operator does at the pages: destinations held, released, retried and tested; what runs and waits; the audit searched."""

import json
import pathlib
import re
import socket
import subprocess
import sys
import threading
import time
import uuid

import pytest

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "tests" / "support"))

from hosts import await_true  # noqa: E402
from installation import Installation  # noqa: E402
from returning import PATIENCE_S, QUICK, Site  # noqa: E402
from scene import PASSWORD, PASSWORD_HASH, Scene  # noqa: E402

# --- queues: a real destination, a real router ----------------------------------------------------------------------------

PEOPLE = f"""
INSERT INTO person (account, name, password_hash, institution_id, seat_id)
SELECT a.account, a.account, '{PASSWORD_HASH}', s.site_id, s.site_id FROM site s, (VALUES ('keeper'), ('looker')) AS a (account)
WHERE s.code = 'LEAD';
INSERT INTO person_right (person_id, role, scope_id)
SELECT p.person_id, r.role, c.scope_id FROM scope c, person p
JOIN (VALUES ('keeper', 'operator'), ('looker', 'administrator')) AS r (account, role) USING (account) WHERE c.kind = 'community';
"""


@pytest.fixture(scope="module")
def one_site():
    with Installation(QUICK) as home:
        site = Site(home)
        home.sql(PEOPLE)
        home.start("yq-gateway")
        site.api = home.api()
        site.api.login("keeper", PASSWORD)
        try:
            yield site
        finally:
            site.clear()


@pytest.fixture
def site(one_site):
    yield one_site
    one_site.clear()


def destination_of(site, peer):
    return next(one for one in site.api.get("/api/v1/destinations").body["destinations"] if one["port"] == peer.port)


def await_deliveries(site, destination, **wanted):
    """Until the destination shows these numbers."""
    until = time.monotonic() + PATIENCE_S
    while True:
        shown = next(one for one in site.api.get("/api/v1/destinations").body["destinations"] if one["id"] == destination)
        if all(shown[name] == value for name, value in wanted.items()):
            return shown
        assert time.monotonic() < until, shown


def test_nothing_leaves_to_a_held_destination_until_it_is_released(site):
    peer, other = site.add_peer(), site.add_peer()
    peer.start()
    other.start()
    target = destination_of(site, peer)
    assert (target["waiting"], target["held_at"], target["is_enabled"]) == (0, None, True)
    base = f"/api/v1/destinations/{target['id']}"
    with site.api.events() as stream:
        assert site.api.post(base + "/hold", {"reason": "机房停电"}).status == 200
        assert any(target["id"] in event["data"] and "destination.hold" in event["data"] for event in [next(stream)])
    report, wanted = site.add_report()
    site.home.start("yq-router")
    # The other destination of the same site shows that the router had its turn.
    await_deliveries(site, destination_of(site, other)["id"], delivered_today=1)
    held = await_deliveries(site, target["id"], waiting=1)
    assert peer.holds() == {} and held["held_reason"] == "机房停电" and held["held_at"] and held["oldest_at"]
    assert site.api.post(base + "/release").status == 200
    shown = await_deliveries(site, target["id"], waiting=0, under_way=0, delivered_today=1)
    assert shown["held_at"] is None and shown["held_reason"] == "" and shown["last_success_at"] and shown["rate_per_hour"] == 1
    assert peer.holds() == wanted
    trail = site.home.sql(f"SELECT action, actor_kind, detail->>'reason' FROM audit WHERE subject = '{target['id']}' AND actor_kind = 'person' ORDER BY at")
    assert trail == [["destination.hold", "person", "机房停电"], ["destination.release", "person", ""]]


def end_as(site, report, state):
    """A delivery that waits ends as refused or dead, between two tries of the router."""
    until = time.monotonic() + PATIENCE_S
    while not site.home.sql(f"""BEGIN; ALTER TABLE delivery DISABLE TRIGGER delivery_transition;
        UPDATE delivery d SET state = '{state}' FROM report_version v WHERE v.report_version_id = d.report_version_id
            AND v.public_id = '{report}' AND d.state = 'waiting' RETURNING d.public_id;
        ALTER TABLE delivery ENABLE TRIGGER delivery_transition; COMMIT"""):
        assert time.monotonic() < until, site.deliveries(report)


def test_what_died_or_was_refused_is_driven_again(site):
    peer = site.add_peer()
    refused, wanted = site.add_report()
    site.home.start("yq-router")
    site.await_state(refused, "waiting")
    end_as(site, refused, "quarantined")
    dead, more = site.add_report()
    site.await_state(dead, "waiting", "sending")
    end_as(site, dead, "dead")
    target = destination_of(site, peer)
    assert (target["waiting"], target["refused"], target["dead"]) == (0, 1, 1) and target["last_error"] and target["last_error_at"]
    listed = site.api.get(f"/api/v1/deliveries?destination={target['id']}").body["deliveries"]
    assert {(one["state"], one["destination"]["id"]) for one in listed} == {("quarantined", target["id"]), ("dead", target["id"])}
    peer.start()
    assert site.api.post(f"/api/v1/destinations/{target['id']}/retry").body == {"requeued": 2}
    site.await_state(refused, "delivered")
    site.await_state(dead, "delivered")
    assert peer.holds() == {**wanted, **more}
    assert site.api.post(f"/api/v1/destinations/{target['id']}/retry").body == {"requeued": 0}


def test_one_delivery_by_hand(site):
    peer = site.add_peer()
    report, _ = site.add_report()
    site.home.start("yq-router")
    site.await_state(report, "waiting", "sending")
    end_as(site, report, "quarantined")
    listed = site.api.get(f"/api/v1/deliveries?state=quarantined&destination={destination_of(site, peer)['id']}").body["deliveries"]
    base = f"/api/v1/deliveries/{listed[0]['id']}"
    looker = site.home.api()
    looker.login("looker", PASSWORD)
    assert [looker.post(base + act).status for act in ("/retry", "/cancel")] == [403, 403], "an administrator looks"
    peer.start()
    assert site.api.post(base + "/retry").status == 200
    site.await_state(report, "delivered")
    late = site.api.post(base + "/cancel")
    assert late.status == 409 and "delivered" in late.body["detail"]
    peer.end()
    unwanted, _ = site.add_report()
    site.await_state(unwanted, "waiting")
    site.home.stop("yq-router")
    site.await_state(unwanted, "waiting", "pending")
    listed = site.api.get(f"/api/v1/deliveries?destination={destination_of(site, peer)['id']}").body["deliveries"]
    listed = [one for one in listed if one["state"] in ("waiting", "pending")]
    base = f"/api/v1/deliveries/{listed[0]['id']}"
    assert site.api.post(base + "/retry").status == 200, "what waits is due now"
    assert site.api.post(base + "/cancel").status == 200
    assert site.await_state(unwanted, "cancelled")


def test_a_test_says_how_far_one_comes(site):
    def steps(target):
        answer = site.api.post(f"/api/v1/destinations/{target}/test")
        assert answer.status == 200
        return [(step["name"], step["is_ok"]) for step in answer.body["steps"]], answer.body["steps"][-1]["text"]

    peer = site.add_peer()
    target = destination_of(site, peer)["id"]
    got, why = steps(target)
    assert got == [("name", True), ("tcp", False)] and why
    peer.start()
    assert site.api.post(f"/api/v1/destinations/{target}/hold", {"reason": "检修"}).status == 200
    got, why = steps(target)
    assert got == [(step, True) for step in ("name", "tcp", "association", "echo", "storage", "lossless", "proof")]
    assert why == "its answers only"
    peer.end()
    peer.start("--refuse")
    got, why = steps(target)
    assert got == [("name", True), ("tcp", True), ("association", False)] and "reject" in why.lower()
    peer.end()
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", peer.port))
        mute.listen()
        got, why = steps(target)
        assert got == [("name", True), ("tcp", True), ("association", False)] and why
    site.home.yqctl("destination", "add", "--site", "SAMPLE", "--ae-title", "PACS", "--host", "nobody.invalid", "--port", "104")
    lost = next(one for one in site.api.get("/api/v1/destinations").body["destinations"] if one["host"] == "nobody.invalid")
    got, why = steps(lost["id"])
    assert got == [("name", False)] and why
    noted = site.home.sql(f"SELECT detail->>'step', detail->>'ok' FROM audit WHERE action = 'destination.test' AND subject = '{lost['id']}'")
    assert noted == [["name", "false"]]


def test_a_test_holds_no_session_of_the_ledger(site):
    """A gateway whose one spare session were held by the test could not answer anybody meanwhile."""
    peer = site.add_peer()
    target = destination_of(site, peer)["id"]
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", peer.port))
        mute.listen()
        asked = subprocess.Popen([sys.executable, "-c", f"""
import sys
sys.path.insert(0, {str(pathlib.Path(__file__).resolve().parents[1] / 'support')!r})
from installation import Api
api = Api({site.home.http_port})
api.cookie, api.csrf = {site.api.cookie!r}, {site.api.csrf!r}
print(len(api.post("/api/v1/destinations/{target}/test").body["steps"]))"""], stdout=subprocess.PIPE, text=True)
        mute.accept()[0].close()  # the step that only connects
        connection, _ = mute.accept()
        with connection:
            # The peer has its association request and keeps silent: the test is in the middle.
            assert connection.recv(10)
            # The gateway looks at the ledger now and then by itself; a session of the test's would be busy all the time.
            await_true("no session is busy", lambda: site.home.sql(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'yq-gateway' AND state <> 'idle'") == [["0"]])
            assert site.api.get("/api/v1/destinations").status == 200
        assert asked.communicate(timeout=PATIENCE_S)[0].strip() == "3"


# --- destinations by hand ---------------------------------------------------------------------------------------------------


def site_of(site):
    return site.home.sql("SELECT public_id FROM scope JOIN site ON site_id = scope_id WHERE code = 'SAMPLE'")[0][0]


def certificate(folder, name, days="30"):
    """A certificate of our own making and its key, as text."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder / "key.pem",
                    "-subj", f"/CN={name}", "-days", days, "-out", folder / "certificate.pem"], check=True, capture_output=True)
    return (folder / "certificate.pem").read_text(), (folder / "key.pem").read_text()


def test_a_destination_is_added_changed_and_removed_at_the_page(site, tmp_path):
    pem, key = certificate(tmp_path, "yingqiao")
    form = {"site": site_of(site), "protocol": "fhir", "name": "卫健平台", "url": "https://fhir.example/r4", "tls": "mutual", "certificate_pem": pem,
            "send_windows": "20:00-06:00", "secret": {"token": "hush-hush", "private_key_pem": key}}
    keyless = site.api.post("/api/v1/destinations", form)
    assert keyless.status == 409 and "yqctl ca init" in keyless.body["detail"]
    site.home.yqctl("ca", "init")
    made = site.api.post("/api/v1/destinations", form)
    assert made.status == 201, made.body
    one = made.body
    base = f"/api/v1/destinations/{one['id']}"
    assert (one["secrets"], one["certificates"][0]["subject"], one["certificates"][0]["days_left"] in (29, 30)) == (["token", "private_key_pem"], "CN=yingqiao", True)
    assert one["updated_by"] == "keeper" and one["tls"] == "mutual" and one["may"] and len(one["clock"]) == 5
    assert site.api.post("/api/v1/destinations", form).status == 409, "it is there already"
    assert site.api.get(base).body == one
    changed = site.api.patch(base, {"updated_at": one["updated_at"], "rate_kbit": 4000, "secret": {"token": "more-hush"}})
    assert (changed.status, changed.body["rate_kbit"], changed.body["secrets"], changed.body["url"]) == (200, 4000, one["secrets"], one["url"])
    late = site.api.patch(base, {"updated_at": one["updated_at"], "notes": "too late"})
    assert late.status == 409 and "keeper" in late.body["detail"]
    for wrong, why in [({"url": "https://u:p@fhir.example/"}, "user and password"), ({"ae_title": "X"}, "no AE title"), ({"tls": "maybe"}, "one of these"),
                       ({"rate_kbit": 1}, "16 to"), ({"id": "x"}, "no setting"), ({"certificate_pem": key}, "private key in it"),
                       ({"secret": {"private_key_pem": ""}}, "private key is missing")]:
        got = site.api.patch(base, {"updated_at": changed.body["updated_at"], **wrong})
        assert (got.status, why in got.body["detail"]) == (400, True), (wrong, got.body)
    everything = [site.api.get(base).body, site.api.get("/api/v1/destinations").body, site.home.log("yq-gateway"),
                  site.home.sql(f"SELECT detail FROM audit WHERE subject = '{one['id']}'"), site.home.yqctl("destination", "show", one["id"], json=True)]
    assert "hush" not in str(everything) and "PRIVATE KEY" not in str(everything), "a secret never comes out"
    trail = [row[0] for row in site.home.sql(f"SELECT action FROM audit WHERE subject = '{one['id']}' ORDER BY sequence")]
    assert trail == ["destination.add", "destination.edit"]
    assert site.api.delete(base).status == 200
    assert site.api.get(base).status == 404
    assert site.home.sql(f"SELECT kind FROM event WHERE subject_id = '{one['id']}' ORDER BY event_id") == [["destination.add"], ["destination.edit"], ["destination.remove"]]


def test_two_edits_at_once_are_one_and_a_conflict(site):
    made = site.api.post("/api/v1/destinations", {"site": site_of(site), "protocol": "hl7", "host": "his.example", "port": 2575}).body
    base = f"/api/v1/destinations/{made['id']}"
    answers = []
    barrier = threading.Barrier(2)

    def change(notes):
        api = site.home.api()
        api.cookie, api.csrf = site.api.cookie, site.api.csrf
        barrier.wait()
        answers.append(api.patch(base, {"updated_at": made["updated_at"], "notes": notes}).status)

    threads = [threading.Thread(target=change, args=(notes,)) for notes in "ab"]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(answers) == [200, 409]
    assert site.api.delete(base).status == 200


def test_one_delivery_is_shown_with_its_tries_objects_and_proof(site):
    peer = site.add_peer()
    report, wanted = site.add_report()
    site.home.start("yq-router")
    site.await_state(report, "waiting")
    target = destination_of(site, peer)["id"]
    listed = site.api.get(f"/api/v1/deliveries?destination={target}&state=waiting,pending,sending").body["deliveries"]
    one = site.api.get(f"/api/v1/deliveries/{listed[0]['id']}").body
    assert one["items_by_state"] == {"pending": 2} and one["tries"][-1]["outcome"] == "failed" and one["tries"][-1]["error"]
    study = one["study_instance_uid"]
    for query, found in [(f"study={study}", 1), (f"study={one['study_id']}", 1), ("study=1.2.3", 0), ("older=1", 0), (f"site={site_of(site)}", 1), ("state=dead", 0)]:
        shown = site.api.get(f"/api/v1/deliveries?destination={target}&{query}").body["deliveries"]
        assert (query, len(shown)) == (query, found)
    for query in ["study=x", "older=0", "state=waiting,", "state=moving"]:
        assert (query, site.api.get(f"/api/v1/deliveries?{query}").status) == (query, 400)
    peer.start()
    assert site.api.post(f"/api/v1/destinations/{target}/retry").body == {"requeued": 0}, "what waits goes at once"
    site.await_state(report, "delivered")
    one = site.api.get(f"/api/v1/deliveries/{one['id']}").body
    assert {item["sop_instance_uid"] for item in one["objects"]} == set(wanted)
    assert all(item["state"] == "confirmed" and item["confirmed_at"] for item in one["objects"])
    assert (one["items"], one["confirmed"], one["tries"][0]["outcome"], one["state"]) == (2, 2, "confirmed", "delivered")
    done = site.api.post("/api/v1/deliveries/cancel", {"ids": [one["id"], str(uuid.uuid4())]}).body
    assert done["done"] == 0 and [row["id"] for row in done["left"]][0] == one["id"] and "delivered" in done["left"][0]["detail"]
    for wrong in [{}, {"ids": []}, {"ids": ["x"]}, {"ids": [str(uuid.uuid4())] * 201}]:
        assert site.api.post("/api/v1/deliveries/retry", wrong).status == 400


# --- metrics, the board and the rules ------------------------------------------------------------------------------------------


def exported(site):
    text = site.home.api().get("/metrics").body.decode()
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M))
    names = set(kinds) | {name + part for name, kind in kinds.items() if kind == "histogram" for part in ("_bucket", "_sum", "_count")}
    return text, names


def test_every_metric_of_the_board_and_the_rules_is_exported(site):
    _, names = exported(site)
    board = json.loads((TREE / "deploy" / "grafana" / "deliveries.json").read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]] + [one["query"]["query"] for one in board["templating"]["list"] if one["type"] == "query"]
    rules = (TREE / "deploy" / "prometheus" / "deliveries.yml").read_text()
    for text in [*asked, rules]:
        used = set(re.findall(r"\byq_\w+", text))
        assert used and used <= names, used - names
    runbook = (TREE / "docs" / "runbook-deliveries.md").read_text()
    for alert, link in zip(re.findall(r"- alert: (\w+)", rules), re.findall(r"runbook: docs/runbook-deliveries.md#(\w+)", rules), strict=True):
        assert alert.lower() == link and f"### {alert}\n" in runbook, alert


def test_histograms_count_what_was_delivered_and_survive_a_restart(site):
    def counts():
        text, _ = exported(site)
        found = {key: float(value) for key, value in re.findall(r"^(yq_delivery_\w+\{[^}]*\}) (\S+)$", text, re.M)}
        return found, lambda name: found.get(name, 0.0)

    _, before = counts()
    peer = site.add_peer()
    peer.start()
    report, _ = site.add_report()
    site.home.start("yq-router")
    site.await_state(report, "delivered")
    found, after = counts()
    whole = 'yq_delivery_seconds_count{protocol="dicom",outcome="delivered"}'
    assert after(whole) == before(whole) + 1
    for name in ('yq_delivery_attempt_seconds_count{protocol="dicom",outcome="confirmed"}', 'yq_delivery_wait_seconds_count{protocol="dicom",rank="2"}'):
        assert after(name) >= before(name) + 1, name
    buckets = [value for key, value in found.items() if key.startswith('yq_delivery_seconds_bucket') and 'outcome="delivered"' in key]
    assert len(buckets) == 15 and sorted(buckets) == buckets and buckets[-1] == after(whole)
    site.home.restart("yq-gateway")
    assert counts()[1](whole) == after(whole)


# --- the state: the numbers of yqctl ---------------------------------------------------------------------------------------


def test_the_state_is_that_of_yqctl_status(site):
    site.home.start("yq-router")
    until = time.monotonic() + PATIENCE_S
    while len(running := {one["program"] for one in site.api.get("/api/v1/operations").body["programs"] if one["is_running"]}) < 3:
        assert time.monotonic() < until, running
    assert running == {"yq-storescp", "yq-router", "yq-gateway"}
    shown, status = site.api.get("/api/v1/operations").body, site.home.yqctl("status", json=True)
    assert shown["ledger"]["version"] == status["ledger"]["version"]
    assert {one["state"]: one["number"] for one in shown["tasks"]} == status["tasks"]
    assert {one["state"]: one["number"] for one in shown["deliveries"]} == status["deliveries"]
    flat = dict(status["attention"], signals=status["signals"]["open"],
                **{f"studies_{name}": number for name, number in status["studies"].items()})
    assert shown["waiting"] == flat
    assert shown["journal"] == {"objects": 0, "bytes": 0, "oldest_s": 0, "unplaced_objects": 0, "unplaced_bytes": 0}
    assert shown["room"]["state"] == status["room"]["state"] == "fine" and shown["room"]["store"].keys() == status["room"]["store"].keys()
    assert [(one["id"], one["state"]) for one in shown["hosts"]] == [(one["id"], one["state"]) for one in status["hosts"]] and len(shown["hosts"]) == 1
    objects = site.home.sql("SELECT sum(instance_count), sum(size_bytes) FROM study")[0]
    assert [shown["store"]["objects"], shown["store"]["object_bytes"]] == [int(number) for number in objects]
    assert shown["store"]["host"] == socket.gethostname() and shown["store"]["path"] == str(site.home.home / "store")
    assert 0 < shown["store"]["free_bytes"] <= shown["store"]["total_bytes"] and not shown["store"]["is_refusing"]
    assert shown["store"]["days_left"] is None, "not a whole day is known"


def test_a_store_without_room_says_that_it_refuses(site):
    site.home.restart("yq-gateway", YQ_STORE_RESERVE="100000 TiB")
    try:
        store = site.api.get("/api/v1/operations").body["store"]
        assert store["is_refusing"] and store["reserve_bytes"] == 100000 * 2**40
    finally:
        site.home.restart("yq-gateway")


# --- lists and the audit: two communities ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def home():
    with Installation() as installation:
        installation.scene = Scene(installation)
        installation.start("yq-gateway")
        yield installation


@pytest.fixture(scope="module")
def scene(home):
    return home.scene


def test_an_operator_sees_the_destinations_of_the_own_scope(scene):
    api = scene.login("operator1")
    assert {one["site"]["name"] for one in api.get("/api/v1/destinations").body["destinations"]} == {"E1", "E2"}
    scene.person("mixed1", "E1", [("operator", "E1"), ("reporter", "east")])
    scene.flush()
    mixed = scene.login("mixed1")
    assert {one["site"]["name"] for one in mixed.get("/api/v1/destinations").body["destinations"]} == {"E1"}
    other = f"/api/v1/destinations/{scene.destinations['E2']}"
    assert mixed.post(other + "/hold", {"reason": "x"}).status == 403, "seen as a reporter, held by nobody but an operator"
    assert mixed.post(other + "/test").status == 403
    assert mixed.post(f"/api/v1/deliveries/{scene.deliveries['E2']}/cancel").status == 403


def test_a_hold_needs_a_reason(scene):
    api, base = scene.login("operator1"), f"/api/v1/destinations/{scene.destinations['E1']}/hold"
    for body in [{}, {"reason": ""}, {"reason": 5}, {"reason": "x" * 501}, {"reason": "a\nb"}]:
        assert (body, api.post(base, body).status) == (body, 400)
    assert api.post(base, {"reason": "停电" * 250}).status == 200
    assert api.post(base.replace("hold", "release")).status == 200


def test_days_left_follow_from_what_came(scene):
    scene.study("E1", name="grown", arrived="yq_now() - interval '2 days'", with_task=False)
    scene.flush()
    scene.home.sql(f"UPDATE study SET size_bytes = 2::bigint << 30, instance_count = 4 WHERE public_id = '{scene.studies['grown']}'")
    store = scene.login("administrator1").get("/api/v1/operations").body["store"]
    room = store["free_bytes"] - store["reserve_bytes"]
    assert abs(store["days_left"] - room / 2**30) <= 1, "a GiB a day"
    assert store["objects"] == 4


def test_certificates_that_run_out(scene, tmp_path):
    def add(account, days, name):
        der = tmp_path / "certificate"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null",
                        "-utf8", "-subj", f"/CN={name}", "-outform", "DER", "-out", der], check=True, capture_output=True)
        scene.home.sql(f"""INSERT INTO signing_key (person_id, backend, certificate, valid)
            SELECT person_id, 'pkcs11', '\\x{der.read_bytes().hex()}', tstzrange(yq_now() - interval '100 days', yq_now() + interval '{days} days')
            FROM person WHERE account = '{account}'""")

    add("reporter1", 10.5, "王建华")
    add("reviewer1", -1.5, "old")
    add("reporter2", 400, "fresh")
    add("reviewer2", 5, "replaced")
    add("reviewer2", 400, "its successor")
    add("reporter9", 5, "elsewhere")
    scene.home.sql(f"""INSERT INTO device (site_id, calling_ae, certificate_sha256, certificate_subject, certificate_until)
        SELECT scope_id, ae, sha256(ae::bytea), 'CN=' || ae, yq_now() + left_days * interval '1 day'
        FROM (VALUES ('{scene.scopes["E1"]}', 'SOON', 20.5), ('{scene.scopes["E1"]}', 'FRESH', 400), ('{scene.scopes["W1"]}', 'ELSEWHERE', 5)) v (site, ae, left_days)
        JOIN scope ON public_id::text = site""")
    operator = scene.login("operator1")
    shown = operator.get("/api/v1/operations").body["certificates"]
    assert [(one["kind"], one["person"], one["subject"], one["days_left"]) for one in shown] == [
        ("person", "Dr reviewer1", "CN=old", -2), ("person", "Dr reporter1", "CN=王建华", 10), ("device", "SOON", "CN=SOON", 20)]
    rows = {one["calling_ae"]: one["certificate"] for one in operator.get("/api/v1/devices").body["devices"]}
    assert (rows["SOON"]["days_left"], rows["SOON"]["subject"], len(rows["SOON"]["sha256"])) == (20, "CN=SOON", 64) and "ELSEWHERE" not in rows
    scene.home.sql("UPDATE device SET is_enabled = false WHERE calling_ae IN ('SOON', 'FRESH', 'ELSEWHERE')")


def claim(scene, site, name, typed):
    return f"""INSERT INTO identity_claim (site_id, patient_id, source, typed_id, name, sex, birth_text, content_hash)
        SELECT scope_id, (SELECT min(patient_id) FROM patient), 'image', '{typed}', '{name}', 'F', '1960', sha256('{uuid.uuid4()}')
        FROM scope WHERE public_id = '{scene.scopes[site]}' RETURNING claim_id, site_id"""


def test_what_waits_for_a_person(scene):
    reviews = {site: str(uuid.uuid4()) for site in ("E1", "W1")}
    for site, review in reviews.items():
        scene.home.sql(f"""WITH a AS ({claim(scene, site, 'LI^SI=李^四', 'P1')}), b AS ({claim(scene, site, 'WANG^WU=王^五', 'P1')})
            INSERT INTO identity_review (public_id, site_id, claim_id, other_claim_id, reason)
            SELECT '{review}', a.site_id, a.claim_id, b.claim_id, 'contradiction' FROM a, b;
            INSERT INTO quarantine (site_id, object_key, reason, arrived_at)
            SELECT scope_id, md5('{review}'), 'of {site}', yq_now() FROM scope WHERE public_id = '{scene.scopes[site]}'""")
    api = scene.login("operator1")
    page = api.get("/api/v1/identity-reviews?open=yes").body
    assert [one["id"] for one in page["reviews"]] == [reviews["E1"]] and page["next"] is None
    assert [(c["patient"]["display_name"], c["patient"]["birth_date"], c["source"]) for c in page["reviews"][0]["claims"]] == [
        ("王五", "1960", "image"), ("李四", "1960", "image")], "the known one first"
    assert api.get("/api/v1/identity-reviews?open=no").body["reviews"] == []
    assert [(one["reason"], one["site"]["name"], one["outcome"]) for one in api.get("/api/v1/quarantine").body["quarantined"]] == [("of E1", "E1", None)]
    assert api.get("/api/v1/conflicts").body == {"conflicts": [], "next": None}
    for query in ["identity-reviews?open=x", "identity-reviews?after=1", "quarantine?limit=0", "conflicts?limit=201"]:
        assert (query, api.get("/api/v1/" + query).status) == (query, 400)
    person = scene.persons["operator1"]
    looks = scene.home.sql(f"SELECT action, detail->'shown'->>0 FROM audit WHERE actor = '{person}' AND action IN ('identity.list', 'quarantine.list') ORDER BY at")
    assert looks[0] == ["identity.list", reviews["E1"]] and "quarantine.list" in [row[0] for row in looks]


def test_the_audit_search_finds_a_look_and_nothing_of_foreign_sites(scene):
    scene.person("foreign1", "W1", [("radiographer", "W1"), ("operator", "W1")])
    scene.flush()
    scene.login("clinician1").get("/api/v1/studies/" + scene.studies["E1"])
    scene.login("foreign1").get("/api/v1/studies/" + scene.studies["W1"])
    scene.login("foreign1").get("/api/v1/studies?limit=1")

    def found(account, query=""):
        answer = scene.login(account).get("/api/v1/audit?limit=500&" + query)
        assert answer.status == 200
        return answer.body["entries"]

    mine = found("quality_controller1", f"action=study.&subject={scene.studies['E1']}")
    assert mine and all(one["subject"] == scene.studies["E1"] and one["action"] == "study.view" for one in mine)
    look = next(one for one in mine if one["actor"] == scene.persons["clinician1"])
    assert (look["actor_name"], look["site"]["name"], look["outcome"], look["subject_kind"]) == ("Dr clinician1", "E1", "success", "study")
    assert look["program"].startswith("yq-gateway@")
    everything = found("operator1")
    foreign = {scene.scopes["W1"], scene.scopes["W0"]}
    assert not [one for one in everything if one["site"] and one["site"]["id"] in foreign]
    assert not [one for one in everything if one["actor"] == scene.persons["foreign1"]], "not even what has no site"
    assert {one["site"]["name"] for one in found("foreign1") if one["site"]} == {"W1"}
    assert found("foreign1", f"actor={scene.persons['clinician1']}") == []
    for actor in (scene.persons["clinician1"], "clinician1", "Dr%20clinician1"):
        assert look in found("operator1", "actor=" + actor), actor
    # A search is a record itself, and does not repeat what somebody typed.
    found("operator1", "actor=ZHANG%20SAN")
    searches = found("administrator1", f"action=audit.search&actor={scene.persons['operator1']}")
    assert searches and searches[0]["detail"]["actor"] == "(text)" and "ZHANG" not in str(searches)


def test_the_audit_comes_in_pages_of_its_order(scene):
    api = scene.login("operator1")
    for _ in range(5):
        api.get("/api/v1/studies?limit=1")
    whole = [one["id"] for one in api.get("/api/v1/audit?action=study.list&limit=500").body["entries"]]
    seen, after = [], ""
    while after is not None:
        page = api.get("/api/v1/audit?action=study.list&limit=2" + (f"&after={after}" if after else "")).body
        seen += [one["id"] for one in page["entries"]]
        after = page["next"]
    assert len(whole) >= 5 and seen == whole
    times = [one["at"] for one in api.get("/api/v1/audit?limit=500").body["entries"]]
    assert times == sorted(times, reverse=True)
    assert api.get("/api/v1/audit?from=2020-01-01&to=2020-12-31").body == {"entries": [], "next": None}
    assert api.get("/api/v1/audit?outcome=refused&action=api.").status == 200
    for query in ["from=x", "from=2026-02-01&to=2026-01-01", "action=%25", "action=Study", "outcome=x", "after=1", "limit=0", "limit=501",
                  "actor=" + "x" * 101, "subject=" + "x" * 257]:
        assert (query, api.get("/api/v1/audit?" + query).status) == (query, 400)
