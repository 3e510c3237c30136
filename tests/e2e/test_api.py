"""The JSON API as a person at a browser meets it: who may do what, sessions, events. The gateway runs alone; see tests/support/scene.py."""

import concurrent.futures
import contextlib
import pathlib
import re
import sys
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from tests.support.installation import TREE, Installation  # noqa: E402
from tests.support.messaging import await_true  # noqa: E402
from tests.support.scene import PASSWORD, ROLES, Scene  # noqa: E402


@pytest.fixture(scope="module")
def home():
    with Installation() as installation:
        installation.scene = Scene(installation)
        installation.start("yq-gateway")
        yield installation


@pytest.fixture(scope="module")
def scene(home):
    return home.scene


@pytest.fixture(scope="module")
def people(scene):
    """One session per role, and one without any."""
    return {role: scene.login(role + "1") for role in [*ROLES, "nobody"]}


# --- every route of the table -----------------------------------------------------------------------------------------

GROUPS = {
    "PATIENTS": {"radiographer", "clinician", "reporter", "reviewer", "duty_leader", "quality_controller", "operator"},
    "DOCTORS": {"reporter", "reviewer", "duty_leader"},
    "QUALITY": {"quality_controller"},
}


def routes():
    """The table itself, so that a new route is tested without being named here."""
    text = (TREE / "gateway" / "routes.c").read_text()
    found = re.findall(r'\{"([A-Z]+)", "([^"]+)", handle_\w+, \w+, ([A-Z_| ]+)\}', text)
    assert len(found) == len(re.findall(r"^\t\{", text, re.M)) and len(found) > 30
    for method, pattern, flags in found:
        words = set(flags.replace(" ", "").split("|"))
        roles = set().union(*(GROUPS.get(word, {word.lower()}) for word in words if not word.startswith("ROUTE_")))
        yield method, pattern, roles, words


ROUTES = list(routes())
GUARDED = [route for route in ROUTES if "ROUTE_ANYBODY" not in route[3]]
UNSAFE = [route for route in GUARDED if route[0] != "GET"]

BODIES = {
    "login": {"account": "reporter1", "password": "wrong password"},
    "password": {"old_password": "wrong password", "new_password": "another good one"},
    "submit": {"lease_token": str(uuid.uuid4()), "revision": 1, "study_version": 1, "password": PASSWORD},
    "draft": {"lease_token": str(uuid.uuid4()), "revision": 0, "body": {"findings": "x"}},
    "sign": {"lease_token": str(uuid.uuid4()), "password": PASSWORD},
    "send-back": {"lease_token": str(uuid.uuid4()), "remark": "look again"},
    "heartbeat": {"lease_token": str(uuid.uuid4())},
    "release": {"lease_token": str(uuid.uuid4())},
    "return": {"kind": "retake", "reason": "blurred"},
    "no-influence": {"lease_token": str(uuid.uuid4()), "reason": "the same view again"},
    "complete": {"reason": "no lateral view was taken"},
    "answer": {"answer": "here it is"},
    "cancel": {"reason": "twice"},
    "decide": {"decision": "keep", "reason": "looked"},
    "corrections": {"revision": 0, "fields": {}, "reason": "looked"},
    "close": {"reason": "looked"},
    "reopen": {"reason": "looked"},
    "check": {"body": {"findings": "x"}},
    "phrases": {"shortcut": "walk", "text": "as the walk types it"},
    "{phrase}": {"shortcut": "walk", "text": "as the walk types it"},
    "next": {"work": "write", "modality": "NONE"},
    "hold": {"reason": "moving house"},
    "reroute": {"reason": "asked"},
    "requests": {"name": "x", "sex": "M", "age_text": "45Y", "patient_class": "outpatient", "modality": "CT", "body_part": "HEAD"},
    "{request}": {"name": "x", "sex": "M", "age_text": "45Y", "patient_class": "outpatient", "modality": "CT", "body_part": "HEAD"},
    "match": {"request_id": str(uuid.uuid4())},
    "unmatch": {"reason": "not the same"},
    "critical-values": {"item": "pneumothorax"},
    "notify": {"contact": "Dr x", "is_physician": True},
    "read-back": {"read_back": "pneumothorax", "physician_name": "Dr x"},
    "handle": {"handling": "drained"},
    "follow": {"kind": "correction", "reason": "misread"},
    "preview": {"kind": "edit_patient", "patient": {"name": "x"}},
    "corrections": {"kind": "edit_patient", "patient": {"name": "x"}, "reason": "misspelt", "revision": "0-0"},
    "key-images": {"instance": "1.2.3", "frame": 1, "is_key": True},
    "undo": {"reason": "misread", "revision": "0-0"},
    "settle": {"outcome": "same", "reason": "asked"},
    "state": {"00741000": {"vr": "CS", "Value": ["IN PROGRESS"]}, "00081195": {"vr": "UI", "Value": ["1.2.3"]}},
    "questions": {"lease_token": str(uuid.uuid4()), "question": "since when?"},
}


def body_of(scene, method, pattern):
    if method == "GET":
        return None
    name = pattern.rsplit("/", 1)[1]
    if name in ("assign", "hand-over"):
        return {"to": scene.persons["reporter1"], "reason": "needed there", "lease_token": str(uuid.uuid4())}
    if pattern.startswith("/api/v1/quarantine") and name == "corrections":
        return {"revision": 0, "fields": {}, "reason": "looked"}
    if pattern.startswith("/api/v1/destinations") and name in ("destinations", "{destination}"):
        return {"site": scene.scopes["E1"], "protocol": "hl7", "host": "his.example", "port": 2575, "updated_at": "x"}
    if pattern.startswith("/api/v1/deliveries/"):
        return {"ids": [str(uuid.uuid4())]} if "{" not in pattern else {}
    if pattern.startswith("/api/v1/studies/") and name == "release":
        return {"reason": "asked"}
    if pattern.startswith("/api/v1/rules/"):
        return {"base_version": 1, "rule": {"priority": 1}} if name == "{rule}" else {"base_version": 1}
    if pattern.startswith("/api/v1/agreements/"):
        return {"last_day": "2026-06-30"}
    if pattern.startswith("/api/v1/report-proposals"):
        return {"outcome": "no_influence", "reason": "misspelt"}
    return BODIES.get(name, {})


def address(scene, pattern, site="E1"):
    values = {"study": scene.studies[site], "task": scene.tasks[site], "report": str(uuid.uuid4()), "series": "1.2.3",
              "instance": "1.2.3.4", "frame": "1", "frames": "1", "path": "7FE00010", "of": "1.2", "release": "1", "folder": "assets", "below": "a", "file": "a.js", "revision": "1", "phrase": str(uuid.uuid4()),
              **scene.things[site]}
    values |= {"destination": scene.destinations[site], "delivery": scene.deliveries[site]}
    # Those of a foreign site are tested in test_corrections.py.
    values |= {"review": str(uuid.uuid4()), "proposal": str(uuid.uuid4())}
    # With real ones of a site: test_doubts.py.
    values |= {"conflict": str(uuid.uuid4()), "object": str(uuid.uuid4()), "which": "other"}
    # Of every site: test_rules.py.
    values |= {"rule": str(uuid.uuid4()), "agreement": str(uuid.uuid4()), "duty": str(uuid.uuid4())}
    # A figure is of no site; whose figures somebody sees is tested in test_figures.py.
    values |= {"workitem": scene.workitems[site], "aetitle": "WS1"}
    values["figure"] = "positive_rate" if site[0] == "E" else "no_such_figure"
    if pattern.startswith(("/dicom-web", "/api/v1/viewer/")):
        values["study"] = "1.2"
    return pattern.format(**values)


def ids(route):
    return f"{route[0]} {route[1]}"


@pytest.mark.parametrize("route", [r for r in GUARDED if "ROUTE_VISITOR" not in r[3]], ids=ids)
def test_without_login_401(home, scene, route):
    method, pattern, _, _ = route
    # As from behind a proxy: the machine itself may look at the metrics.
    got = home.api().request(method, address(scene, pattern), body_of(scene, method, pattern), {"X-Forwarded-For": "10.0.0.9"})
    assert got.status == 401 and got.body["kind"] == "refused"


@pytest.mark.parametrize("route", [r for r in GUARDED if "ROUTE_VISITOR" in r[3]], ids=ids)
def test_a_visitor_is_sent_to_log_in_and_back(home, scene, route):
    method, pattern, _, _ = route
    ended = {"Cookie": "yq_session=" + "0" * 64}
    for headers in ({}, ended):
        for query, kept in [("", ""), ("?StudyInstanceUIDs=1.2.3,2.25.7", "?StudyInstanceUIDs=1.2.3,2.25.7"), ("?StudyInstanceUIDs=", ""),
                            ("?StudyInstanceUIDs=//elsewhere.example", ""), ("?StudyInstanceUIDs=1%0d%0aSet-Cookie:%20a=b", ""),
                            ("?StudyInstanceUIDs=" + "1" * 1301, ""), ("?next=//elsewhere.example", "")]:
            got = home.api().request(method, pattern + query, None, headers)
            assert (got.status, got.body, got.headers["Location"], got.headers["Set-Cookie"]) == (303, b"", "/login?next=/viewer" + kept, None)


@pytest.mark.parametrize("route", [r for r in GUARDED if "ROUTE_LOGGED_IN" not in r[3]], ids=ids)
def test_wrong_role_403(people, scene, route):
    method, pattern, roles, words = route
    if "ROUTE_WATCHER" in words:
        roles = {"administrator", "operator"}
    for role in [*ROLES, "nobody"]:
        if role in roles:
            continue
        got = people[role].request(method, address(scene, pattern), body_of(scene, method, pattern),
                                   {"X-Forwarded-For": "10.0.0.9"})
        assert (role, got.status) == (role, 403)


@pytest.mark.parametrize("route", UNSAFE, ids=ids)
def test_unsafe_methods_need_token_and_origin(people, scene, route):
    method, pattern, roles, _ = route
    api = people[sorted(roles)[0] if roles else "nobody"]
    refused = [
        {"X-CSRF-Token": None},
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "0" * 64},
        {"X-CSRF-Token": people["radiographer" if api is not people["radiographer"] else "operator"].csrf},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ]
    for headers in refused:
        got = api.request(method, address(scene, pattern), body_of(scene, method, pattern), headers)
        assert (headers, got.status) == (headers, 403)


# STOW-RS: the study of the address may be a new one, the site is that of the sender; see test_stow.py. A channel of events is of no site; see test_ups.py.
PLACED = [r for r in GUARDED if "{" in r[1] and r[:2] not in [("POST", "/dicom-web/studies/{study}"), ("GET", "/dicom-web/subscribers/{aetitle}")]]


@pytest.mark.parametrize("route", PLACED, ids=ids)
def test_foreign_site_404(people, scene, route):
    """Everybody with a right role, at a study and task that exist, in a community that the rights do not reach."""
    method, pattern, roles, _ = route
    # A heartbeat is one statement that only finds a lease or none, whatever else the matter is.
    want = 409 if pattern.endswith("/heartbeat") else 404
    if pattern.startswith(("/api/v1/agreements/", "/api/v1/duties/")):
        want = 403  # what holds for every site, whoever asks is of one
    for role in sorted(roles):
        body = body_of(scene, method, pattern)
        got = people[role].request(method, address(scene, pattern, "W1"), body)
        assert (role, got.status) == (role, want), got.body
        invented = people[role].request(method, re.sub(r"\{\w+\}", str(uuid.uuid4()), pattern), body)
        if not pattern.startswith(("/dicom-web", "/api/v1/rules/")):  # rules are of no site, and one that is not there is named
            assert (invented.status, invented.body["detail"]) == (want, got.body["detail"]), "what is foreign looks like what is not there"


@pytest.fixture(scope="module")
def objects(home, scene):
    """UIDs of an object of each site; its bytes are missing."""
    made = {}
    for site in ("E1", "W1"):
        made[site] = {"series": f"1.2.{ord(site[0])}", "instance": f"1.2.3.{ord(site[0])}"}
        home.sql(f"""WITH e AS (INSERT INTO series (study_id, site_id, series_instance_uid) SELECT study_id, site_id, '{made[site]["series"]}' FROM study
                                WHERE public_id = '{scene.studies[site]}' RETURNING series_id, site_id)
                     INSERT INTO instance (site_id, series_id, origin, sop_class_uid, sop_instance_uid, transfer_syntax_uid, object_key, size_bytes,
                                           header_bytes, sha256, arrived_at, has_pixels)
                     SELECT site_id, series_id, 'device', '1.2.840.10008.5.1.4.1.1.2', '{made[site]["instance"]}', '1.2.840.10008.1.2.1',
                            md5('{site}'), 10, 10, sha256('{site}'), yq_now(), true FROM e;""")
        made[site]["study"], = home.sql(f"SELECT shown_uid FROM study WHERE public_id = '{scene.studies[site]}'")[0]
    yield made
    home.sql("DELETE FROM instance WHERE sop_instance_uid LIKE '1.2.3.%'; DELETE FROM series WHERE series_instance_uid LIKE '1.2.%'")


@pytest.mark.parametrize("route", [r for r in GUARDED if r[1].startswith("/dicom-web") and "{" in r[1] and "{aetitle}" not in r[1] and "{workitem}" not in r[1]], ids=ids)
def test_objects_of_a_foreign_site_404(people, objects, route):
    """Who reaches them learns that bytes are missing, or sees what the ledger has; who does not, that there is nothing."""
    _, pattern, roles, _ = route
    for role in sorted(roles):
        foreign = people[role].get(pattern.format(**objects["W1"], of=objects["W1"]["study"], frame=1, frames=1, path="7FE00010"), Accept="*/*")
        assert (role, foreign.status) == (role, 404)
        assert "the store" not in foreign.body["detail"]
        own = people[role].get(pattern.format(**objects["E1"], of=objects["E1"]["study"], frame=1, frames=1, path="7FE00010"), Accept="*/*")
        assert own.status == 200 or foreign.body["detail"] != own.body["detail"], (role, own)


@pytest.mark.parametrize("route", PLACED, ids=ids)
def test_nonsense_in_the_path_404(people, scene, route):
    method, pattern, roles, _ = route
    for nonsense in ["1", "..%2f..", "%27%20OR%201=1--", "0" * 400, "%E5%8F%B0"]:
        got = people[sorted(roles)[0]].request(method, re.sub(r"\{\w+\}", nonsense, pattern), body_of(scene, method, pattern))
        assert (nonsense, got.status) == (nonsense, 404)


def test_login_is_guarded_against_other_sites(home):
    for headers in [{"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}]:
        assert home.api().post("/api/v1/login", {"account": "reporter1", "password": PASSWORD}, **headers).status == 403
    own = {"Origin": f"http://127.0.0.1:{home.http_port}", "Sec-Fetch-Site": "same-origin"}
    assert home.api().post("/api/v1/login", {"account": "reporter1", "password": PASSWORD}, **own).status == 200


# --- sessions -----------------------------------------------------------------------------------------------------------


def test_cookie_and_me(home, scene):
    api = home.api()
    got = api.post("/api/v1/login", {"account": "reporter1", "password": PASSWORD})
    cookie = got.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie
    token = re.match(r"yq_session=([0-9a-f]{64});", cookie).group(1)
    assert scene.home.sql(f"SELECT count(*) FROM session WHERE token_sha256 = sha256('{token}'::bytea)") == [["1"]]
    assert scene.home.sql(f"SELECT count(*) FROM session s WHERE s::text LIKE '%{token}%'") == [["0"]]
    api.cookie = f"yq_session={token}"
    me = api.get("/api/v1/me").body
    assert (me["account"], me["roles"], me["institution"]["name"]) == ("reporter1", ["reporter"], "E0")
    assert me["rights"] == [{"role": "reporter", "scope": {"id": scene.scopes["east"], "kind": "community", "name": "east"}}]
    assert me["csrf_token"] == got.body["csrf_token"]


@pytest.mark.parametrize("cookie", ["", "yq_session=", "yq_session=" + "0" * 64, "yq_session=" + "z" * 64, "yq_session=x; a=b"])
def test_invented_sessions(home, cookie):
    assert home.api().get("/api/v1/me", Cookie=cookie).status == 401


def test_logout(scene):
    api = scene.login("reporter2")
    assert api.post("/api/v1/logout").status == 200
    assert api.get("/api/v1/me").status == 401


def test_account_made_inactive(scene):
    scene.person("leaver1", "E0", [("reporter", "east")])
    scene.flush()
    api = scene.login("leaver1")
    scene.home.sql("UPDATE person SET is_active = false WHERE account = 'leaver1'")
    assert api.get("/api/v1/me").status == 401
    assert scene.home.api().post("/api/v1/login", {"account": "leaver1", "password": PASSWORD}).status == 401


def test_right_revoked_works_at_once(scene):
    scene.person("mover1", "E0", [("reporter", "east")])
    scene.flush()
    api = scene.login("mover1")
    assert api.get("/api/v1/studies").status == 200
    scene.home.sql("""UPDATE person_right r SET revoked_at = yq_now() FROM person p
                      WHERE p.person_id = r.person_id AND p.account = 'mover1'""")
    assert api.get("/api/v1/studies").status == 403


def test_changed_password_ends_other_logins(scene):
    scene.person("changer1", "E0", [("reporter", "east")])
    scene.flush()
    one, other = scene.login("changer1"), scene.login("changer1")
    change = {"old_password": PASSWORD, "new_password": "something longer"}
    assert one.post("/api/v1/password", dict(change, old_password="not mine at all")).status == 403
    assert one.post("/api/v1/password", dict(change, new_password="short")).status == 400
    assert one.post("/api/v1/password", dict(change, new_password=PASSWORD)).status == 400
    assert one.post("/api/v1/password", change).status == 200
    assert one.get("/api/v1/me").status == 200
    assert other.get("/api/v1/me").status == 401
    assert scene.home.api().post("/api/v1/login", {"account": "changer1", "password": PASSWORD}).status == 401
    scene.home.api().login("changer1", "something longer")


def test_guessing_is_slowed_down_for_real_and_invented_accounts_alike(scene):
    scene.person("target1", "E0", [("reporter", "east")])
    scene.flush()
    for account in ("target1", "invented1"):
        answers = [scene.home.api().post("/api/v1/login", {"account": account, "password": f"wrong {i}"},
                                         **{"X-Forwarded-For": f"10.1.0.{i}"}).status for i in range(7)]
        assert answers == [401] * 6 + [429]
    # Also the right password waits.
    got = scene.home.api().post("/api/v1/login", {"account": "target1", "password": PASSWORD})
    assert got.status == 429 and "try again in" in got.body["detail"]


@pytest.mark.parametrize("body", [
    {}, {"account": "reporter1"}, {"password": PASSWORD}, {"account": None, "password": PASSWORD}, {"account": 7, "password": PASSWORD},
    {"account": "reporter1", "password": ["x"]}, {"account": "a" * 300, "password": "x"}, {"account": "reporter1", "password": "x" * 2000},
])
def test_malformed_logins(home, body):
    assert home.api().post("/api/v1/login", body).status == 400


def test_session_ends_by_silence(scene):
    """The clock of the programs is moved, nobody waits."""
    home = scene.home
    api = scene.login("reporter1")
    home.restart("yq-gateway", YQ_CLOCK_OFFSET="+7 h")
    assert api.get("/api/v1/me").status == 200, "7 of 8 hours"
    home.restart("yq-gateway", YQ_CLOCK_OFFSET="+14 h")
    assert api.get("/api/v1/me").status == 200, "7 hours after the last sign of life"
    home.restart("yq-gateway", YQ_CLOCK_OFFSET="+23 h")
    assert api.get("/api/v1/me").status == 401, "9 hours of silence"
    home.restart("yq-gateway")


# --- lists ----------------------------------------------------------------------------------------------------------------


def test_studies_come_in_pages(scene, people):
    for i in range(7):
        scene.study("E2", name=f"page{i}", arrived=f"yq_now() - interval '{i + 1} minutes'", with_task=False)
    scene.flush()
    api, seen, after = people["reporter"], [], ""
    while after is not None:
        page = api.get(f"/api/v1/studies?limit=3&site={scene.scopes['E2']}" + (f"&after={after}" if after else "")).body
        assert 0 < len(page["studies"]) <= 3
        seen += [study["id"] for study in page["studies"]]
        after = page["next"]
    assert len(seen) == len(set(seen)) and set(seen) == {scene.studies[n] for n in scene.studies if n == "E2" or n.startswith("page")}
    assert seen[1:] == [scene.studies[f"page{i}"] for i in range(7)], "the last that came first"


def test_study_filters(scene, people):
    scene.study("E1", name="arriving", state="receiving", with_task=False)
    scene.study("E1", name="old", arrived="timestamptz '2024-02-29 08:00+08'", with_task=False)
    scene.flush()
    api = people["reporter"]

    def found(query):
        return {study["id"] for study in api.get("/api/v1/studies?limit=200&" + query).body["studies"]}

    assert found("state=receiving") == {scene.studies["arriving"]}
    assert found("day=2024-02-29") == {scene.studies["old"]}
    assert scene.studies["E2"] not in found("site=" + scene.scopes["E1"])
    assert found("site=" + scene.scopes["W1"]) == set()
    for query in ["state=x", "site=1", "day=2023-02-29", "day=today", "limit=0", "limit=501", "matched=x", "ids=1", "ids=", "ids=" + ",".join([str(uuid.uuid4())] * 101), "limit=x", "after=1"]:
        assert (query, api.get("/api/v1/studies?" + query).status) == (query, 400)


def test_study_shows_all_that_hangs_on_it(scene, people):
    study = people["reporter"].get("/api/v1/studies/" + scene.studies["E1"]).body
    assert study["patient"]["display_name"] == "张三"
    assert [task["id"] for task in study["tasks"]] == [scene.tasks["E1"]]
    assert {"study.first_image", "study.complete", "task.opened"} <= {entry["event"] for entry in study["timeline"]}
    assert [entry["at"] for entry in study["timeline"]] == sorted(entry["at"] for entry in study["timeline"])


def test_a_study_is_found_by_the_uid_of_dicomweb_too(home, scene, people):
    uid, = home.sql(f"SELECT shown_uid FROM study WHERE public_id = '{scene.studies['E1']}'")[0]
    assert people["reporter"].get("/api/v1/studies/" + uid).body["id"] == scene.studies["E1"]
    elsewhere, = home.sql(f"SELECT shown_uid FROM study WHERE public_id = '{scene.studies['W1']}'")[0]
    for unknown in (elsewhere, "1.2.3", "1..2", "1" * 65, "1.2'"):
        assert people["radiographer"].get("/api/v1/studies/" + unknown).status == 404
    reader = scene.persons["reporter1"]
    looked = home.sql(f"SELECT action, subject, outcome FROM audit WHERE actor = '{reader}' ORDER BY sequence DESC LIMIT 1")
    assert [tuple(row) for row in looked] == [("study.view", scene.studies["E1"], "success")]


def test_submit_is_a_signal_not_a_state(scene, people):
    scene.study("E1", name="pressed", state="receiving", with_task=False)
    scene.flush()
    target = f"/api/v1/studies/{scene.studies['pressed']}/submit"
    assert people["radiographer"].post(target, {"patient_class": "x"}).status == 400
    assert people["radiographer"].post(target, {"patient_class": "emergency"}).status == 200
    study = people["radiographer"].get("/api/v1/studies/" + scene.studies["pressed"]).body
    assert study["state"] == "receiving" and "submit" in {signal["kind"] for signal in study["signals"]}


def test_queue_order(scene, people):
    for name, patient_class in [("q1", "health_check"), ("q2", "outpatient"), ("q3", "emergency"), ("q4", "inpatient")]:
        scene.study("E2", name=name, patient_class=patient_class)
    scene.flush()
    scene.home.sql(f"UPDATE reading_task SET due_at = yq_now() + interval '1 min' WHERE public_id = '{scene.tasks['q4']}'")
    tasks = [task["id"] for task in people["reporter"].get("/api/v1/queue?state=awaiting").body["tasks"]]
    order = [tasks.index(scene.tasks[name]) for name in ("q3", "q4", "q2", "q1")]
    assert order == sorted(order)
    assert scene.tasks["W1"] not in tasks
    cut = people["reporter"].get("/api/v1/queue?limit=1").body
    assert cut["total"] > 1 and [task["id"] for task in cut["tasks"]] == [scene.tasks["q3"]]


def test_queue_windows_and_filters(scene, people):
    scene.study("E1", name="needle", patient="孙%_九")
    scene.flush()
    api = people["reviewer"]
    whole = api.get("/api/v1/queue?limit=1000").body
    ids = [task["id"] for task in whole["tasks"]]
    assert whole["total"] == len(ids) == sum(whole["counts"]["state"].values()) == sum(whole["counts"]["patient_class"].values())
    windows = [api.get(f"/api/v1/queue?limit=2&offset={i}").body for i in range(0, len(ids), 2)]
    assert [task["id"] for page in windows for task in page["tasks"]] == ids
    assert {page["total"] for page in windows} == {len(ids)} and windows[1]["offset"] == 2
    assert whole["queues"] == [{"id": scene.queues["east"], "name": "queue of east"}]

    def found(query):
        return [task["id"] for task in api.get("/api/v1/queue?limit=1000&" + query).body["tasks"]]

    needle = scene.tasks["needle"]
    for q in ("%25_", "%E5%AD%99%25_%E4%B9%9D", "ng%20san=%E5%AD%99"):
        assert (q, found("q=" + q)) == (q, [needle])
    assert set(found("q=zhang%20SAN")) == set(ids)
    assert found("q=nobody%20of%20this%20name") == []
    typed = next(task["patient"]["id"] for task in whole["tasks"] if task["id"] == needle)
    assert found("q=" + typed) == [needle]
    assert needle in found("modality=CT") and found("modality=MR") == []
    assert needle in found("site=" + scene.scopes["E1"]) and needle not in found("site=" + scene.scopes["E2"])
    assert needle in found("queue=" + scene.queues["east"]) and found("queue=" + scene.queues["west"]) == []
    assert needle in found("patient_class=outpatient") and needle not in found("patient_class=emergency")
    assert found(f"ids={scene.tasks['E2']},{scene.tasks['W1']},{needle}") == [scene.tasks["E2"], needle], "in the order asked, nothing foreign"
    assert list(api.get("/api/v1/queue?ids=" + needle).body) == ["tasks"], "nothing is counted for known ones"
    for query in ["limit=1001", "limit=0", "offset=-1", "offset=1000001", "q=" + "x" * 65, "modality=ct", "patient_class=x", "site=1", "ids=",
                  "ids=1", "ids=" + ",".join([needle] * 101), f"ids={needle},"]:
        assert (query, api.get("/api/v1/queue?" + query).status) == (query, 400)


def test_task_with_all_that_belongs_to_it(scene, people):
    work = people["reviewer"].get("/api/v1/tasks/" + scene.tasks["E1"]).body
    assert work["task"]["id"] == scene.tasks["E1"] and work["request"] is None
    assert work["policy"] == {"signatures": 2, "needs_two_persons": True}
    assert work["may"] == {"write": True, "review": True, "lead": False}
    assert work["quality_scale"] == ["优", "良", "合格", "不合格"]
    may = people["duty_leader"].get("/api/v1/tasks/" + scene.tasks["E1"]).body["may"]
    assert may == {"write": False, "review": False, "lead": True}
    colleagues = people["duty_leader"].get(f"/api/v1/tasks/{scene.tasks['E1']}/colleagues").body["colleagues"]
    able = {person["id"]: (person["may_write"], person["may_review"]) for person in colleagues}
    assert able[scene.persons["reporter1"]] == (True, False) and able[scene.persons["reviewer1"]] == (True, True)
    assert scene.persons["duty_leader1"] not in able and scene.persons["reporter9"] not in able


def test_priors_are_of_the_same_patient_and_of_visible_sites(scene, people):
    for site, name in [("E1", "prior now"), ("E2", "prior then"), ("W1", "prior there")]:
        scene.study(site, name=name, with_task=False, arrived=f"yq_now() - interval '{len(name)} days'")
    scene.flush()
    same = ",".join(f"'{scene.studies[name]}'" for name in ("prior now", "prior then", "prior there"))
    scene.home.sql(f"""UPDATE identity_claim SET patient_id = (SELECT c.patient_id FROM study s JOIN identity_claim c USING (claim_id)
                           WHERE s.public_id = '{scene.studies["prior now"]}')
                       WHERE claim_id IN (SELECT claim_id FROM study WHERE public_id IN ({same}))""")
    priors = people["reporter"].get(f"/api/v1/studies/{scene.studies['prior now']}/priors").body["priors"]
    assert [prior["study"]["id"] for prior in priors] == [scene.studies["prior then"]] and priors[0]["report"] is None
    noted = scene.home.sql(f"SELECT count(*) FROM audit WHERE action = 'study.priors' AND subject = '{scene.studies['prior now']}'")
    assert noted == [["1"]]


# --- tasks ------------------------------------------------------------------------------------------------------------------


def test_fifty_parallel_takes_one_winner(scene):
    scene.study("E1", name="race")
    scene.flush()
    sessions = [scene.login(account) for account in ("reporter1", "reporter2", "reviewer1", "reviewer2") for _ in range(2)]
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        takes = [pool.submit(sessions[i % 8].post, f"/api/v1/tasks/{scene.tasks['race']}/take") for i in range(50)]
        answers = [take.result().status for take in takes]
    assert sorted(answers) == [200] + [409] * 49
    assert scene.home.sql(f"SELECT count(*) FROM workitem w JOIN reading_task t USING (task_id) "
                          f"WHERE t.public_id = '{scene.tasks['race']}' AND claimed_at IS NOT NULL") == [["1"]]


def test_take_heartbeat_release(scene, people):
    scene.study("E1", name="held")
    scene.flush()
    base = f"/api/v1/tasks/{scene.tasks['held']}"
    lease = people["reporter"].post(base + "/take").body
    token = {"lease_token": lease["lease_token"]}
    assert people["reporter"].post(base + "/heartbeat", token).status == 200
    assert people["reviewer"].post(base + "/heartbeat", token).status in (403, 409), "a token is the holder's own"
    assert people["reporter"].post(base + "/heartbeat", {"lease_token": str(uuid.uuid4())}).status == 409
    assert people["reporter"].post(base + "/resume").body["lease_token"] == lease["lease_token"]
    mine = [task for task in people["reporter"].get("/api/v1/queue?state=writing").body["tasks"] if task["is_mine"]]
    assert scene.tasks["held"] in {task["id"] for task in mine}
    assert people["reporter"].post(base + "/release", token).status == 200
    assert people["reporter"].post(base + "/heartbeat", token).status == 409
    assert people["reviewer"].post(base + "/take").status == 200


def test_killed_gateway_forgets_nobody(scene):
    """Sessions and leases are in the ledger; an answer that was lost is asked for again."""
    home = scene.home
    scene.study("E1", name="survivor")
    scene.flush()
    api = scene.login("reporter1")
    base = f"/api/v1/tasks/{scene.tasks['survivor']}"
    lease = api.post(base + "/take").body
    home.kill("yq-gateway")
    home.start("yq-gateway")
    assert api.post(base + "/heartbeat", {"lease_token": lease["lease_token"]}).status == 200
    assert api.post(base + "/resume").body["lease_token"] == lease["lease_token"]


def test_more_requests_than_threads(scene, people):
    """Each request holds one session of the ledger at a time, so that none waits for another."""
    target = f"/api/v1/tasks/{scene.tasks['E1']}/report"
    with concurrent.futures.ThreadPoolExecutor(60) as pool:
        asked = [pool.submit(people["reporter"].get, target) for _ in range(240)]
        assert {one.result().status for one in asked} == {200}


def test_expired_lease(scene):
    home = scene.home
    scene.study("E1", name="silent")
    scene.flush()
    api = scene.login("reporter1")
    base = f"/api/v1/tasks/{scene.tasks['silent']}"
    lease = api.post(base + "/take").body
    home.restart("yq-gateway", YQ_CLOCK_OFFSET="+16 min")
    try:
        assert api.post(base + "/heartbeat", {"lease_token": lease["lease_token"]}).status == 409
        assert api.post(base + "/release", {"lease_token": lease["lease_token"]}).status == 409
    finally:
        home.restart("yq-gateway")


def test_return_and_answer(scene, people):
    scene.study("E1", name="returned")
    scene.flush()
    base = f"/api/v1/tasks/{scene.tasks['returned']}"
    assert people["reporter"].post(base + "/return", {"kind": "x", "reason": "y"}).status == 400
    assert people["reporter"].post(base + "/return", {"kind": "request", "reason": ""}).status == 400
    assert people["reporter"].post(base + "/return", {"kind": "request", "reason": "左右不符"}).status == 200
    assert people["reporter"].post(base + "/take").status == 409
    assert people["clinician"].post(base + "/answer", {"answer": "已更正"}).status == 200
    assert people["reporter"].post(base + "/take").status == 200
    study = people["reporter"].get("/api/v1/studies/" + scene.studies["returned"]).body
    assert [(r["reason"], r["answer"]) for r in study["tasks"][0]["returns"]] == [("左右不符", "已更正")]


def test_assign_and_resume(scene, people):
    scene.study("E1", name="assigned")
    scene.flush()
    base = f"/api/v1/tasks/{scene.tasks['assigned']}"
    assert people["duty_leader"].post(base + "/assign", {"to": scene.persons["reporter2"], "reason": "turn"}).status == 200
    assert people["reporter"].post(base + "/resume").status == 409
    assert scene.login("reporter2").post(base + "/resume").body["state"] == "writing"


# --- audit ------------------------------------------------------------------------------------------------------------------


def test_every_look_is_audited(scene, people):
    api, person = people["quality_controller"], scene.persons["quality_controller1"]

    def looks():
        return [tuple(row) for row in scene.home.sql(
            f"SELECT action, subject, outcome FROM audit WHERE actor = '{person}' ORDER BY sequence")]

    before = len(looks())
    api.get("/api/v1/studies?limit=1")
    api.get("/api/v1/studies/" + scene.studies["E1"])
    api.get("/api/v1/studies/" + scene.studies["W1"])
    api.post(f"/api/v1/tasks/{scene.tasks['E1']}/take")
    assert looks()[before:] == [
        ("study.list", "", "success"),
        ("study.view", scene.studies["E1"], "success"),
        ("api.refuse", "/api/v1/tasks/{task}/take", "refused"),
    ]
    shown = scene.home.sql(f"SELECT detail FROM audit WHERE actor = '{person}' AND action = 'study.list' ORDER BY sequence DESC LIMIT 1")
    listed = api.get("/api/v1/studies?limit=1").body["studies"][0]["id"]
    assert listed in shown[0][0]


def test_no_patient_in_the_log(home, people):
    """Not even where somebody typed a name into the address."""
    asked = []
    for target in ("/api/v1/studies/ZHANG%5ESAN", "/api/v1/studies/%E5%BC%A0%E4%B8%89/thumbnail", "/ZHANG", "/api/v1/studies?site=ZHANG"):
        asked += [people["reporter"].get(target), home.api().get(target)]
        assert asked[-2].status in (400, 404) and asked[-1].status in (401, 404)
    # The line of a request is written behind its answer.
    await_true("the line of each", lambda: all(f"request={one.headers['X-Request-Id']}" in home.log("yq-gateway") for one in asked))
    log = home.log("yq-gateway")
    assert "route=/api/v1/studies/{study}/thumbnail" in log
    assert "ZHANG" not in log and "张" not in log


# --- events -----------------------------------------------------------------------------------------------------------------


def write_event(scene, kind, subject, site):
    place = f"(SELECT scope_id FROM scope WHERE public_id = '{scene.scopes[site]}')" if site else "NULL"
    scene.home.sql(f"INSERT INTO event (kind, subject_id, site_id) VALUES ('{kind}', '{subject}', {place})")


def test_events_reach_whom_they_concern(scene, people):
    own, foreign, general = (str(uuid.uuid4()) for _ in range(3))
    with people["reporter"].events() as stream:
        write_event(scene, "study.test", foreign, "W1")
        write_event(scene, "study.test", own, "E1")
        write_event(scene, "device.test", general, None)
        got = []
        for event in stream:
            got.append(event)
            if general in event["data"]:
                break
    assert [own in got[0]["data"], len(got)] == [True, 2]
    assert {event["event"] for event in got} == {"change"}
    assert not any(foreign in event["data"] for event in got)
    missed = str(uuid.uuid4())
    write_event(scene, "study.test", missed, "E2")
    write_event(scene, "study.test", str(uuid.uuid4()), "W1")
    with people["reporter"].events(last_id=got[0]["id"]) as stream:
        assert [next(stream)["id"], missed in next(stream)["data"]] == [got[1]["id"], True]


def test_a_new_stream_tells_what_came_since_its_page_asked_who_is_here(scene, people):
    seen = people["reporter"].get("/api/v1/me").body["events"]
    between, later = (str(uuid.uuid4()) for _ in range(2))
    write_event(scene, "study.test", between, "E1")
    with people["reporter"].events(after=seen) as stream:
        first = next(stream)
        assert between in first["data"]
    write_event(scene, "study.test", later, "E1")
    with people["reporter"].events(last_id=first["id"], after=seen) as stream:
        assert later in next(stream)["data"], "a browser that comes back asks by the same address"
    for nonsense in ("0", "x" * 300, "'"):
        with people["reporter"].events(after=nonsense):
            pass


def test_too_much_missed_is_a_reset(scene, people):
    with people["reporter"].events() as stream:
        write_event(scene, "study.test", uuid.uuid4(), "E1")
        first = next(stream)["id"]
    scene.home.sql(f"""INSERT INTO event (kind, subject_id, site_id) SELECT 'study.test', gen_random_uuid(), scope_id
                       FROM scope, generate_series(1, 300) WHERE public_id = '{scene.scopes["E1"]}'""")
    with people["reporter"].events(last_id=first) as stream:
        kinds = [next(stream)["event"] for _ in range(201)]
    assert kinds == ["change"] * 200 + ["reset"]


def test_logout_ends_the_stream(scene):
    api = scene.login("reporter2")
    with api.events() as stream:
        assert api.post("/api/v1/logout").status == 200
        assert list(stream) == []


def test_one_person_cannot_hold_all_connections_with_streams(scene, people):
    with contextlib.ExitStack() as opened:
        other = opened.enter_context(people["reviewer"].events())
        streams = [opened.enter_context(people["reporter"].events()) for _ in range(17)]
        write_event(scene, "study.test", news := str(uuid.uuid4()), "E1")
        assert next(streams[0], None) is None, "the oldest has to end"
        for stream in [*streams[1:], other]:
            assert news in next(stream)["data"]


# --- figures and the rest ----------------------------------------------------------------------------------------------------


def test_metrics_and_coverage_agree(home, scene, people):
    text = home.api().get("/metrics").body.decode()
    assert 'yq_reading_tasks{lead="E0",queue="queue of east",state="awaiting"}' in text
    assert 'yq_deliveries{state="dead"} 0' in text and "yq_journal_backlog_objects 0" in text
    for community in people["administrator"].get("/api/v1/coverage").body["communities"]:
        for basis, rate in community["rate"].items():
            assert f'yq_coverage_rate{{community="{community["name"]}",basis="{basis}"}} {rate:.15g}' in text
    assert 'community="west"' in text, "the machine watches every community"
    for query in ["from=x", "to=2026-13-01", "basis=x", "from=2026-02-01&to=2026-01-01"]:
        assert people["administrator"].get("/api/v1/coverage?" + query).status == 400


def test_health(home):
    assert home.api().get("/healthz").body["status"] == "ok"


def test_ledger_away_and_back(home, scene):
    api = scene.login("reporter1")
    home.stop_ledger()
    try:
        assert home.api().get("/healthz").status == 503
        got = api.get("/api/v1/me")
        assert got.status == 503 and got.headers["Retry-After"] and "ledger" not in got.body["detail"]
        assert home.api().get("/").status == 200
    finally:
        home.start_ledger()
    assert api.get("/api/v1/me").status == 200
    with api.events() as stream:
        subject = str(uuid.uuid4())
        write_event(scene, "study.test", subject, "E1")
        assert subject in next(stream)["data"]


def test_a_gateway_that_starts_while_the_ledger_is_away_waits_for_it(home, scene):
    home.stop_ledger()
    try:
        home.restart("yq-gateway")
        assert home.api().get("/healthz").status == 503
        assert home.api().post("/api/v1/login", {"account": "a", "password": "b"}).status == 503
    finally:
        home.start_ledger()
    assert scene.login("reporter1").get("/api/v1/me").status == 200
    assert home.api().get("/healthz").status == 200


def test_every_route_is_documented():
    text = (TREE / "docs" / "api.md").read_text()
    for method, pattern, _, _ in ROUTES:
        assert f"`{method} {pattern}" in text, f"{method} {pattern}"
    for method, pattern in re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`?]*)[`?]", text):
        assert (method, pattern) in {(route[0], route[1]) for route in ROUTES}, f"{method} {pattern} is no route"
