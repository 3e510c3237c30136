"""What an operator does at the pages: destinations held, released, retried and tested; what runs and waits; the audit searched."""

import pathlib
import socket
import subprocess
import sys
import time
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

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
    assert (target["length"], target["held_at"], target["is_enabled"]) == (0, None, True)
    base = f"/api/v1/destinations/{target['id']}"
    with site.api.events() as stream:
        assert site.api.post(base + "/hold", {"reason": "机房停电"}).status == 200
        assert any(target["id"] in event["data"] and "destination.hold" in event["data"] for event in [next(stream)])
    report, wanted = site.add_report()
    site.home.start("yq-router")
    # The other destination of the same site shows that the router had its turn.
    await_deliveries(site, destination_of(site, other)["id"], delivered_today=1)
    held = await_deliveries(site, target["id"], length=1)
    assert peer.holds() == {} and held["hold_reason"] == "机房停电" and held["held_at"] and held["oldest_at"]
    assert site.api.post(base + "/release").status == 200
    shown = await_deliveries(site, target["id"], length=0, delivered_today=1)
    assert shown["held_at"] is None and shown["hold_reason"] == "" and shown["last_delivered_at"]
    assert peer.holds() == wanted
    trail = site.home.sql(f"SELECT action, actor_kind, detail->>'reason' FROM audit WHERE subject = '{target['id']}' AND actor_kind = 'person' ORDER BY at")
    assert trail == [["destination.hold", "person", "机房停电"], ["destination.release", "person", ""]]


def test_what_died_or_was_refused_is_driven_again(site):
    peer = site.add_peer()
    peer.start("--refuse")
    refused, wanted = site.add_report()
    site.home.start("yq-router")
    site.await_state(refused, "quarantined")
    peer.end()
    dead, more = site.add_report()
    site.await_state(dead, "waiting")
    site.home.sql("UPDATE delivery SET state = 'dead' WHERE state = 'waiting'")
    target = destination_of(site, peer)
    assert (target["length"], target["failed"]) == (0, 2) and target["last_error"] and target["last_error_at"]
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
    peer.start("--refuse")
    report, _ = site.add_report()
    site.home.start("yq-router")
    site.await_state(report, "quarantined")
    listed = site.api.get(f"/api/v1/deliveries?state=quarantined&destination={destination_of(site, peer)['id']}").body["deliveries"]
    base = f"/api/v1/deliveries/{listed[0]['id']}"
    looker = site.home.api()
    looker.login("looker", PASSWORD)
    assert [looker.post(base + act).status for act in ("/retry", "/cancel")] == [403, 403], "an administrator looks"
    peer.end()
    peer.start()
    assert site.api.post(base + "/retry").status == 200
    site.await_state(report, "delivered")
    late = site.api.post(base + "/cancel")
    assert late.status == 409 and "delivered" in late.body["detail"]
    peer.end()
    unwanted, _ = site.add_report()
    site.await_state(unwanted, "waiting")
    listed = site.api.get(f"/api/v1/deliveries?state=waiting&destination={destination_of(site, peer)['id']}").body["deliveries"]
    base = f"/api/v1/deliveries/{listed[0]['id']}"
    assert site.api.post(base + "/retry").status == 409
    assert site.api.post(base + "/cancel").status == 200
    assert site.await_state(unwanted, "cancelled")


def test_a_test_says_how_far_one_comes(site):
    def steps(target):
        answer = site.api.post(f"/api/v1/destinations/{target}/test")
        assert answer.status == 200
        return [(step["step"], step["ok"]) for step in answer.body["steps"]], answer.body["steps"][-1]["detail"]

    peer = site.add_peer()
    target = destination_of(site, peer)["id"]
    got, why = steps(target)
    assert got == [("address", True), ("tcp", False)] and why
    peer.start()
    assert site.api.post(f"/api/v1/destinations/{target}/hold", {"reason": "检修"}).status == 200
    assert steps(target) == ([("address", True), ("tcp", True), ("association", True), ("echo", True)], "")
    peer.end()
    peer.start("--refuse")
    got, why = steps(target)
    assert got == [("address", True), ("tcp", True), ("association", False)] and "reject" in why.lower()
    peer.end()
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", peer.port))
        mute.listen()
        got, why = steps(target)
        assert got == [("address", True), ("tcp", True), ("association", False)] and why
    site.home.yqctl("destination", "add", "--site", "SAMPLE", "--ae-title", "PACS", "--host", "nobody.invalid", "--port", "104")
    lost = next(one for one in site.api.get("/api/v1/destinations").body["destinations"] if one["host"] == "nobody.invalid")
    got, why = steps(lost["id"])
    assert got == [("address", False)] and why
    noted = site.home.sql(f"SELECT detail->>'step', detail->>'ok' FROM audit WHERE action = 'destination.test' AND subject = '{lost['id']}'")
    assert noted == [["address", "false"]]


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
        connection, _ = mute.accept()
        with connection:
            # The peer has its association request and keeps silent: the test is in the middle.
            assert connection.recv(10)
            busy = site.home.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'yq-gateway' AND state <> 'idle'")
            assert busy == [["0"]]
            assert site.api.get("/api/v1/destinations").status == 200
        assert asked.communicate(timeout=PATIENCE_S)[0].strip() == "3"


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
