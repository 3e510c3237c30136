"""Small scripts in the place of the programs, for the tests of what starts, watches and ends them."""

import os
import pathlib
import subprocess
import time

TREE = pathlib.Path(__file__).resolve().parents[2]
BUILD = TREE / (os.environ.get("YQ_BUILD") or "build")
LIMIT_S = 60

PROGRAM = """#!/bin/sh
trap 'echo ended; exit 0' TERM
[ ! -e "$YQ_HOME/broken" ] || { echo "cannot start: broken on purpose"; exit 1; }
while [ -e "$YQ_HOME/slow" ]; do sleep 0.05; done
eval "echo ready >&$YQ_READY_FD"
while :; do sleep 0.05; done
"""
YQCTL = """#!/bin/sh
case $1 in
migrate) touch "$YQ_HOME/migrated" ;;
status) echo "all is well" ;;
esac
"""


def wait_for(what, condition):
    """Polls a fact outside of this process, with a limit that only a failure reaches."""
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited in vain for: {what}")


def make_folder():
    """A folder that everybody may enter; pytest's own ones are closed to the ledger's user."""
    folder = pathlib.Path(subprocess.check_output(["mktemp", "-d", "/tmp/yq-test.XXXXXX"], text=True).strip())
    folder.chmod(0o755)
    return folder


def make_programs(folder):
    """folder/bin with the real supervisor and scripts for everything else."""
    binaries = folder / "bin"
    binaries.mkdir()
    scripts = {name: PROGRAM for name in ("yq-storescp", "yq-router", "yq-gateway")} | {"yqctl": YQCTL}
    for name, text in scripts.items():
        (binaries / name).write_text(text)
        (binaries / name).chmod(0o755)
    (binaries / "yq-supervisor").symlink_to(BUILD / "bin" / "yq-supervisor")
    return binaries


def programs(home):
    """What the supervisor of this home says that it runs: name -> (pid, state, restarts)."""
    try:
        lines = (home / "run" / "programs").read_text().splitlines()
    except FileNotFoundError:
        return {}
    return {name: (int(pid), state, int(restarts)) for name, pid, state, restarts in map(str.split, lines)}


def alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"  # whoever inherited it may not have taken its status yet


def nothing_runs(home):
    """No child of any supervisor of this home lives: nobody holds their lock."""
    lock = home / "run" / "children.lock"
    return not lock.exists() or subprocess.run(["flock", "-n", lock, "true"], check=False).returncode == 0
