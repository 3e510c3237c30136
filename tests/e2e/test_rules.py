"""Routing rules with all programs: written by yqctl and over the API, tried on described studies, and done to real ones by the router.

One installation, one version of the rules after the other; each test takes the rules that it needs, and leaves none behind.
"""
import datetime
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
from dicomraw import Association  # noqa: E402
from installation import Installation  # noqa: E402
from returning import PATIENCE_S, QUICK  # noqa: E402
from scene import PASSWORD, Scene  # noqa: E402

INVALID, NOT_FOUND, CONFLICT = 65, 66, 69


@pytest.fixture(scope="module")
def scene():
    with Installation(dict(QUICK, YQ_QUIET_DEFAULT="300 ms", YQ_POLL_INTERVAL="200 ms")) as home:
        scene = Scene(home)
        scene.person("ruler", "E0", [("operator", "east"), ("operator", "west")])
        scene.flush()
        home.start("yq-storescp", "yq-router", "yq-gateway")
        yield scene


@pytest.fixture
def rules(scene):
    """A clean table: yqctl with the rest of a `rule` command."""
    home = scene.home

    def rule(*arguments, **more):
        return home.yqctl("rule", *arguments, **more)
    yield rule
    home.sql("UPDATE routing_rule_set SET in_force = tstzrange(lower(in_force), yq_now()) WHERE in_force @> yq_now()")


def until(what, look):
    end = time.monotonic() + PATIENCE_S
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, what
        time.sleep(0.05)


def send(scene, kind="ct", **study):
    """A study of one image of E1; its public id when the router has offered it."""
    one = dicomgen.Study(**study)
    dataset = getattr(dicomgen, kind)(one)
    with Association("127.0.0.1", scene.home.dicom_port, "DR_E1", "YINGQIAO", [(dataset.text(0x00080016), [dicomgen.EXPLICIT])]) as peer:
        assert peer.store(dataset.text(0x00080016), dataset.text(0x00080018), dataset.encode(dicomgen.EXPLICIT), dicomgen.EXPLICIT) == 0
    return until("not complete", lambda: scene.home.sql(f"""
        SELECT public_id FROM study WHERE study_instance_uid = '{one.study_uid}' AND state = 'complete'"""))[0][0]


def where_is(scene, study):
    """Queue, what it covers, mode and priority of the task that waits; or the word why not."""
    row = scene.home.sql(f"""
        SELECT coalesce(q.name, ''), coalesce(c.name, ''), coalesce(t.reading_mode, ''), coalesce(t.priority, 0), s.unrouted_code,
               coalesce(h.reason, ''), coalesce(v.version, 0)
        FROM study s LEFT JOIN reading_task t ON t.study_id = s.study_id AND t.state = 'awaiting'
        LEFT JOIN reading_queue q ON q.queue_id = t.queue_id LEFT JOIN reading_queue c ON c.queue_id = t.covered_queue_id
        LEFT JOIN study_hold h ON h.study_id = s.study_id AND h.released_at IS NULL
        LEFT JOIN routing_rule_set v ON v.rule_set_id = s.rule_set_id
        WHERE s.public_id = '{study}'""")[0]
    return dict(zip(("queue", "covers", "mode", "priority", "code", "hold", "version"), row))


def await_place(scene, study, **wanted):
    wanted = {name: str(value) for name, value in wanted.items()}
    return until(wanted, lambda: (lambda is_: is_ if all(is_[name] == value for name, value in wanted.items()) else None)(where_is(scene, study)))


def version(rules):
    return rules("list", json=True)["version"]


# ---- the operator's command ------------------------------------------------------------------------------------------------


def test_each_change_is_a_version_and_the_order_is_kept(scene, rules):
    rules("add", "--name", "CT", "--when", "modality = CT", "--queue", "queue of east")
    first = version(rules)
    rules("add", "--name", "rest", "--queue", scene.queues["east"])
    rules("add", "--name", "children", "--when", 'age = -14; study_description = "*a, b;*"', "--queue", "queue of east", "--priority", "3",
          "--before", "CT", "--reading", "local_draft")
    document = rules("list", json=True)
    assert document["version"] == first + 2
    assert [one["name"] for one in document["groups"][0]["rules"]] == ["children", "CT", "rest"]
    assert document["groups"][0]["rules"][0]["conditions"] == [
        {"field": "age", "op": "is", "values": ["-14"]}, {"field": "study_description", "op": "is", "values": ["*a, b;*"]}]
    text = rules("list")
    assert '   1  children\n      age = -14; study_description = "*a, b;*"\n' in text and "queue queue of east; reading local_draft; priority 3" in text
    rules("move", "3", "--before", "children")
    rules("edit", "CT", "--name", "CT and MR", "--when", "modality = CT, MR", "--priority", "none")
    rules("disable", "children")
    document = rules("list", json=True)
    assert [(one["name"], one["is_enabled"]) for one in document["groups"][0]["rules"]] == [("rest", True), ("children", False), ("CT and MR", True)]
    assert [one["name"] for one in rules("list", "--version", str(first), json=True)["groups"][0]["rules"]] == ["CT"]
    history = rules("history", json=True)
    assert history[0]["version"] == document["version"] and history[0]["note"] == "changed 'children'" and history[0]["made_by"]
    assert "(disabled)" in rules("show", "children") and rules("show", "2", json=True)["group"] == "reading"


@pytest.mark.parametrize("arguments, status, says", [
    (["add", "--name", "x", "--when", "modality ~ CT", "--queue", "queue of east"], INVALID, "missing or any is wanted"),
    (["add", "--name", "x", "--when", "modality = ct", "--queue", "queue of east"], INVALID, "a code"),
    (["add", "--name", "x", "--when", "hour = 8-17", "--queue", "queue of east"], INVALID, "hours, as"),
    (["add", "--name", "x", "--when", "grid = E1", "--queue", "queue of east"], INVALID, "is a site, not a grid"),
    (["add", "--name", "x", "--when", "site = nowhere", "--queue", "queue of east"], NOT_FOUND, "nowhere"),
    (["add", "--name", "x", "--queue", "no queue"], NOT_FOUND, "yqctl queue list"),
    (["add", "--name", "x"], INVALID, "has to do something"),
    (["add", "--name", "a\nb", "--queue", "queue of east"], INVALID, "control character"),
    (["add", "--name", "x", "--ai", "SITE_E1"], INVALID, "AI node"),
    (["edit", "no rule", "--name", "y"], NOT_FOUND, "yqctl rule list"),
    (["test", "--describe", "modality != CT"], INVALID, "what is"),
    (["test", "--describe", "modality = CT", "--at", "tomorrow"], INVALID, "is no time"),
    (["test"], INVALID, "either a study or"),
    (["group", "reading", "--mode", "some"], INVALID, "first or all"),
])
def test_what_is_wrong_is_refused_with_the_reason(scene, rules, arguments, status, says):
    rules("add", "--name", "rest", "--queue", "queue of east")
    before = version(rules)
    if "--ai" in arguments:
        arguments = [scene.destinations["E1"] if one == "SITE_E1" else one for one in arguments]
    done = rules(*arguments, status=None)
    assert done.returncode == status and says in done.stderr, done
    assert version(rules) == before


def test_a_described_study_says_which_rule_and_why(scene, rules):
    home = scene.home
    rules("add", "--name", "holidays", "--when", "day = holiday; modality = CT", "--queue", "queue of west")
    rules("add", "--name", "weekend", "--when", "day = off", "--queue", "queue of east", "--reading", "local")
    rules("add", "--name", "old", "--when", "age = 65-; hour != 08:00-17:30", "--queue", "queue of east", "--priority", "5")
    rules("add", "--name", "rest", "--queue", "queue of east")
    home.yqctl("calendar", "set", "2026-10-01..2026-10-07", "--worked", "no", "--name", "国庆节")
    home.yqctl("calendar", "set", "2026-10-10", "--worked", "yes", "--name", "调休")
    home.yqctl("agreement", "add", "--hospital", "W0", "--scope", "east", "--from", "2020-01-01")
    try:
        def ask(at, what="site = E1; modality = CT; age = 70"):
            return rules("test", "--describe", what, "--at", at, json=True)
        cases = [("2026-10-02T10:00", "holidays"), ("2026-10-10T10:00", "rest"), ("2026-10-11T10:00", "weekend"), ("2026-10-12T20:00", "old"),
                 ("2026-10-12T17:29", "rest")]
        for at, want in cases:
            got = ask(at)
            assert (got["is_routed"], got["queue_rule"]) == (True, want), (at, got)
        assert ask("2026-10-02T10:00", "site = E1; modality = DX")["queue_rule"] == "weekend"
        holidays = ask("2026-10-12T20:00")["groups"][0]["rules"][0]
        assert [one["fits"] for one in holidays["conditions"]] == [False, True] and not holidays["fits"]
        text = rules("test", "--describe", "site = E1; modality = CT", "--at", "2026-10-12T20:00")
        assert "holidays: does not fit; not day = holiday" in text and "old: does not fit; not age = 65-" in text and "rest: counts" in text
    finally:
        home.sql("DELETE FROM calendar_day; DELETE FROM cooperation_agreement;")


# ---- real studies ------------------------------------------------------------------------------------------------------------


def test_a_study_goes_where_the_rules_send_it_and_keeps_their_version(scene, rules):
    home = scene.home
    rules("add", "--name", "CT of chests", "--when", "community = east; modality = CT; study_description = *chest*", "--queue", "queue of east", "--priority", "2")
    study = send(scene, description="CHEST routine")
    made = await_place(scene, study, queue="queue of east", mode="central", priority=2, version=version(rules))
    other = send(scene, description="HEAD")
    await_place(scene, other, queue="", code="no_match")
    assert other in [one["id"] for one in rules("waiting", json=True)]
    rules("add", "--name", "rest", "--queue", "queue of east", "--priority", "-1")
    await_place(scene, other, queue="queue of east", priority=-1)
    assert where_is(scene, study) == made, "what was routed stays"
    shown = home.yqctl("study", "show", study, json=True)
    assert shown["tasks"][0]["rule_name"] == "CT of chests" and shown["routings"][0]["cause"] == "offered"
    # Asked to, with a preview first.
    rules("edit", "CT of chests", "--priority", "7")
    preview = home.yqctl("study", "reroute", study, "--reason", "new priorities", "--dry-run", json=True)[0]
    assert preview["changes"] and preview["now"]["priority"] == 2 and preview["then"]["priority"] == 7
    assert where_is(scene, study) == made
    home.yqctl("study", "reroute", "--queue", "queue of east", "--reason", "new priorities")
    await_place(scene, study, priority=7, version=version(rules))
    assert home.yqctl("study", "show", study, json=True)["routings"][-1]["reason"] == "new priorities"
    assert home.sql(f"SELECT count(*) FROM audit WHERE subject = '{study}' AND action = 'study.reroute'") == [["1"]]


def test_an_agreement_that_ended_stops_the_routing_and_says_so(scene, rules):
    home = scene.home
    home.yqctl("site", "add", "某市第一医院", "--code", "CITY")
    home.yqctl("queue", "add", "市医院影像诊断", "--hospital", "CITY", "--policy", "two of east")
    today = datetime.date.fromisoformat(home.sql("SELECT yq_now()::date")[0][0])
    yesterday = (today - datetime.timedelta(days=1)).isoformat()
    home.yqctl("agreement", "add", "--hospital", "CITY", "--scope", "east", "--from", "2020-01-01", "--until", yesterday)
    rules("add", "--name", "to the city", "--when", "modality = CT", "--queue", "CITY")
    rules("add", "--name", "rest", "--queue", "queue of east")
    study = send(scene)
    await_place(scene, study, queue="", code="agreement_ended")
    waiting = next(one for one in rules("waiting", json=True) if one["id"] == study)
    assert waiting["unrouted_reason"] == f"the cooperation agreement with 某市第一医院 ended on {yesterday}"
    assert "not routed: the cooperation agreement with 某市第一医院 ended" in rules("test", study)
    done = home.yqctl("agreement", "add", "--hospital", "CITY", "--scope", "east", "--from", "2019-01-01", status=None)
    assert done.returncode == CONFLICT
    home.yqctl("agreement", "add", "--hospital", "CITY", "--scope", "east", "--from", today.isoformat())
    await_place(scene, study, queue="市医院影像诊断", code="")
    assert [one["state"] for one in home.yqctl("agreement", "list", json=True)] == ["ended", "in_force"]


def test_the_duty_table_covers_and_says_for_whom(scene, rules):
    home = scene.home
    home.yqctl("queue", "add", "second lead", "--hospital", "E0", "--policy", "two of east")
    rules("add", "--name", "rest", "--queue", "queue of east")
    home.yqctl("duty", "add", "--queue", "queue of east", "--by", "second lead", "--note", "whole day")
    await_place(scene, send(scene), queue="second lead", covers="queue of east")
    assert "which covers for queue of east by the duty table" in rules("test", "--describe", "site = E1")
    duty = home.yqctl("duty", "list", json=True)[0]
    assert (duty["hours"], duty["weekdays"]) == ("00:00-24:00", "1,2,3,4,5,6,7")
    home.yqctl("duty", "end", duty["id"])
    await_place(scene, send(scene), queue="queue of east", covers="")


def test_images_go_to_every_destination_of_the_rules(scene, rules):
    home = scene.home
    home.yqctl("destination", "hold", scene.destinations["E2"], "--reason", "not sent in this test")
    home.yqctl("destination", "hold", scene.destinations["W1"], "--reason", "not sent in this test")
    home.yqctl("destination", "ai-node", scene.destinations["W1"], "yes")
    rules("add", "--name", "rest", "--queue", "queue of east")
    rules("group", "destinations", "--mode", "all")
    rules("add", "--name", "archive", "--group", "destinations", "--forward", scene.destinations["E2"])
    rules("add", "--name", "lungs", "--group", "destinations", "--when", "modality = CT", "--ai", scene.destinations["W1"])
    rules("add", "--name", "not these", "--group", "destinations", "--when", "modality = MR", "--forward", scene.destinations["E1"])
    study = send(scene)
    await_place(scene, study, queue="queue of east")
    rows = home.sql(f"""
        SELECT x.public_id, d.purpose, d.rank, (SELECT count(*) FROM delivery_item i WHERE i.delivery_id = d.delivery_id)
        FROM delivery d JOIN destination x USING (destination_id) JOIN study s USING (study_id) WHERE s.public_id = '{study}'""")
    assert sorted(rows) == sorted([[scene.destinations["E2"], "forward", "2", "1"], [scene.destinations["W1"], "forward", "2", "1"]])


# ---- the API -------------------------------------------------------------------------------------------------------------------


def test_rules_over_the_api(scene, rules):
    api = scene.home.api()
    api.login("ruler", PASSWORD)
    rules("add", "--name", "rest", "--queue", "queue of east")
    document = api.get("/api/v1/rules").body
    assert document["names"][scene.queues["east"]] == "queue of east"
    choices = api.get("/api/v1/rule-choices").body
    assert choices["may"] and scene.queues["west"] in [one["id"] for one in choices["queues"]]
    new = {"name": "夜间急诊", "queue": scene.queues["east"], "priority": 4,
           "conditions": [{"field": "hour", "op": "is", "values": ["18:00-08:00"]}, {"field": "patient_class", "op": "is", "values": ["emergency"]}]}
    rest = document["groups"][0]["rules"][0]["id"]
    made = api.post("/api/v1/rules", {"base_version": document["version"], "rule": new, "before": rest})
    assert made.status == 200 and made.body["version"] == document["version"] + 1
    stale = api.put(f"/api/v1/rules/{rest}", {"base_version": document["version"], "rule": {"priority": 1}})
    assert stale.status == 409, "somebody else changed them meanwhile"
    now = made.body["version"]
    assert api.put(f"/api/v1/rules/{made.body['id']}", {"base_version": now, "rule": {"is_enabled": False}}).status == 200
    assert api.post(f"/api/v1/rules/{made.body['id']}/move", {"base_version": now + 1}).status == 200
    assert [(one["name"], one["is_enabled"]) for one in api.get("/api/v1/rules").body["groups"][0]["rules"]] == [("rest", True), ("夜间急诊", False)]
    wrong = api.post("/api/v1/rules", {"base_version": now + 2, "rule": dict(new, conditions=[{"field": "hour", "op": "is", "values": ["25:00"]}])})
    assert wrong.status == 400 and "hours, as" in str(wrong.body)
    asked = api.post("/api/v1/rule-test", {"facts": {"modality": ["CT"]}, "at": "2026-10-12T20:00"}).body
    assert asked["queue_rule"] == "rest" and asked["version"] == now + 2
    assert api.post("/api/v1/rule-test", {"facts": {"hour": ["x"]}}).status == 400
    assert api.post(f"/api/v1/rules/{made.body['id']}/remove", {"base_version": now + 2}).status == 200
    assert [one["note"] for one in api.get("/api/v1/rule-versions").body["versions"][:2]] == ["removed '夜间急诊'", "moved '夜间急诊'"]
    assert scene.home.sql("SELECT count(*) FROM audit WHERE action LIKE 'rule.%' AND actor_kind = 'person'") == [["4"]]


def test_without_rules_the_list_says_how_to_make_some():
    with Installation() as home:
        done = home.yqctl("rule", "list", json=True, status=None)
        assert (done.returncode, "`yqctl rule defaults`" in done.stderr) == (NOT_FOUND, True)


def test_who_may_change_the_rules_of_all(scene, rules):
    rules("add", "--name", "rest", "--queue", "queue of east")
    now = version(rules)
    api = scene.home.api()
    api.login("operator1", PASSWORD)
    assert api.get("/api/v1/rules").status == 200 and not api.get("/api/v1/rule-choices").body["may"]
    body = {"base_version": now, "rule": {"name": "mine", "queue": scene.queues["east"]}}
    assert api.post("/api/v1/rules", body).status == 403
    assert api.post("/api/v1/duties", {"queue_id": scene.queues["east"], "by_queue_id": scene.queues["west"]}).status == 403
    assert api.post("/api/v1/agreements", {"hospital_id": scene.scopes["W0"], "scope_id": scene.scopes["east"], "from_day": "2026-01-01"}).status == 403
    api.login("radiographer1", PASSWORD)
    assert api.get("/api/v1/rules").status == 403 and api.post("/api/v1/rules", body).status == 403
    assert version(rules) == now


def test_held_studies_are_released_and_rerouted_at_the_pages(scene, rules):
    home = scene.home
    rules("add", "--name", "which part?", "--when", "study_description missing", "--queue", "queue of east", "--hold", "检查部位不明")
    rules("add", "--name", "rest", "--queue", "queue of east")
    study = send(scene)
    await_place(scene, study, queue="", hold="检查部位不明")
    township = home.api()
    township.login("radiographer1", PASSWORD)
    assert township.get(f"/api/v1/studies/{study}").body["hold_reason"] == "检查部位不明"
    assert study in [one["id"] for one in township.get("/api/v1/rule-waiting").body["studies"]]
    assert township.post(f"/api/v1/studies/{study}/release", {"reason": "x"}).status == 403
    api = home.api()
    api.login("duty_leader1", PASSWORD)
    preview = api.post(f"/api/v1/studies/{study}/reroute/preview", {}).body
    assert preview["can"] and not preview["changes"] and preview["then"]["hold"] == "检查部位不明"
    assert api.post(f"/api/v1/studies/{study}/release", {}).status == 400
    assert api.post(f"/api/v1/studies/{study}/release", {"reason": "已电话核实"}).status == 200
    await_place(scene, study, queue="queue of east", hold="")
    assert api.post(f"/api/v1/studies/{study}/release", {"reason": "again"}).status == 409
    home.yqctl("wait", "--settled", "--allow-waiting")
    rules("edit", "which part?", "--priority", "9")
    assert api.post(f"/api/v1/studies/{study}/reroute", {"reason": "优先"}).status == 200
    await_place(scene, study, queue="queue of east", priority=9)
    foreign = home.api()
    foreign.login("reporter9", PASSWORD)
    assert foreign.post(f"/api/v1/studies/{study}/reroute", {"reason": "x"}).status == 403


def test_duties_and_agreements_over_the_api(scene, rules):
    api = scene.home.api()
    api.login("ruler", PASSWORD)
    made = api.post("/api/v1/duties", {"queue_id": scene.queues["west"], "by_queue_id": scene.queues["east"], "weekdays": "6,7", "hours": "17:30-08:00"})
    assert made.status == 200
    assert [one["hours"] for one in api.get("/api/v1/duties").body["duties"] if one["id"] == made.body["id"]] == ["17:30-08:00"]
    assert api.post("/api/v1/duties", {"queue_id": scene.queues["west"], "by_queue_id": scene.queues["east"], "weekdays": "8"}).status == 400
    assert api.post(f"/api/v1/duties/{made.body['id']}/end", {}).status == 200
    agreement = api.post("/api/v1/agreements", {"hospital_id": scene.scopes["E0"], "scope_id": scene.scopes["west"], "from_day": "2026-01-01"})
    assert agreement.status == 200
    assert api.post(f"/api/v1/agreements/{agreement.body['id']}/end", {"last_day": "2026-13-01"}).status == 400
    assert api.post(f"/api/v1/agreements/{agreement.body['id']}/end", {"last_day": "2026-06-30"}).status == 200
    assert api.get("/api/v1/calendar").status == 200
