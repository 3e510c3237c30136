"""The whole path: a study pushed in a township comes back as a signed report and is counted (deploy/demo-walk, as make run does it)."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from demo import PROGRAMS, Demo  # noqa: E402
from installation import BUILD, PATIENCE_S, TREE  # noqa: E402

STATIONS = 10


@pytest.fixture(scope="module")
def walked():
    with Demo() as home:
        home.start_site()
        home.start(*PROGRAMS)
        done = home.walk()
        assert done.returncode == 0, done.stdout + done.stderr + "".join(home.log(name)[-3000:] for name in PROGRAMS)
        yield home, done.stdout


def study_of(home):
    return home.yqctl("study", "list", json=True)[0]


def test_every_station_is_printed_with_its_time(walked):
    home, output = walked
    lines = [line for line in output.splitlines() if len(line) > 20 and line[2:3] == ":" and " s  " in line]
    assert len(lines) == STATIONS, output
    assert f"http://127.0.0.1:{home.http_port}/" in output
    for account, password in home.passwords().items():
        assert account in output and password in output
    assert "无法律效力" in output


def test_the_site_has_both_objects_as_they_left(walked):
    """Byte for byte: the digests of what the site received are those of our own instances."""
    home, _ = walked
    own = {one["sop_instance_uid"]: one["sha256"] for one in home.yqctl("instance", "list", json=True) if one["origin"] == "own"}
    got = home.received_digests()
    assert len(own) == 2
    assert got == own


def test_our_own_objects_are_not_news(walked):
    home, _ = walked
    study = study_of(home)
    assert (study["state"], study["instances"], study["version"]) == ("complete", 2, 1)
    assert [one["state"] for one in home.yqctl("task", "list", json=True)] == ["done"]
    assert {one["state"] for one in home.yqctl("delivery", "list", json=True)} == {"delivered"}


def test_every_signature_is_accepted_by_pdfsig(walked, tmp_path):
    home, _ = walked
    subprocess.run(["certutil", "-N", "-d", f"sql:{tmp_path}", "--empty-password"], check=True, capture_output=True)
    subprocess.run(["certutil", "-A", "-d", f"sql:{tmp_path}", "-n", "demo", "-t", "CT,C,C", "-i", home.home / "keys" / "demo-ca.pem"],
                   check=True, capture_output=True)
    done = subprocess.run(["pdfsig", "-nssdir", f"sql:{tmp_path}", home.home / "demo" / "report.pdf"], capture_output=True, text=True)
    assert done.stdout.count("Signature is Valid.") == 2, done.stdout + done.stderr
    assert done.stdout.count("Certificate is Trusted.") == 2, done.stdout


def test_one_flipped_byte_is_refused(walked, tmp_path):
    home, _ = walked
    paper = bytearray((home.home / "demo" / "report.pdf").read_bytes())
    paper[len(paper) // 3] ^= 1
    path = tmp_path / "flipped.pdf"
    path.write_bytes(paper)
    done = home.yqctl("report", "verify", path, "--json", status=None)
    assert done.returncode == 74, done.stdout + done.stderr
    assert json.loads(done.stdout)["standing"] == "altered"


def test_figures_agree_at_every_door(walked):
    home, _ = walked
    coverage = home.yqctl("coverage", json=True)
    community = next(one for one in coverage["communities"] if one["name"] == "台山市人民医院医疗卫生共同体")
    site = next(one for one in community["site_list"] if one["code"] == "ts-shuibu")
    assert (site["images"], site["reports"], site["is_connected"], site["is_served"], site["is_regular"]) == (2, 1, True, True, False)
    assert (community["sites"], community["connected"], community["served"], community["regular"]) == (8, 1, 1, 0)
    api = home.api()
    api.login("county", home.passwords()["county"])
    status, body = api.get("/api/v1/coverage")
    assert status == 200 and body == coverage


def test_store_and_audit_agree_afterwards(walked):
    home, _ = walked
    check = home.yqctl("store", "check", "--orphan-grace", "0 s", json=True)
    assert (check["missing"], check["mismatched"], check["orphans"], check["pending"]) == (0, 0, 0, 0), check
    assert check["instances"] >= 4
    assert home.yqctl("audit", "verify", json=True)["faults"] == 0


def test_no_log_and_no_audit_record_names_the_patient(walked):
    home, _ = walked
    study = study_of(home)
    for path in (home.home / "log").iterdir():
        text = path.read_text(errors="replace")
        for word in ("张", "ZHANG^SAN", study["patient_id"], study["accession_number"]):
            assert word not in text, f"{path.name} names the patient: {word}"
    details = "\n".join("".join(row) for row in home.sql("SELECT actor, subject, detail::text FROM audit"))
    assert "ZHANG" not in details and study["patient_id"] not in details


def test_another_walk_is_another_study(walked):
    home, _ = walked
    done = home.walk()
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(home.yqctl("study", "list", json=True)) == 2
    assert home.yqctl("status", json=True)["tasks"]["done"] == 2


def test_a_site_that_is_away_gets_its_report_later(walked):
    """No failed delivery is lost, none is doubled: hold the deliveries while the walk waits for the return."""
    home, _ = walked
    home.stop_site()
    before = {path.name for path in home.received.iterdir()}
    process = subprocess.Popen([TREE / "deploy" / "demo-walk"], env=home.environment(YQ_BIN_DIR=str(BUILD / "bin")),
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in process.stdout:
        if "审核，签名，发布" in line:
            break
    while not any(one["attempts"] > 0 and one["state"] != "delivered" for one in home.yqctl("delivery", "list", json=True)):
        assert process.poll() is None, "the walk ended without the site"
    home.start_site()
    rest = process.stdout.read()
    assert process.wait(PATIENCE_S) == 0, rest
    assert len({path.name for path in home.received.iterdir()} - before) == 2


# ---- what can go wrong -------------------------------------------------------------------------------------------------------


def failed_walk(home, *says):
    done = home.walk()
    assert done.returncode == 1, done.stdout
    for text in says:
        assert text in done.stderr, done.stderr
    return done


def test_each_missing_program_is_named_at_its_station():
    with Demo() as home:
        home.start_site()
        failed_walk(home, "station 3 failed", "storescu")
        home.start("yq-storescp")
        home.start("yq-router")
        failed_walk(home, "station 6 failed", str(home.http_port))


def test_an_installation_that_is_no_demonstration_is_left_alone():
    with Demo(YQ_DEMO="no") as home:
        failed_walk(home, "station 1 failed", "no demonstration")
        assert home.yqctl("site", "list", json=True) == []


def test_without_an_installation(tmp_path):
    done = subprocess.run([TREE / "deploy" / "demo-walk"], env={**os.environ, "YQ_HOME": str(tmp_path), "YQ_DEMO": "yes",
                                                               "YQ_BIN_DIR": str(BUILD / "bin")}, capture_output=True, text=True)
    assert done.returncode == 1 and "make run" in done.stderr
