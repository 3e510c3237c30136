"""The browser application as the gateway serves it: caching, compression, headers, addresses. What it does in a browser: tests/web."""

import gzip
import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from tests.support.installation import TREE, Installation  # noqa: E402
from tests.support.scene import Scene  # noqa: E402

BUILT = TREE / "build" / "web"
ADDRESSES = ["/", "/login", "/township", "/reading", "/reading/0c7b7c62-93f1-4a2f-8a4e-6a3f3a8f7d11", "/images", "/cockpit", "/operations"]
FIRST_VISIT_MAX = 700 * 1000

POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data: blob:; "
          "media-src 'self'; font-src 'self'; connect-src 'self'; frame-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; "
          "form-action 'self'; frame-ancestors 'none'")
PAGE_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), magnetometer=(), "
                          "microphone=(), midi=(), payment=(), serial=(), usb=(), fullscreen=(self)",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.fixture(scope="module")
def home():
    with Installation() as installation:
        installation.scene = Scene(installation)
        installation.start("yq-gateway")
        yield installation


def files():
    """Addresses and content of everything that was built, index.html apart."""
    found = {"/" + str(path.relative_to(BUILT)): path.read_bytes() for path in BUILT.rglob("*") if path.is_file() and path.suffix != ".gz"}
    assert found.pop("/index.html", None) and len(found) > 5
    return found


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address_of_the_application_is_the_page(home, address):
    page = home.api().get(address)
    assert page.status == 200 and page.body == (BUILT / "index.html").read_bytes()
    assert {name: page.headers[name] for name in PAGE_HEADERS} == PAGE_HEADERS
    assert page.headers["Cache-Control"] == "no-cache"
    head = home.api().request("HEAD", address)
    assert (head.status, head.body, head.headers["ETag"]) == (200, b"", page.headers["ETag"])


def test_every_address_of_the_router_is_served(home):
    """So that a reload, or a link that somebody was sent, opens the page."""
    text = (TREE / "gateway" / "web" / "src" / "router.ts").read_text()
    found = {re.sub(r":\w+", "x", path) for path in re.findall(r"\bpath: '(/[^'(]*)'", text)}
    assert {"/", "/login", "/reading/x"} <= found
    for address in found:
        got = home.api().get(address)
        assert got.status == 200 and got.headers["Content-Type"] == "text/html; charset=utf-8", address


@pytest.mark.parametrize("address", ["/index.html", "/nothing", "/login/", "/reading/1/2", "/assets", "/assets/", "/assets/..%2findex.html",
                                     "/assets/../index.html", "/assets/nothing.js", "/assets/%2e%2e/index.html", "//", "/style.css"])
def test_every_other_address_is_a_problem(home, address):
    got = home.api().get(address)
    assert got.status == 404 and got.headers["Content-Type"] == "application/problem+json" and got.body["kind"] == "not_found"


def test_every_file_is_served_as_it_was_built(home):
    types = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml; charset=utf-8"}
    for address, content in files().items():
        plain = home.api().get(address)
        assert (plain.status, plain.body) == (200, content), address
        assert plain.headers["X-Content-Type-Options"] == "nosniff" and "Content-Encoding" not in plain.headers
        assert plain.headers["Content-Type"] == types.get(pathlib.PurePath(address).suffix, plain.headers["Content-Type"])
        lasting = address.startswith("/assets/")
        assert plain.headers["Cache-Control"] == ("public, max-age=31536000, immutable" if lasting else "no-cache")
        assert not lasting or re.search(r"-[\w-]{8}\.\w+$", address), f"{address} has no hash in its name"
        packed = home.api().get(address, **{"Accept-Encoding": "br, gzip"})
        if packed.headers["Content-Encoding"]:
            assert packed.headers["Content-Encoding"] == "gzip" and gzip.decompress(packed.body) == content
            assert len(packed.body) < len(content) and packed.headers["ETag"] != plain.headers["ETag"]
            assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
        else:
            assert packed.body == content and "Vary" not in packed.headers
    scripts = [address for address in files() if address.endswith(".js")]
    assert any(home.api().get(address, **{"Accept-Encoding": "gzip"}).headers["Content-Encoding"] for address in scripts)


def test_what_a_browser_has_is_not_sent_again(home):
    for address in ["/", next(name for name in files() if name.endswith(".js"))]:
        for encoding in ("identity", "gzip"):
            got = home.api().get(address, **{"Accept-Encoding": encoding})
            tag = got.headers["ETag"]
            again = home.api().get(address, **{"Accept-Encoding": encoding, "If-None-Match": f'"other", {tag}'})
            assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
            assert again.headers["Cache-Control"] == got.headers["Cache-Control"] and again.headers["Content-Length"] in (None, got.headers["Content-Length"])
            assert home.api().get(address, **{"Accept-Encoding": encoding, "If-None-Match": '"other"'}).status == 200


def test_the_first_visit_is_small(home):
    """What index.html asks for before anything is shown, as it goes over the line."""
    page = home.api().get("/", **{"Accept-Encoding": "gzip"})
    text = gzip.decompress(page.body).decode()
    wanted = re.findall(r'<script\b[^>]*\bsrc="([^"]+)"', text) + re.findall(r'<link\b[^>]*\bhref="([^"]+)"', text)
    assert any(name.endswith(".js") for name in wanted) and any(name.endswith(".css") for name in wanted)
    total = len(page.body)
    for address in wanted:
        assert address.startswith("/"), f"{address} is not ours"
        got = home.api().get(address, **{"Accept-Encoding": "gzip"})
        assert got.status == 200, address
        total += len(got.body)
    assert total < FIRST_VISIT_MAX, f"the first visit loads {total} bytes"


def test_the_build_is_free_of_foreign_addresses():
    """Nothing that a page would fetch or run from elsewhere; addresses in texts of licences and standards do no harm."""
    index = (BUILT / "index.html").read_text()
    assert "http://" not in index and "https://" not in index and "<style" not in index
    assert not re.search(r"<script(?![^>]*\bsrc=)", index), "an inline script would be refused by the policy"
    for address, content in files().items():
        if address.endswith(".css"):
            assert not re.search(rb"url\(\s*['\"]?(https?:)?//", content) and b"@import" not in content, address


def test_without_a_build_the_pages_say_what_to_do():
    with Installation({"YQ_WEB": "nowhere"}) as bare:
        bare.start("yq-gateway")
        for address in ADDRESSES:
            got = bare.api().get(address)
            text = got.body.decode()
            assert got.status == 503 and text.count("make build") == 2 and "还没有网页程序" in text and "The pages are not built" in text
            assert {name: got.headers[name] for name in PAGE_HEADERS} == PAGE_HEADERS and got.headers["Cache-Control"] == "no-store"
        assert bare.api().get("/icon.svg").status == 404
        assert bare.api().get("/healthz").status == 200
        assert "web_missing" in bare.log("yq-gateway")


def test_a_folder_of_ones_own(tmp_path):
    (tmp_path / "index.html").write_text("<!doctype html>mine")
    with Installation({"YQ_WEB": str(tmp_path)}) as own:
        own.start("yq-gateway")
        assert own.api().get("/login").body == b"<!doctype html>mine"
        (tmp_path / "index.html").unlink()
        assert own.api().get("/").body == b"<!doctype html>mine", "read once"


# --- answers of the API -------------------------------------------------------------------------------------------------


def test_json_is_packed_but_never_beside_the_csrf_token(home):
    scene = home.scene
    scene.person("many1", "E0", [(role, "east") for role in ("reporter", "reviewer", "quality_controller", "operator", "clinician")])
    for i in range(8):
        scene.study("E2", name=f"packed{i}", with_task=False)
    scene.flush()
    api = scene.login("many1")
    accept = {"Accept-Encoding": "gzip"}
    plain, packed = api.get("/api/v1/studies"), api.get("/api/v1/studies", **accept)
    assert packed.headers["Content-Encoding"] == "gzip" and packed.headers["Vary"] == "Accept-Encoding"
    assert packed.body == plain.body and int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 2
    me = api.get("/api/v1/me", **accept)
    assert me.body["csrf_token"] and "Content-Encoding" not in me.headers and "Vary" not in me.headers
    assert int(me.headers["Content-Length"]) > 1024, "long enough to be packed"
    again = home.api().post("/api/v1/login", {"account": "many1", "password": "correct horse battery"}, **accept)
    assert again.body["csrf_token"] and "Content-Encoding" not in again.headers
