"""Tokens of workstations: what they open and nothing else, whose name they act in, and that they end at once."""

import base64
import datetime
import pathlib
import sys

import pytest
import websocket

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from tests.e2e.test_stow import FILE, store  # noqa: E402
from tests.support.dicomgen import new_uid  # noqa: E402
from tests.support.installation import PATIENCE_S, Installation  # noqa: E402
from tests.support.scene import PASSWORD, Scene  # noqa: E402

STUDIES = "/dicom-web/studies"
ENDLESS = str(datetime.date.today() + datetime.timedelta(days=300))
BROWSER = {"User-Agent": "Mozilla/5.0"}


@pytest.fixture(scope="module")
def home():
    with Installation() as installation:
        scene = installation.scene = Scene(installation)
        scene.person("township1", "E1", [("radiographer", "E1"), ("reporter", "E1")])
        for number in range(1, 6):
            scene.person(f"ends{number}", "E1", [("radiographer", "E1")])
        scene.flush()
        installation.start("yq-gateway")
        yield installation
        log = installation.log("yq-gateway")
        assert "panic" not in log and "yqt_" not in log and PASSWORD not in log


@pytest.fixture(scope="module")
def owner(home):
    return home.scene.login("township1")


def make(api, name="CT 工作站", uses=("read",), until=ENDLESS, password=PASSWORD):
    return api.post("/api/v1/workstations", {"workstation": name, "uses": list(uses), "until": until, "password": password})


def token_of(api, *uses, name="CT 工作站"):
    made = make(api, name, uses)
    assert made.status == 201, made
    return made.body["id"], made.body["token"]


def bearer(token):
    return {"Authorization": "Bearer " + token}


def basic(user, token):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()}


def state(api, token_id, whose="own"):
    return next(one for one in api.get("/api/v1/workstations?whose=" + whose).body["workstations"] if one["id"] == token_id)


def test_a_token_is_made_with_the_password_and_shown_once(home, owner):
    assert make(owner, password="wrong password").status == 403
    token_id, token = token_of(owner, "read", "worklist")
    assert token.startswith("yqt_") and len(token) == 68
    assert home.sql(f"SELECT count(*) FROM workstation_token t WHERE t::text LIKE '%{token[4:]}%'") == [["0"]]
    row = state(owner, token_id)
    assert (row["workstation"], row["uses"], row["state"], row["last_used_at"], row["made_by"]) == ("CT 工作站", ["read", "worklist"], "valid", None, "")
    assert row["person"]["account"] == "township1" and token not in str(owner.get("/api/v1/workstations").body)
    assert home.sql(f"SELECT action, detail->>'workstation' FROM audit WHERE subject = '{token_id}'") == [["workstation.add", "CT 工作站"]]
    today = datetime.date.today()
    for name, uses, until in [("a:b", ["read"], ENDLESS), ("", ["read"], ENDLESS), ("x" * 61, ["read"], ENDLESS), ("x\n", ["read"], ENDLESS),
                              ("x", [], ENDLESS), ("x", ["sign"], ENDLESS), ("x", ["read", "read"], ENDLESS), ("x", ["read"], "2026-02-30"),
                              ("x", ["read"], str(today - datetime.timedelta(2))), ("x", ["read"], str(today + datetime.timedelta(402)))]:
        assert make(owner, name, uses, until).status == 400, (name, uses, until)


def test_it_opens_dicomweb_and_nothing_else(home, owner):
    _, token = token_of(owner, "read")
    stranger = home.api()
    for headers in (bearer(token), basic("township1", token), basic("TOWNSHIP1", token), basic("CT 工作站", token)):
        got = stranger.get(STUDIES, **headers)
        assert got.status == 200 and got.headers["Set-Cookie"] is None, (headers, got)
    assert len(stranger.get(STUDIES, **bearer(token)).body) == len(owner.get(STUDIES).body), "another scope than the person's"
    for target in ("/api/v1/me", "/api/v1/studies", "/api/v1/workstations", "/api/v1/queue", "/metrics", "/viewer/1/a.js"):
        got = stranger.get(target, **bearer(token), **{"X-Forwarded-For": "10.0.0.9"})
        assert got.status == 401 and got.headers["WWW-Authenticate"] is None, target
    assert stranger.post(f"/api/v1/tasks/{home.scene.tasks['E1']}/sign", {"password": PASSWORD}, **bearer(token)).status == 401
    assert make(home.api(), "more").status == 401
    # A cookie goes before: a browser behind a proxy that asks for Basic credentials stays who it is, and has to say its CSRF token.
    assert owner.get("/api/v1/me", **basic("proxy", "secret")).status == 200 and owner.get(STUDIES, **basic("proxy", "secret")).status == 200
    assert store(home.api(), b"", Cookie=owner.cookie, **bearer(token)).status == 403


def test_who_is_not_known_is_told_how_to_say_it(home, owner):
    _, token = token_of(owner, "read")
    for headers in ({}, basic("township1", PASSWORD), basic("x", token), bearer("yqt_" + "0" * 64), bearer(token[:-1]), bearer(token + "0"), bearer(""),
                    {"Authorization": "Basic " + "=" * 8}, {"Authorization": "Basic YQ=="}, {"Authorization": "Basic " + "A" * 4000},
                    {"Authorization": "Negotiate YQ=="}):
        got = home.api().get(STUDIES, **headers)
        challenges = got.headers.get_all("WWW-Authenticate")
        assert got.status == 401 and [one.split(" ")[0] for one in challenges] == ["Bearer", "Basic"], (headers, got)
        # A browser would ask people for a password on top of the page.
        assert [one.split(" ")[0] for one in home.api().get(STUDIES, **BROWSER).headers.get_all("WWW-Authenticate")] == ["Bearer"]
    assert home.sql("SELECT count(*) FROM session WHERE address IS NOT NULL AND person_id = (SELECT person_id FROM person WHERE account = 'township1')") == [["1"]]
    assert home.sql("SELECT failed_logins FROM person WHERE account = 'township1'") == [["0"]], "a password was tried"
    refused = home.sql("SELECT detail->>'address', detail FROM audit WHERE action = 'workstation.refuse'")
    assert refused and all(row[0] == "127.0.0.1" and PASSWORD not in row[1] and "yqt_" not in row[1] for row in refused)


def test_it_may_what_it_was_made_for_and_its_person_may(home, owner):
    (_, reads), (stores_id, stores), (_, works) = (token_of(owner, use) for use in ("read", "store", "worklist"))
    stranger = home.api()
    assert store(stranger, b"", **bearer(reads)).status == 403 and store(stranger, b"", **bearer(works)).status == 403
    got = store(stranger, FILE, STUDIES, "application/dicom", **basic("township1", stores))
    assert got.status == 200, got
    assert stranger.get(STUDIES, **bearer(stores)).status == 403 and stranger.get(STUDIES, **bearer(works)).status == 403
    noted = home.sql(f"""SELECT actor, outcome, detail->>'workstation', detail->>'purpose', detail->>'stored' FROM audit WHERE action = 'study.store'
                         ORDER BY sequence DESC LIMIT 1""")
    assert noted == [[home.scene.persons["township1"], "success", "CT 工作站", "store", "1"]]
    stranger.get(STUDIES + "?limit=1", **bearer(reads))
    noted = home.sql("SELECT actor, detail->>'workstation', detail->>'purpose' FROM audit WHERE action = 'study.list' ORDER BY sequence DESC LIMIT 1")
    assert noted == [[home.scene.persons["township1"], "CT 工作站", "read"]]
    used = state(owner, stores_id)
    assert used["last_address"] == "127.0.0.1" and used["last_used_at"]
    _, clinician = token_of(home.scene.login("clinician1"), "read", "store")
    assert store(stranger, FILE, STUDIES, "application/dicom", **bearer(clinician)).status == 403, "no radiographer"


def test_it_ends_at_once(home):
    scene, stranger = home.scene, home.api()

    def living(number):
        api = scene.login(f"ends{number}")
        token_id, token = token_of(api, "read")
        assert stranger.get(STUDIES, **bearer(token)).status == 200
        return api, token_id, token

    def has_ended(token):
        got = stranger.get(STUDIES, **bearer(token))
        return got.status == 401 and 'error="invalid_token"' in got.headers["WWW-Authenticate"]

    api, token_id, token = living(1)
    assert api.delete("/api/v1/workstations/" + token_id).status == 200 and has_ended(token)
    assert api.delete("/api/v1/workstations/" + token_id).status == 200, "twice is no harm"
    assert state(api, token_id)["ended_by"] == "Dr ends1"

    _, token_id, token = living(2)
    home.sql(f"""UPDATE workstation_token SET created_at = yq_now() - interval '2 d', expires_at = yq_now() - interval '1 s'
                 WHERE public_id = '{token_id}'""")
    assert has_ended(token)

    api, _, token = living(3)
    assert api.post("/api/v1/password", {"old_password": PASSWORD, "new_password": "another good one"}).status == 200 and has_ended(token)

    _, _, token = living(4)
    home.yqctl("account", "disable", "ends4")
    assert has_ended(token)
    home.yqctl("account", "enable", "ends4")
    assert has_ended(token), "what ended stays so"

    _, _, token = living(5)
    home.sql("UPDATE person_right SET revoked_at = yq_now() WHERE person_id = (SELECT person_id FROM person WHERE account = 'ends5')")
    assert stranger.get(STUDIES, **bearer(token)).status == 403


def test_others_see_and_revoke_it_where_they_are_responsible(home, owner):
    token_id, token = token_of(owner, "read")
    address = "/api/v1/workstations/" + token_id
    for account in ("reporter1", "clinician1", "reporter9"):
        other = home.scene.login(account)
        assert other.delete(address).status == 404
        assert token_id not in str(other.get("/api/v1/workstations?whose=all").body)
    assert home.api().get(STUDIES, **bearer(token)).status == 200
    administrator = home.scene.login("administrator1")
    assert state(administrator, token_id, "all")["person"]["name"] == "Dr township1"
    assert administrator.get("/api/v1/workstations").body == {"workstations": []}
    assert administrator.delete(address).status == 200
    assert home.api().get(STUDIES, **bearer(token)).status == 401


def test_the_operator_makes_and_revokes_them(home, owner):
    made = home.yqctl("token", "add", "township1", "--workstation", "归档 Orthanc", "--until", ENDLESS, "--may", "read,store", json=True)
    assert home.api().get(STUDIES, **basic("township1", made["token"])).status == 200
    row = next(one for one in home.yqctl("token", "list", "--account", "township1", json=True) if one["id"] == made["id"])
    assert (row["workstation"], row["uses"], row["state"], row["last_address"]) == ("归档 Orthanc", "read,store", "valid", "127.0.0.1")
    assert row["made_by"] == state(owner, made["id"])["made_by"] != ""
    home.yqctl("token", "revoke", made["id"])
    assert home.api().get(STUDIES, **basic("township1", made["token"])).status == 401
    home.yqctl("token", "revoke", "00000000-0000-4000-8000-000000000000", status=66)
    home.yqctl("token", "add", "township1", "--workstation", "x", "--until", ENDLESS, "--may", "sign", status=65)
    home.yqctl("token", "add", "nobody.there", "--workstation", "x", "--until", ENDLESS, "--may", "read", status=66)
    assert home.sql(f"SELECT action, actor_kind FROM audit WHERE subject = '{made['id']}' ORDER BY sequence") == [
        ["workstation.add", "operator"], ["workstation.end", "operator"]]


def test_a_worklist_is_worked_and_listened_to_until_it_is_revoked(home):
    reporter, stranger = home.scene.login("reporter1"), home.api()
    (works_id, works), (_, reads) = token_of(reporter, "worklist"), token_of(reporter, "read")
    assert stranger.get("/dicom-web/workitems", **bearer(reads)).status == 403
    assert stranger.get("/dicom-web/workitems", **basic("reporter1", works)).status == 200
    uid = new_uid()
    taken = {"00741000": {"vr": "CS", "Value": ["IN PROGRESS"]}, "00081195": {"vr": "UI", "Value": [uid]}}
    address = f"/dicom-web/workitems/{home.scene.workitems['E1']}"
    got = stranger.request("PUT", address + "/state", taken, {"Content-Type": "application/dicom+json", **bearer(works)})
    assert got.status == 200, got
    assert home.sql("SELECT holder FROM (SELECT p.account AS holder FROM reading_task t JOIN person p ON p.person_id = t.holder_id) h") == [["reporter1"]]
    said = basic("reporter1", works)["Authorization"]
    channel = websocket.create_connection(f"ws://127.0.0.1:{home.http_port}/dicom-web/subscribers/WS1", timeout=PATIENCE_S, header={"Authorization": said},
                                          suppress_origin=True)
    try:
        assert reporter.delete("/api/v1/workstations/" + works_id).status == 200
        while channel.recv_data()[0] != websocket.ABNF.OPCODE_CLOSE:
            pass
    finally:
        channel.close()
    assert stranger.get("/dicom-web/workitems", **bearer(works)).status == 401


def test_guessing_is_slowed_down_and_hits_nobody_else(home, owner):
    _, token = token_of(owner, "read")
    guesser, neighbour = {"X-Forwarded-For": "10.1.1.1"}, {"X-Forwarded-For": "10.1.1.2"}
    # The same again, from a workstation that was set up wrongly: it has its own wait.
    again = [home.api().get(STUDIES, **bearer("yqt_" + "a" * 64), **guesser).status for _ in range(20)]
    assert again == [401] * 6 + [429] * 14
    assert home.api().get(STUDIES, **bearer(token), **guesser).status == 200
    many = [home.api().get(STUDIES, **bearer(f"yqt_{number:064x}"), **guesser).status for number in range(60)]
    assert many == [401] * 51 + [429] * 9
    assert home.api().get(STUDIES, **bearer(token), **guesser).status == 429
    assert home.api().get(STUDIES, **bearer(token), **neighbour).status == 200
    assert home.scene.login("township1").get("/api/v1/me").status == 200
