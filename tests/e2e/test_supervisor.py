"""The supervisor over a real private PostgreSQL, with small scripts in the place of the programs."""

import os
import pathlib
import select
import signal
import socket
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fakeprograms  # noqa: E402
from fakeprograms import BUILD, LIMIT_S, TREE, alive, wait_for  # noqa: E402
from installation import free_port, give_ledger  # noqa: E402

SUPERVISOR = BUILD / "bin" / "yq-supervisor"


class Installation:
    def __init__(self, folder):
        self.home = folder / "home with blanks"
        self.home.mkdir()
        self.home.chmod(0o755)
        self.bin = fakeprograms.make_programs(folder)
        self.port = free_port()
        self.environment = {**os.environ, "YQ_HOME": str(self.home), "YQ_BIN_DIR": str(self.bin),
                            "YQ_DICOM_ADDRESS": "127.0.0.1", "YQ_DICOM_PORT": str(self.port),
                            "YQ_LEDGER_COMMAND": str(TREE / "deploy" / "ledger"), "YQ_PG_NO_SYNC": "1"}
        self.processes = []
        give_ledger(self)

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

    def restart(self, supervisor):
        """Asks for a rolling restart and returns what the supervisor says about it."""
        answer = self.home / "run" / "restarted"
        answer.unlink(missing_ok=True)
        supervisor.send_signal(signal.SIGHUP)
        return lambda: wait_for("the restart", lambda: answer.exists() and answer.read_text().strip())

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


# --- one after the other ---------------------------------------------------------------------------------------------------


def test_a_restart_replaces_all_but_the_ledger(installation):
    supervisor, _ = installation.start()
    (installation.home / "migrated").unlink()
    before = installation.programs()
    assert installation.restart(supervisor)() == "done"
    after = installation.programs()
    assert {name for name in before if after[name][0] == before[name][0]} == {"ledger"}
    assert {(state, restarts) for _, state, restarts in after.values()} == {("running", 0)}
    assert [name for name, (pid, _, _) in before.items() if name != "ledger" and alive(pid)] == [], "still alive"
    assert (installation.home / "migrated").exists(), "a new build may need a newer ledger"


def test_the_new_storescp_is_ready_before_the_old_one_is_asked_to_end(installation):
    supervisor, _ = installation.start()
    before = installation.programs()
    (installation.home / "slow").touch()
    answer = installation.restart(supervisor)
    both = wait_for("a new one", lambda: (now := installation.programs()) and "yq-storescp-new" in now and now)
    assert both["yq-storescp-new"][1] == "starting"
    assert both["yq-storescp"] == before["yq-storescp"]
    assert (both["yq-router"], both["yq-gateway"]) == (before["yq-router"], before["yq-gateway"]), "touched too early"
    (installation.home / "slow").unlink()
    assert answer() == "done"
    assert installation.programs()["yq-storescp"][0] == both["yq-storescp-new"][0]


def test_a_new_storescp_that_cannot_start_leaves_the_old_one(installation):
    supervisor, _ = installation.start()
    before = installation.programs()
    (installation.home / "broken").touch()
    said = installation.restart(supervisor)()
    assert said.startswith("failed: the running yq-storescp goes on: the new yq-storescp ended at its start"), said
    assert installation.programs() == before
    assert (installation.home / "log" / "yq-storescp.log").read_text().count("ended\n") == 0, "the old one was asked to end"
    (installation.home / "broken").unlink()
    assert installation.restart(supervisor)() == "done"


def test_a_migration_that_fails_leaves_everything(installation):
    supervisor, _ = installation.start()
    before = installation.programs()
    (installation.bin / "yqctl").write_text("#!/bin/sh\nexit 1\n")
    said = installation.restart(supervisor)()
    assert said.startswith("failed: could not migrate"), said
    assert installation.programs() == before


def test_what_dies_during_a_restart_is_started_again(installation):
    supervisor, _ = installation.start()
    before = installation.programs()
    (installation.home / "slow").touch()
    answer = installation.restart(supervisor)
    wait_for("a new storescp", lambda: "yq-storescp-new" in installation.programs())
    os.kill(before["yq-gateway"][0], signal.SIGKILL)
    wait_for("another gateway", lambda: installation.programs()["yq-gateway"][0] not in (0, before["yq-gateway"][0]))
    (installation.home / "slow").unlink()
    assert answer() == "done"
    assert {state for _, state, _ in installation.programs().values()} == {"running"}


def test_a_stop_in_the_middle_of_a_restart_ends_everything(installation):
    supervisor, _ = installation.start()
    (installation.home / "slow").touch()
    installation.restart(supervisor)
    both = wait_for("a new one", lambda: (now := installation.programs()) and "yq-storescp-new" in now and now)
    supervisor.terminate()
    assert supervisor.wait(LIMIT_S) == 0
    assert [name for name, (pid, _, _) in both.items() if alive(pid)] == [], "still alive"
    assert fakeprograms.nothing_runs(installation.home)


def test_callers_wait_while_storescp_is_away(installation):
    _, said = installation.start()
    assert said == "ready\n"
    before = installation.programs()["yq-storescp"]
    (installation.home / "broken").touch()
    os.kill(before[0], signal.SIGKILL)
    wait_for("the end", lambda: installation.programs()["yq-storescp"][1] != "running")
    with socket.create_connection(("127.0.0.1", installation.port), LIMIT_S):
        pass


def test_the_socket_is_where_the_protocol_says(installation):
    program = installation.bin / "yq-storescp"
    program.write_text(program.read_text().replace("#!/bin/sh\n", '#!/bin/sh\n[ "$LISTEN_PID $LISTEN_FDS $LISTEN_FDNAMES" = "$$ 1 dicom" ] || '
                                                   'exit 1\nreadlink /proc/$$/fd/3 >"$YQ_HOME/third"\n', 1))
    _, said = installation.start()
    assert said == "ready\n"
    assert (installation.home / "third").read_text().startswith("socket:")


def test_a_taken_dicom_port_is_said(installation):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", installation.port))
        taken.listen()
        supervisor, said = installation.start()
        assert said == ""
        assert supervisor.wait(LIMIT_S) == 1
        assert f"could not listen on DICOM port {installation.port}" in supervisor.stderr.read()
