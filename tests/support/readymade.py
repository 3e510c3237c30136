"""What many installations have alike is made once and copied: a migrated ledger, and one with the demonstration's roster and accounts.

    readymade.give(home, "ledger", ("pg",), make)     # home.home/pg is there now; False: there is no place for such things, make it here

The runner names the place (YQ_READY_MADE, a folder that goes with the run). What is there was made during this run by the programs under test; of several
processes the first one makes it while the others wait. Without a place each installation makes its own, as it does outside of the tests.
"""
import fcntl
import os
import pathlib
import shutil
import subprocess


def give(home, name, parts, make):
    """make: returns an installation at rest, which may be taken apart. parts: files and folders of its YQ_HOME."""
    if not (place := os.environ.get("YQ_READY_MADE")):
        return False
    source = pathlib.Path(place) / name
    with open(source.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not source.exists():
            _keep(make(), parts, source)
    if any((source / part).is_symlink() for part in parts):
        return False  # a place that the server's user may not enter has its data elsewhere
    for part in parts:  # which may be a link to where the test wants it
        subprocess.run(["cp", "-aT", "--reflink=auto", source / part, (home.home / part).resolve()], check=True)
    return True


def _keep(made, parts, target):
    new = target.with_suffix(".new")
    new.mkdir(mode=0o755)
    try:
        for part in parts:
            shutil.move(made.home / part, new / part)
    finally:
        made.close()
    new.rename(target)
