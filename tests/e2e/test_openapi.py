"""docs/openapi.json says what the gateway does: the routes, who may, how much is taken, and the shape of real answers."""

import copy
import json
import pathlib
import re
import shutil
import subprocess
import sys

import jsonschema
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from tests.e2e.test_api import BODIES, ROUTES, address, body_of  # noqa: E402
from tests.support.installation import TREE, Installation  # noqa: E402
from tests.support.scene import PASSWORD, ROLES, Scene  # noqa: E402

DOCUMENT = json.loads((TREE / "docs" / "openapi.json").read_text())
METHODS = {"get", "post", "put", "patch", "delete"}
ALL = {(method.upper(), pattern): operation for pattern, path in DOCUMENT["paths"].items() for method, operation in path.items()}


def limits():
    """The last but one column of the table."""
    text = (TREE / "gateway" / "routes.c").read_text()
    sizes = {name: eval(size, {"__builtins__": {}}) for name, size in re.findall(r"(\w+) = ([\d *]+)", re.search(r"enum \{ NO_BODY.*\};", text).group())}
    return {(method, pattern): sizes.get(word) for method, pattern, word in re.findall(r'\{"([A-Z]+)", "([^"]+)", handle_\w+, (\w+), ', text)}


def test_it_is_what_the_generator_makes():
    done = subprocess.run([TREE / "docs" / "openapi" / "generate", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_route_is_in_it_with_its_roles_limit_and_place():
    assert set(ALL) == {(method, pattern) for method, pattern, _, _ in ROUTES}
    sizes = limits()
    for method, pattern, roles, words in ROUTES:
        operation, name = ALL[method, pattern], f"{method} {pattern}"
        assert set(operation["x-roles"]) == roles, name
        assert operation["x-body-max-bytes"] == sizes[method, pattern], name
        assert ("requestBody" in operation) == (sizes[method, pattern] != 0), name
        assert [one["name"] for one in operation.get("parameters", []) if one["in"] == "path"] == re.findall(r"\{(\w+)\}", pattern), name
        ways = [set(way) for way in operation["security"]]
        if "ROUTE_ANYBODY" in words:
            assert ways == [], name
        else:
            tokens = [{"token"}, {"token_basic"}] if pattern.startswith("/dicom-web/") else []
            assert ways == [{"session"} if method == "GET" else {"session", "csrf"}, *tokens], name
    assert len({operation["operationId"] for operation in ALL.values()}) == len(ALL)


def references(part):
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        part = list(part.values())
    for one in part if isinstance(part, list) else []:
        yield from references(one)


def test_its_schemas_are_schemas_and_lead_somewhere():
    schemas = DOCUMENT["components"]["schemas"]
    assert DOCUMENT["openapi"] == "3.1.0" and all(set(path) <= METHODS for path in DOCUMENT["paths"].values())
    for name, schema in schemas.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema, name
    named = {reference.removeprefix("#/components/schemas/") for reference in references(DOCUMENT)}
    assert named == set(schemas), named ^ set(schemas)


# Acts of UPS-RS, and what is no answer to read: nothing (204), an upgrade (101), a way to go (303).
EMPTY = re.compile(r"^/dicom-web/(workitems/\{workitem\}|subscribers/)")


def test_every_operation_says_what_it_takes_and_answers():
    for (method, pattern), operation in ALL.items():
        name, answers = f"{method} {pattern}", operation["responses"]
        good = {code: answer for code, answer in answers.items() if code.startswith("2") and code != "204"}
        assert good or EMPTY.match(pattern) or name == "POST /dicom-web/workitems", name
        if not EMPTY.match(pattern) or method == "GET":
            assert all(answer.get("content") for answer in good.values()), name
        for place in [operation.get("requestBody", {}), *answers.values()]:
            for type, content in place.get("content", {}).items():
                assert not type.endswith("json") or set(content.get("schema", {})) - {"type"}, f"{name}: {type}"
        if method != "GET" and operation["x-body-max-bytes"]:
            assert "413" in answers, name


BARE = "  'GET /api/v1/calendar': { days: CalendarDay[] }\n"
TAKEN = "  'POST /api/v1/studies/{study}/release': Reason\n"


@pytest.mark.parametrize("line, put, why", [
    (BARE, "", "GET /api/v1/calendar: docs/openapi/routes.ts does not say what it answers"),
    (BARE, "  'GET /api/v1/calendar': unknown\n", "GET /api/v1/calendar: application/json without a schema"),
    (TAKEN, "", "POST /api/v1/studies/{study}/release: docs/openapi/routes.ts does not say what it takes"),
])
def test_an_operation_without_a_schema_is_refused(tmp_path, line, put, why):
    for name in ("docs/openapi", "gateway/web/src/api"):
        shutil.copytree(TREE / name, tmp_path / name)
    for name in ("docs/api.md", "gateway/routes.c", "gateway/web/package.json"):
        shutil.copy(TREE / name, tmp_path / name)
    (tmp_path / "gateway/web/node_modules").symlink_to(TREE / "gateway/web/node_modules")
    types = tmp_path / "docs/openapi/routes.ts"
    assert types.read_text().count(line) == 1
    make = [tmp_path / "docs/openapi/generate"]
    assert subprocess.run(make, capture_output=True).returncode == 0
    types.write_text(types.read_text().replace(line, put))
    done = subprocess.run(make, capture_output=True, text=True)
    assert done.returncode != 0 and why in done.stderr, done.stderr


# --- real answers -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def home():
    with Installation() as installation:
        installation.scene = Scene(installation)
        installation.scene.person("ruler1", "E0", [("operator", "east"), ("operator", "west")])
        installation.scene.flush()
        installation.yqctl("rule", "defaults")
        installation.start("yq-gateway")
        yield installation


@pytest.fixture(scope="module")
def people(home):
    return {role: home.scene.login(role + "1") for role in [*ROLES, "ruler"]}


def closed(part):
    """The same, without room for members that are not in it: in an answer every member is told."""
    if isinstance(part, list):
        return [closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    part = {name: closed(one) for name, one in part.items()}
    if "properties" in part and isinstance(part["properties"], dict) and part.get("type") == "object":
        part.setdefault("additionalProperties", False)
    return part


CLOSED = closed(copy.deepcopy(DOCUMENT["components"]))


def check(operation, answer):
    """Whether the body has a schema; it fits then."""
    told = operation["responses"].get(str(answer.status), operation["responses"]["default"])
    type = (answer.headers["Content-Type"] or "").split(";")[0]
    schema = told.get("content", {}).get(type, {}).get("schema")
    assert schema is not None or answer.status < 400, f"a problem without a schema: {type}"
    if schema is None:
        return False
    faults = list(jsonschema.Draft202012Validator({**closed(schema), "components": CLOSED}).iter_errors(answer.body))
    assert not faults, [(list(one.absolute_path), one.message[:300]) for one in faults[:5]]
    return True


# Of these the scene has none, or only one that cannot be shown; other tests look at them.
NOT_THERE = {"/api/v1/tasks/{task}/revisions/{revision}", "/api/v1/reports/{report}", "/api/v1/conflicts/{conflict}", "/api/v1/quarantine/{object}"}


def place_of(scene, pattern, site="E1"):
    """Those of the scene, also where a study is named by its UID."""
    if pattern.startswith("/api/v1/viewer/"):
        return pattern.replace("{study}", scene.uids["E1"])
    return address(scene, pattern, site)


def typed():
    for (method, pattern), operation in ALL.items():
        if method == "GET" and "application/json" in operation["responses"].get("200", {}).get("content", {}) and pattern not in NOT_THERE:
            yield pattern


def test_what_is_answered_fits(home, people):
    """Every answer with a schema, as each role that gets it, of a community with a study, a task, a delivery and the rest."""
    wanted = [*typed(), "/dicom-web/studies"]
    assert len(wanted) > 40
    for pattern in wanted:
        roles = ALL["GET", pattern]["x-roles"] or ["reporter"]
        answers = [people[role].get(place_of(home.scene, pattern)) for role in roles]
        good = [one for one in answers if one.status == 200]
        assert good, (pattern, answers)
        for answer in good:
            try:
                assert check(ALL["GET", pattern], answer)
            except AssertionError as fault:
                raise AssertionError(f"GET {pattern}: {fault}") from None


def test_what_is_done_fits(home, people):
    """Acts one after another, each as somebody who may; what they take and what they answer are as told."""
    scene, ids = home.scene, {}

    def act(role, method, pattern, body, status=200):
        operation, names = ALL[method, pattern], {name: value for name, value in ids.items() if "{%s}" % name in pattern}
        told = operation["requestBody"]["content"]["application/json"]["schema"]
        faults = list(jsonschema.Draft202012Validator({**closed(told), "components": CLOSED}).iter_errors(body))
        assert not faults, (pattern, faults)
        answer = people[role].request(method, pattern.format(**names) if names else address(scene, pattern), body)
        assert answer.status == status and str(status) in operation["responses"], (method, pattern, answer.status, answer.body)
        assert check(operation, answer), pattern
        return answer.body

    act("reporter", "POST", "/api/v1/phrases", BODIES["phrases"])
    act("reporter", "POST", "/api/v1/tasks/{task}/check", BODIES["check"])
    lease = act("reporter", "POST", "/api/v1/tasks/{task}/take", {})["lease_token"]
    draft = act("reporter", "PUT", "/api/v1/tasks/{task}/draft", {"lease_token": lease, "revision": 0, "body": {"findings": "x", "result": None}})
    ids["report"] = draft["report_id"]
    got = people["reporter"].get(f"/api/v1/reports/{ids['report']}")
    assert got.status == 200 and check(ALL["GET", "/api/v1/reports/{report}"], got)
    got = people["reporter"].get(address(scene, "/api/v1/tasks/{task}/report"))
    assert got.body["report"]["id"] == ids["report"] and check(ALL["GET", "/api/v1/tasks/{task}/report"], got)
    act("radiographer", "POST", "/api/v1/questions/{question}/answer", {"answer": "since May"})
    act("reporter", "POST", "/api/v1/queue/next", BODIES["next"])
    act("reporter", "POST", "/api/v1/login", {"account": "reporter1", "password": PASSWORD})

    # Rules and duties hold for every site.
    version = people["ruler"].get("/api/v1/rules").body["version"]
    version = act("ruler", "PUT", "/api/v1/rule-groups", {"base_version": version, "name": "spare", "mode": "first"})["version"]
    act("ruler", "POST", "/api/v1/rule-groups/remove", {"base_version": version, "name": "spare"})
    act("ruler", "POST", "/api/v1/rule-test", {"study": scene.studies["E1"]})
    act("ruler", "POST", "/api/v1/rule-test", {"facts": {"modality": ["CT"]}, "at": None})
    choices = people["ruler"].get("/api/v1/rule-choices").body
    agreed = {"hospital_id": scene.scopes["E0"], "scope_id": scene.scopes["E1"], "from_day": "2026-01-01", "until_day": None, "note": "x"}
    ids["agreement"] = act("ruler", "POST", "/api/v1/agreements", agreed)["id"]
    act("ruler", "POST", "/api/v1/agreements/{agreement}/end", {"last_day": "2099-01-01"})
    queues = [one["id"] for one in choices["queues"]]
    ids["duty"] = act("ruler", "POST", "/api/v1/duties", {"queue_id": queues[0], "by_queue_id": queues[1], "weekdays": "6,7", "hours": None, "note": "x"})["id"]
    act("ruler", "POST", "/api/v1/duties/{duty}/end", {})


# What DICOMweb says beside 200: who asks, how, and with which answer.
DATASET = {"00741000": {"vr": "CS", "Value": ["IN PROGRESS"]}, "00081195": {"vr": "UI", "Value": ["2.25.77"]}}
AS_TEXT, AS_JSON, BIG = {"Content-Type": "text/plain"}, {"Content-Type": "application/dicom+json"}, json.dumps({"00741238": {"vr": "LT", "Value": ["x" * 50000]}})
STATUSES = [
    ("reporter", "GET", "/dicom-web/studies", "", None, {}, 200),
    ("reporter", "GET", "/dicom-web/studies", "?PatientID=nobody", None, {}, 204),
    ("reporter", "GET", "/dicom-web/studies", "?limit=x", None, {}, 400),
    ("reporter", "GET", "/dicom-web/studies", "", None, {"Accept": "text/html"}, 406),
    ("reporter", "GET", "/dicom-web/studies/{study}/metadata", "", None, {}, 404),
    ("reporter", "GET", "/dicom-web/studies/{study}/series/{series}/instances/{instance}/rendered", "", None, {"Accept": "text/html"}, 406),
    ("reporter", "GET", "/dicom-web/studies/{study}/series/{series}/instances/{instance}/rendered", "?quality=x", None, {}, 400),
    ("radiographer", "POST", "/dicom-web/studies", "", "x", AS_TEXT, 415),
    ("radiographer", "POST", "/dicom-web/studies", "", "x", {"Content-Type": "application/dicom"}, 409),
    ("reporter", "POST", "/dicom-web/workitems", "", "{}", AS_JSON, 403),
    ("reporter", "GET", "/dicom-web/workitems", "", None, {}, 200),
    ("reporter", "GET", "/dicom-web/workitems", "?PatientID=nobody", None, {}, 204),
    ("reporter", "GET", "/dicom-web/workitems", "?limit=x", None, {}, 400),
    ("reporter", "GET", "/dicom-web/workitems/{workitem}", "", None, {}, 200),
    ("reporter", "PUT", "/dicom-web/workitems/{workitem}/state", "", "x", AS_TEXT, 415),
    ("reporter", "PUT", "/dicom-web/workitems/{workitem}/state", "", BIG, AS_JSON, 413),
    ("reporter", "PUT", "/dicom-web/workitems/{workitem}/state", "", "{}", AS_JSON, 400),
    ("reporter", "PUT", "/dicom-web/workitems/{workitem}/state", "", json.dumps([DATASET]), AS_JSON, 200),
    ("reviewer", "PUT", "/dicom-web/workitems/{workitem}/state", "", json.dumps(DATASET), AS_JSON, 409),
    ("reporter", "POST", "/dicom-web/workitems/{workitem}", "?transaction-uid=2.25.78", json.dumps({"00741002": {"vr": "SQ", "Value": [{"00741004": {"vr": "DS", "Value": [50]}}]}}), AS_JSON, 409),
    ("reporter", "POST", "/dicom-web/workitems/{workitem}/subscribers/{aetitle}", "?deletionlock=x", None, {}, 400),
    ("reporter", "POST", "/dicom-web/workitems/{workitem}/subscribers/{aetitle}", "", None, {}, 201),
    ("reporter", "DELETE", "/dicom-web/workitems/{workitem}/subscribers/{aetitle}", "", None, {}, 200),
    ("reporter", "POST", "/dicom-web/workitems/{workitem}/cancelrequest", "", None, {}, 409),
    ("reporter", "GET", "/dicom-web/subscribers/{aetitle}", "", None, {}, 426),
]


def test_dicomweb_answers_with_the_statuses_that_are_told(home, people):
    """Each is named for its operation, with its type."""
    scene = home.scene
    for role, method, pattern, query, body, headers, status in STATUSES:
        place = pattern.format(**{"study": "1.2", "series": "1.2.3", "instance": "1.2.3.4", "workitem": scene.workitems["E2"], "aetitle": "WS1"})
        answer = people[role].request(method, place + query, body, headers)
        name = f"{method} {pattern}{query} {headers}"
        assert answer.status == status, (name, answer.status, answer.body)
        told = ALL[method, pattern]["responses"].get(str(status))
        assert told is not None, f"{name}: {status} is not told"
        type = (answer.headers["Content-Type"] or "").split(";")[0]
        assert (type in told["content"]) if answer.body else ("content" not in told), (name, type, told)
        for header in told.get("headers", {}):
            assert status in (200, 202) or answer.headers[header], (name, header)
        if answer.body:
            assert check(ALL[method, pattern], answer), name


def test_a_body_that_is_not_wanted_may_be_left_out(home, people):
    """Of a foreign site: what is wanted is missed first, or else the thing itself."""
    for (method, pattern), operation in ALL.items():
        body = operation.get("requestBody")
        if body is None or not pattern.startswith("/api/") or not operation["x-roles"]:
            continue
        answer = people[operation["x-roles"][0]].request(method, place_of(home.scene, pattern, "W1"))
        assert (answer.status in (400, 415)) == body["required"], (method, pattern, answer.status, answer.body)


def test_what_is_refused_fits(home, people):
    """Whatever is asked of a foreign site, or without anything in the body, is a problem as it is told."""
    seen = 0
    for (method, pattern), operation in ALL.items():
        if method == "GET" or not operation["x-roles"]:
            continue
        answer = people[operation["x-roles"][0]].request(method, address(home.scene, pattern, "W1"), body_of(home.scene, method, pattern))
        if answer.status >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json" and check(operation, answer), (method, pattern, answer)
            seen += 1
    assert seen > 60


def test_it_is_served(home):
    got = home.api().get("/api/v1/openapi.json")
    assert got.status == 200 and got.body == DOCUMENT
