"""Bodies and queries that no page sends, at every call of the gateway: each gets an answer that is the sender's fault or none's, never the server's."""

import json
import pathlib
import random
import socket
import sys
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from tests.e2e.test_api import GUARDED, address, body_of, ids  # noqa: E402
from tests.support.installation import PATIENCE_S, Installation  # noqa: E402
from tests.support.messaging import await_true  # noqa: E402
from tests.support.scene import PASSWORD, ROLES, Scene  # noqa: E402

RAW_COPIES = 6
VALUES = [None, True, -1, 2**63 - 1, 2**64, 1e308, "", "\x01", "a\nb", "\u202e\ufffe", "x" * 70000, "'; DROP TABLE study; --", "%s\\", "2026-02-30",
          str(uuid.UUID(int=0)), [], {"a": {"b": {}}}]
# What JSON text can say and no value of this language: NUL, halves of characters, endless numbers.
TEXTS = [b'"a\\u0000b"', b'"\\ud800"', b"1" * 400, b"1e999", b'"\xff\xfe"', b"[" * 33 + b"]" * 33]
QUERIES = ["day", "from", "to", "period", "site", "state", "q", "modality", "limit", "after", "before", "ids", "scope", "matched", "patient_class", "kind", "format",
           "language", "group", "since", "mine", "study", "destination", "person", "action", "body_part"]


@pytest.fixture(scope="module")
def home():
    with Installation() as installation:
        installation.scene = Scene(installation)
        installation.start("yq-gateway")
        process = installation.running["yq-gateway"]
        yield installation
        assert process.poll() is None, "yq-gateway ended\n" + installation.log("yq-gateway")
        log = installation.log("yq-gateway")
        assert "runtime error" not in log and "AddressSanitizer" not in log
        assert "panic" not in log


@pytest.fixture(scope="module")
def people(home):
    return {role: home.scene.login(role + "1") for role in [*ROLES, "nobody"]}


def send(api, method, target, content):
    """Bytes as they are, as JSON."""
    return api.request(method, target, content, {"Content-Type": "application/json"})


def judge(got, what):
    assert got.status < 500, f"{what}: {got.status} {got.body}"
    if got.status >= 400:
        assert got.body["kind"] and got.body["request_id"], what


def with_member(body, name, text):
    """The body with the text of a value in the place of a member's."""
    rest = {key: value for key, value in body.items() if key != name}
    start = json.dumps(rest)[:-1].encode()
    return start + (b", " if rest else b"") + json.dumps(name).encode() + b": " + text + b"}"


def hostile_members(body):
    names = list(body) or ["reason"]
    for name in names:
        for value in VALUES:
            yield with_member(body, name, json.dumps(value).encode())
        for text in TEXTS:
            yield with_member(body, name, text)
        yield json.dumps({key: value for key, value in body.items() if key != name}).encode()
        yield with_member(body, name, b'1, ' + json.dumps(name).encode() + b": 2")


def damaged(body, seed):
    randomness = random.Random(seed)
    whole = json.dumps(body).encode()
    for _ in range(RAW_COPIES):
        copy = bytearray(whole)
        for _ in range(randomness.randrange(1, 4)):
            at = randomness.randrange(len(copy))
            if randomness.random() < 0.6:
                copy[at] = randomness.choice(b'\x00"\\{}[]:,\xff\xc0 0') if randomness.random() < 0.5 else copy[at] ^ 1 << randomness.randrange(8)
            else:
                del copy[at:at + randomness.randrange(1, 9)]
            copy = copy or bytearray(b"{")
        yield bytes(copy)
    yield from (b"", b"null", b"[]", b'"x"', b"{", b"\xef\xbb\xbf{}", whole + b"x", whole + whole, b" " * 3000 + whole, b'{"a":' * 40 + b"1" + b"}" * 40)


WITH_BODY = [route for route in GUARDED if route[0] in ("POST", "PUT", "PATCH") and not route[1].endswith(("/logout", "/test"))]


@pytest.mark.parametrize("route", WITH_BODY, ids=ids)
def test_bodies(home, people, route):
    method, pattern, roles, _ = route
    api = people[sorted(roles)[0] if roles else "nobody"]
    target, body = address(home.scene, pattern), body_of(home.scene, method, pattern)
    for content in hostile_members(body):
        judge(send(api, method, target, content), content[:200])
    for content in damaged(body, method + pattern):
        judge(send(api, method, target, content), content[:200])


def test_login(home):
    body = {"account": "reporter1", "password": "wrong password"}
    for content in [*hostile_members(body), *damaged(body, "login")]:
        judge(send(home.api(), "POST", "/api/v1/login", content), content[:200])
    assert home.api().post("/api/v1/login", {"account": "reviewer2", "password": PASSWORD}).status in (200, 429)


@pytest.mark.parametrize("route", [route for route in GUARDED if route[0] == "GET" and route[1] != "/api/v1/events"], ids=ids)
def test_queries(home, people, route):
    method, pattern, roles, _ = route
    api = people[sorted(roles)[0] if roles else "nobody"]
    target = address(home.scene, pattern)
    for value in ["", "%00", "%ff", "%E5%BC%A0", "'", "-1", "99999999999999999999", "2026-02-30", "2999-12-31", "x" * 600, str(uuid.uuid4()), "a,b"]:
        # One that is refused hides those behind it, so each is the first one once.
        for name in QUERIES if value == "'" else QUERIES[:1]:
            query = "&".join(f"{other}={value}" for other in [name, *QUERIES])
            judge(api.request(method, f"{target}?{query}", None), query[:200])
    judge(api.request(method, target + "?" + "&".join(f"a{n}=1" for n in range(40)), None), "40 arguments")


def test_bodies_beyond_all_bounds(people):
    """Refused at the head; who sends on all the same may find the connection gone before he reads why."""
    for size in (17 * 1024, 200 * 1024, 3 << 20):
        try:
            assert send(people["reporter"], "POST", "/api/v1/phrases", b'{"text":"' + b"x" * size + b'"}').status == 413
        except (BrokenPipeError, ConnectionResetError):
            assert size > 17 * 1024
    assert people["reporter"].get("/api/v1/me").status == 200


@pytest.mark.parametrize("arguments, size, status", [(33, 0, 400), (100, 0, 400), (500, 0, 414), (5000, 0, 414), (32, 23000, 414), (1, 64 * 1024, 414), (5000, 64 * 1024, 414)])
def test_addresses_beyond_all_bounds(home, people, arguments, size, status):
    """Answered at once, whether the reader of requests has room for them or not; and the log says so without a word of theirs."""
    query = "&".join(f"PatientName{n}=Li" for n in range(arguments))
    target = f"/dicom-web/workitems?{query}" + "x" * (size - len(query))
    with socket.create_connection(("127.0.0.1", home.http_port), timeout=PATIENCE_S) as connection, connection.makefile("rb") as answer:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: t\r\nCookie: {people['reporter'].cookie}\r\nConnection: close\r\n\r\n".encode())
        head, _, body = answer.read().partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode()), head
    if b"problem+json" in head:
        said = json.loads(body)
        assert (said["status"], said["kind"]) == (status, "invalid") and said["detail"]
        assert head.startswith(f"HTTP/1.1 {status} {said['title']}\r\n".encode()), said
        request = said["request_id"]
        # Its line is written behind the answer.
        line = await_true("its line in the log", lambda: [line for line in home.log("yq-gateway").splitlines() if f"request={request}" in line])
        assert len(line) == 1 and f" status={status} " in line[0]
    assert people["reporter"].get("/api/v1/me").status == 200
    assert "PatientName" not in home.log("yq-gateway")
