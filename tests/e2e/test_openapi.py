"""docs/openapi.json says what the gateway does: the routes, who may, how much is taken, and the shape of real answers."""

import copy
import json
import pathlib
import re
import subprocess
import sys

import jsonschema
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from tests.e2e.test_api import BODIES, ROUTES, address, body_of  # noqa: E402
from tests.support.installation import TREE, Installation  # noqa: E402
from tests.support.scene import ROLES, Scene  # noqa: E402

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


# --- real answers -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def home():
    with Installation() as installation:
        installation.scene = Scene(installation)
        installation.yqctl("rule", "defaults")
        installation.start("yq-gateway")
        yield installation


@pytest.fixture(scope="module")
def people(home):
    return {role: home.scene.login(role + "1") for role in ROLES}


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
NOT_THERE = {"/api/v1/tasks/{task}/revisions/{revision}", "/api/v1/conflicts/{conflict}", "/api/v1/quarantine/{object}"}


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
        answers = [people[role].get(address(home.scene, pattern)) for role in roles]
        good = [one for one in answers if one.status == 200]
        assert good, (pattern, answers)
        for answer in good:
            try:
                assert check(ALL["GET", pattern], answer)
            except AssertionError as fault:
                raise AssertionError(f"GET {pattern}: {fault}") from None


def test_what_is_done_fits(home, people):
    scene, reporter = home.scene, people["reporter"]
    steps = [("POST", "/api/v1/phrases", BODIES["phrases"]), ("POST", "/api/v1/tasks/{task}/check", BODIES["check"]),
             ("POST", "/api/v1/tasks/{task}/take", {}), ("POST", "/api/v1/queue/next", BODIES["next"]),
             ("POST", "/api/v1/login", {"account": "reporter1", "password": "correct horse battery"})]
    for method, pattern, body in steps:
        answer = reporter.request(method, address(scene, pattern), body)
        assert answer.status in (200, 201) and check(ALL[method, pattern], answer), (pattern, answer)


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
