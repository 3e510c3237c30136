"""deploy/run, which stands behind make run, stop and status, with small scripts in the place of the programs."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fakeprograms  # noqa: E402
from fakeprograms import LIMIT_S, TREE, wait_for  # noqa: E402


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _as_at_a_terminal():
    """What runs in the background or under nohup ignores these, and so would all that comes of it."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Installation:
    def __init__(self, folder, home):
        self.home = home
        fakeprograms.make_programs(folder)
        self.dicom, self.http = free_port(), free_port()
        clean = {key: value for key, value in os.environ.items() if not key.startswith("YQ_")}
        self.environment = {**clean, "YQ_BUILD": str(folder), "YQ_HOME": str(home), "YQ_PG_NO_SYNC": "1"}

    def begin(self, action, **settings):
        return subprocess.Popen([TREE / "deploy" / "run", action], env={**self.environment, **settings}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, preexec_fn=_as_at_a_terminal)

    def __call__(self, action, **settings):
        """Runs an action to its end: exit status and output."""
        process = self.begin(action, **settings)
        output, _ = process.communicate(timeout=2 * LIMIT_S)
        return process.returncode, output

    def start(self, **settings):
        return self("start", YQ_DEMO="no", YQ_DICOM_PORT=str(self.dicom), YQ_HTTP_PORT=str(self.http), **settings)

    def options(self):
        lines = (self.home / "etc" / "yingqiao.conf").read_text().splitlines()
        return dict(line.split(" = ", 1) for line in lines if " = " in line and not line.startswith("#"))

    def programs(self):
        return fakeprograms.programs(self.home)


@pytest.fixture
def folder():
    folder = fakeprograms.make_folder()
    yield folder
    subprocess.run(["rm", "-rf", folder], check=True)


@pytest.fixture
def installation(folder):
    it = Installation(folder, folder / "home")
    yield it
    it("stop")


def test_start_status_stop(installation):
    status, output = installation.start()
    assert status == 0, output
    assert f"http://127.0.0.1:{installation.http}/" in output
    status, output = installation("status")
    assert status == 0 and "running" in output and "all is well" in output, output
    status, output = installation("stop")
    assert status == 0, output
    assert fakeprograms.nothing_runs(installation.home)
    status, output = installation("status")
    assert status == 3 and "stopped" in output, output
    status, output = installation("stop")
    assert status == 0 and "not running" in output, output


def test_a_second_start_changes_nothing(installation):
    assert installation.start()[0] == 0
    before = installation.programs()
    status, output = installation("start")
    assert status == 0, output
    assert installation.programs() == before


def test_given_settings_are_kept_and_change_a_running_installation(installation):
    assert installation.start()[0] == 0
    before = installation.programs()
    assert (installation.options()["dicom_port"], installation.options()["demo"]) == (str(installation.dicom), "no")
    status, output = installation("start", YQ_LOG_LEVEL="debug")
    assert status == 0 and "log_level" in output, output
    assert installation.options()["log_level"] == "debug"
    assert installation.programs()["yq-router"][0] != before["yq-router"][0], "not restarted"
    now = installation.programs()
    assert installation("start")[0] == 0
    assert installation.programs() == now, "restarted without a reason"


def test_restart_replaces_the_programs_and_says_when_it_cannot(installation):
    assert installation.start()[0] == 0
    before = installation.programs()
    status, output = installation("restart")
    assert status == 0 and "restarted" in output, output
    after = installation.programs()
    assert {name for name in before if before[name][0] == after[name][0]} == {"ledger"}
    (installation.home / "broken").touch()
    status, output = installation("restart")
    assert status == 1 and "could not restart" in output and "the running yq-storescp goes on" in output, output
    assert installation.programs() == after


def test_restart_brings_new_settings(installation):
    assert installation.start()[0] == 0
    before = installation.programs()
    assert installation("restart", YQ_LOG_LEVEL="debug")[0] == 0
    assert installation.options()["log_level"] == "debug"
    after = installation.programs()
    assert after["ledger"] == before["ledger"] and after["yq-storescp"][0] != before["yq-storescp"][0]
    other = free_port()
    status, output = installation("restart", YQ_DICOM_PORT=str(other))
    assert status == 0 and "dicom_port" in output, output
    assert installation.programs()["ledger"][0] != after["ledger"][0], "the supervisor cannot change its port while it runs"
    with socket.create_connection(("127.0.0.1", other), LIMIT_S):
        pass


def test_restart_of_what_does_not_run(installation):
    status, output = installation("restart")
    assert status == 1 and "not running" in output, output


def test_a_wrong_setting_is_named_and_not_kept(installation):
    assert installation.start()[0] == 0
    before = installation.options()
    status, output = installation("start", YQ_LEASE="15")
    assert status == 1 and "lease" in output, output
    assert installation.options() == before


def test_a_taken_port_is_named(installation):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", installation.http))
        taken.listen()
        status, output = installation.start()
    assert status == 1
    assert f"port {installation.http} is taken" in output and "YQ_HTTP_PORT" in output, output
    assert fakeprograms.nothing_runs(installation.home)


def test_a_program_that_cannot_start_is_named_and_nothing_stays(installation):
    installation.home.mkdir()
    (installation.home / "broken").touch()
    status, output = installation.start()
    assert status == 1
    assert "ended at its start" in output and "broken on purpose" in output, output
    assert fakeprograms.nothing_runs(installation.home)
    (installation.home / "broken").unlink()
    assert installation.start()[0] == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_start_that_is_broken_off_leaves_nothing(installation, number):
    installation.home.mkdir()
    (installation.home / "slow").touch()
    process = installation.begin("start", YQ_DEMO="no", YQ_DICOM_PORT=str(installation.dicom), YQ_HTTP_PORT=str(installation.http))
    wait_for("the programs to start", lambda: (installation.home / "log" / "yq-gateway.log").exists())
    os.killpg(process.pid, number)  # as a terminal does
    output, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130, output
    assert fakeprograms.nothing_runs(installation.home)


def test_it_outlives_its_terminal(installation):
    process = installation.begin("start", YQ_DEMO="no", YQ_DICOM_PORT=str(installation.dicom), YQ_HTTP_PORT=str(installation.http))
    output, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, output
    before = installation.programs()
    try:
        os.killpg(process.pid, signal.SIGHUP)
    except ProcessLookupError:
        pass  # nobody of its session is left: the best answer
    assert all(fakeprograms.alive(pid) for pid, _, _ in before.values())
    assert installation.programs() == before


@pytest.mark.parametrize("name", ["with blanks in it", "quote's, comma and \"more\"", "x" * 100 + "/" + "y" * 100, "影桥"])
def test_a_home_with_any_name(folder, name):
    installation = Installation(folder, folder / name)
    try:
        status, output = installation.start()
        assert status == 0, output
        assert installation("status")[0] == 0
        host = re.match("host='(.*)' port=", (installation.home / "run" / "ledger").read_text())[1]
        assert any(pathlib.Path(host).iterdir()), host
    finally:
        status, output = installation("stop")
    assert status == 0, output
    socket_folder = pathlib.Path(host)
    assert installation.home in socket_folder.parents or not socket_folder.exists(), "it left the folder of its socket"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the ledger to another user")
def test_a_home_that_others_cannot_enter(folder):
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    installation = Installation(folder, closed / "home")
    try:
        status, output = installation.start()
        assert status == 0, output
        assert "ledger" in installation.programs()
    finally:
        assert installation("stop")[0] == 0


def test_two_installations_side_by_side(folder):
    (folder / "one").mkdir()
    (folder / "two").mkdir()
    both = [Installation(folder / name, folder / name / "home") for name in ("one", "two")]
    try:
        for installation in both:
            assert installation.start()[0] == 0
        assert both[0]("stop")[0] == 0
        assert both[1]("status")[0] == 0, "the other one was stopped, too"
    finally:
        for installation in both:
            installation("stop")
