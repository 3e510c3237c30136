"""The supervisor over a real private PostgreSQL, with small scripts in the place of the programs."""

import os
import pathlib
import select
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fakeprograms  # noqa: E402
from fakeprograms import BUILD, LIMIT_S, TREE, alive, wait_for  # noqa: E402

SUPERVISOR = BUILD / "bin" / "yq-supervisor"


class Installation:
    def __init__(self, folder):
        self.home = folder / "home with blanks"
        self.home.mkdir()
        self.home.chmod(0o755)
        self.bin = fakeprograms.make_programs(folder)
        self.environment = {**os.environ, "YQ_HOME": str(self.home), "YQ_BIN_DIR": str(self.bin),
                            "YQ_LEDGER_COMMAND": str(TREE / "deploy" / "ledger"), "YQ_PG_NO_SYNC": "1"}
        self.processes = []

    def start(self):
        """Starts a supervisor; returns it and what it said on its ready pipe ("" when it ended instead)."""
        reading, writing = os.pipe()
        os.set_inheritable(writing, True)
        process = subprocess.Popen([SUPERVISOR], env={**self.environment, "YQ_READY_FD": str(writing)}, pass_fds=[writing],
                                   stderr=subprocess.PIPE, text=True)
        self.processes.append(process)
        os.close(writing)
        readable, _, _ = select.select([reading], [], [], LIMIT_S)
        said = os.read(reading, 16).decode() if readable else "time-out"
        os.close(reading)
        return process, said

    def programs(self):
        return fakeprograms.programs(self.home)

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=LIMIT_S)
        subprocess.run(["flock", "-w", str(LIMIT_S), self.home / "run" / "children.lock", "true"], check=False)


@pytest.fixture
def installation():
    folder = fakeprograms.make_folder()
    it = Installation(folder)
    yield it
    it.close()
    subprocess.run(["rm", "-rf", folder], check=True)


def test_starts_in_order_and_ends_everything(installation):
    supervisor, said = installation.start()
    assert said == "ready\n"
    assert (installation.home / "migrated").exists(), "the ledger was not migrated before the programs"
    before = installation.programs()
    assert set(before) == {"ledger", "yq-storescp", "yq-router", "yq-gateway"}
    assert {state for _, state, _ in before.values()} == {"running"}
    supervisor.terminate()
    assert supervisor.wait(LIMIT_S) == 0
    assert [name for name, (pid, _, _) in before.items() if alive(pid)] == [], "still alive"
    assert "ended" in (installation.home / "log" / "yq-router.log").read_text(), "the program was not asked to end"


def test_restarts_what_was_killed(installation):
    _, said = installation.start()
    assert said == "ready\n"
    before = installation.programs()
    for name in ("yq-router", "ledger"):
        os.kill(before[name][0], signal.SIGKILL)
        after = wait_for(f"{name} running again", lambda: (now := installation.programs().get(name)) and
                         now[0] != before[name][0] and now[1] == "running" and now)
        assert after[2] == 1, f"restarts of {name}: got {after[2]}, want 1"
    assert installation.programs()["yq-gateway"] == before["yq-gateway"], "another program was touched"


def test_a_second_supervisor_is_refused(installation):
    _, said = installation.start()
    assert said == "ready\n"
    before = installation.programs()
    second, said = installation.start()
    assert said == ""
    assert second.wait(LIMIT_S) == 1
    assert "another supervisor runs" in second.stderr.read()
    assert installation.programs() == before


def test_a_program_that_cannot_start_leaves_nothing_behind(installation):
    (installation.home / "broken").touch()
    supervisor, said = installation.start()
    assert said == ""
    assert supervisor.wait(LIMIT_S) == 1
    assert "ended at its start" in supervisor.stderr.read()
    assert fakeprograms.nothing_runs(installation.home)
    assert not (installation.home / "run" / "programs").exists()


def test_a_killed_supervisor_takes_its_programs_along_and_can_be_started_again(installation):
    supervisor, _ = installation.start()
    before = installation.programs()
    supervisor.kill()
    supervisor.wait(LIMIT_S)
    _, said = installation.start()
    assert said == "ready\n"
    assert [name for name, (pid, _, _) in before.items() if alive(pid)] == [], "still alive"
    assert {state for _, state, _ in installation.programs().values()} == {"running"}
