"""The viewer of whole studies as the gateway serves it: who gets it, headers, caching, and whose priors it is told of. What it shows: tests/web/test_viewer_ohif.mjs."""

import gzip
import pathlib
import re
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from tests.support.installation import TREE, Installation  # noqa: E402
from tests.support.scene import Scene  # noqa: E402

BUILT = TREE / "build" / "viewer"
JSON = "application/dicom+json"
PAGE_POLICY = {"default-src": "'none'", "script-src": "'self' 'wasm-unsafe-eval'", "style-src": "'self' 'unsafe-inline'", "img-src": "'self' data: blob:",
               "font-src": "'self'", "media-src": "'self' blob:", "connect-src": "'self'", "frame-src": "'self' blob:",
               "object-src": "'self' blob:", "worker-src": "'self' blob:", "manifest-src": "'self'", "base-uri": "'none'", "form-action": "'none'",
               "frame-ancestors": "'none'"}


@pytest.fixture(scope="module")
def home():
    with Installation() as installation:
        installation.scene = Scene(installation)
        installation.start("yq-gateway")
        yield installation


@pytest.fixture(scope="module")
def api(home):
    return home.scene.login("reporter1")


def files():
    """Addresses and paths of everything that was built, the page apart."""
    return {"/viewer/" + str(path.relative_to(BUILT)): path for path in BUILT.rglob("*")
            if path.is_file() and path.suffix != ".gz" and path != BUILT / "index.html"}


def policy(headers):
    return {name: sources for name, _, sources in (part.partition(" ") for part in headers["Content-Security-Policy"].split("; "))}


@pytest.mark.parametrize("address", ["/viewer", "/viewer/", "/viewer?StudyInstanceUIDs=1.2.3", "/viewer?StudyInstanceUIDs=1.2&hangingprotocolId=mpr"])
def test_the_page(api, address):
    page = api.get(address)
    assert page.status == 200 and page.body == (BUILT / "index.html").read_bytes()
    assert policy(page.headers) == PAGE_POLICY
    assert (page.headers["Content-Type"], page.headers["Cache-Control"]) == ("text/html; charset=utf-8", "private, no-cache")
    assert (page.headers["X-Frame-Options"], page.headers["Cross-Origin-Opener-Policy"]) == ("DENY", "same-origin")
    assert api.get(address, **{"If-None-Match": page.headers["ETag"]}).status == 304


def test_the_page_has_nothing_inline_and_nothing_foreign(api):
    text = (BUILT / "index.html").read_text()
    assert "://" not in text and "<style" not in text and not re.search(r"<script(?![^>]*\bsrc=)", text)
    wanted = re.findall(r'\b(?:src|href)="([^"]+)"', text)
    assert len(wanted) >= 3 and set(wanted) - {"/icon.svg"} <= set(files())


def test_another_package_than_the_pinned_one_is_not_built(tmp_path):
    (tmp_path / "ohif-app-3.13.2.tgz").write_bytes(b"not the one")
    done = subprocess.run(["node", TREE / "gateway" / "web" / "viewer" / "build.mjs", tmp_path, tmp_path / "out"], capture_output=True, text=True)
    assert done.returncode != 0 and "is not what ohif.json pins" in done.stderr and not (tmp_path / "out").exists()


def test_its_licence_comes_with_it(api):
    address = next(one for one in files() if one.endswith("/LICENSE.txt"))
    assert b"MIT" in api.get(address).body


def test_what_does_not_belong_was_cut():
    names = [str(path.relative_to(BUILT)) for path in BUILT.rglob("*")]
    assert not [name for name in names if name.endswith(".map") or "/ort/" in name or "service-worker" in name or name.endswith("/sw.js")]
    assert sum(path.stat().st_size for path in files().values()) < 75_000_000


def test_every_file_is_served_as_it_was_built_and_kept_by_the_browser(home, api):
    some = sorted(files())
    for address in some:
        got = api.request("HEAD", address)
        assert (got.status, int(got.headers["Content-Length"])) == (200, files()[address].stat().st_size), address
        assert got.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        if address.endswith(".js"):
            assert policy(got.headers)["script-src"] == "'self' 'unsafe-eval'" and policy(got.headers)["default-src"] == "'none'"
        else:
            assert "Content-Security-Policy" not in got.headers
        assert home.api().get(address).status == 401
    assert {pathlib.PurePath(address).suffix for address in some} >= {".js", ".css", ".wasm"}
    for suffix in (".js", ".css", ".wasm"):
        address = min((one for one in some if one.endswith(suffix)), key=lambda one: files()[one].stat().st_size)
        plain, packed = api.get(address), api.get(address, **{"Accept-Encoding": "gzip"})
        assert plain.body == files()[address].read_bytes() and "Content-Encoding" not in plain.headers
        if packed.headers["Content-Encoding"]:
            assert gzip.decompress(packed.body) == plain.body and packed.headers["ETag"] != plain.headers["ETag"]
            assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
        again = api.get(address, **{"If-None-Match": plain.headers["ETag"]})
        assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("address", ["/viewer/index.html", "/viewer/a", "/viewer/a/b", "/viewer/..%2fweb/index.html", "/viewer/a/../../web/index.html", "/viewer//",
                                     "/viewer/%2e%2e/x", "/viewer/a/b/c/d/e", "/viewer/local"])
def test_every_other_address_is_a_problem(api, address):
    got = api.get(address)
    assert got.status == 404 and got.body["kind"] == "not_found"


def test_a_folder_of_ones_own_and_none(tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>mine")
    (tmp_path / "r" / "a.js").write_text("1")
    with Installation({"YQ_VIEWER": str(tmp_path)}) as own:
        scene = Scene(own)
        own.start("yq-gateway")
        api = scene.login("clinician1")
        assert api.get("/viewer").body == b"<!doctype html>mine" and api.get("/viewer/r/a.js").body == b"1"
        (tmp_path / "r" / "a.js").unlink()
        assert api.get("/viewer/r/a.js").status == 503, "it was built anew; the next start knows it"
        own.stop("yq-gateway")
        own.start("yq-gateway", YQ_VIEWER="nowhere")
        api = scene.login("clinician1")
        got = api.get("/viewer")
        assert got.status == 404 and "make build" in got.body["detail"] and "web_missing" in own.log("yq-gateway")
        assert api.get("/healthz").status == 200


def test_priors_are_of_the_patient_not_of_the_number(home, api):
    """Another person with the same number is none, the same person with another number is; what the rights do not reach is not there."""
    scene = home.scene
    names = ["viewer now", "viewer prior", "viewer stranger", "viewer far"]
    for name in names:
        scene.study("W1" if name == "viewer far" else "E2" if name == "viewer prior" else "E1", name, with_task=False)
    scene.flush()
    where = "SELECT claim_id FROM study WHERE public_id = '{}'"
    home.sql(f"UPDATE identity_claim SET typed_id = '1' WHERE claim_id IN ({where.format(scene.studies[names[0]])}) OR claim_id IN ({where.format(scene.studies[names[2]])});"
             + "".join(f"UPDATE identity_claim SET patient_id = (SELECT patient_id FROM identity_claim WHERE claim_id = ({where.format(scene.studies[names[0]])}))"
                       f" WHERE claim_id = ({where.format(scene.studies[name])});" for name in (names[1], names[3])))
    uid = {name: home.sql(f"SELECT shown_uid FROM study WHERE public_id = '{scene.studies[name]}'")[0][0] for name in names}

    def found(of, query=""):
        got = api.get(f"/dicom-web/patient-of/{of}/studies{query}", Accept=JSON)
        assert got.status == 200, got
        return {one["0020000D"]["Value"][0] for one in got.body}

    assert found(uid["viewer now"]) == found(uid["viewer now"], "?00100020=1&limit=101&offset=0&fuzzymatching=false&includefield=all") \
        == {uid["viewer now"], uid["viewer prior"]}
    assert found(uid["viewer prior"]) == {uid["viewer now"], uid["viewer prior"]}
    assert found(uid["viewer stranger"]) == {uid["viewer stranger"]}
    assert found(uid["viewer now"], f"?StudyInstanceUID={uid['viewer prior']}") == {uid["viewer prior"]}
    plain = api.get("/dicom-web/studies?00100020=1", Accept=JSON)
    assert {one["0020000D"]["Value"][0] for one in plain.body} == {uid["viewer now"], uid["viewer stranger"]}, "QIDO-RS itself goes by the number"
    assert api.get(f"/dicom-web/patient-of/{uid['viewer far']}/studies", Accept=JSON).status == 404
    for below in ("series", "instances"):
        assert api.get(f"/dicom-web/patient-of/{uid['viewer now']}/studies/{uid['viewer now']}/{below}", Accept=JSON).status == 204
        assert api.get(f"/dicom-web/patient-of/{uid['viewer now']}/studies/{uid['viewer far']}/{below}", Accept=JSON).status == 404
    assert api.get(f"/dicom-web/patient-of/{uid['viewer now']}/studies?StudyInstanceUID={uid['viewer stranger']}", Accept=JSON).status == 204
