"""Several hosts on one ledger, and small file systems to lay them on."""
import contextlib
import pathlib
import shutil
import subprocess
import tempfile
import time

import pytest

from installation import PATIENCE_S, TREE, Installation, free_port


class Host(Installation):
    """Another YQ_HOME on the ledger of an installation that runs. The ledger stays the other's."""

    def __init__(self, first, settings=None):
        ledger = (first.home / "run" / "ledger").read_text().strip()
        super().__init__({**first.settings, "YQ_LEDGER": ledger, **(settings or {})}, prefix="yq-host.")
        self.first = first

    def __enter__(self):
        return self

    def sql(self, text):
        return self.first.sql(text)


class Door:
    """Another receiver of the same YQ_HOME, on a port of its own."""

    def __init__(self, home, name="second"):
        self.home, self.name, self.dicom_port = home, name, free_port()
        home.start_as(name, "yq-storescp", YQ_DICOM_PORT=str(self.dicom_port))


@contextlib.contextmanager
def small_file_system(size_mib, at=None):
    """A file system of its own, at a folder or in a new one; skips the test where mounting is not permitted."""
    folder = pathlib.Path(at or tempfile.mkdtemp(prefix="yq-small."))
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mib}m,mode=0755", "tmpfs", str(folder)], capture_output=True, text=True)
    try:
        if done.returncode != 0:
            pytest.skip("a file system of its own cannot be mounted here: " + done.stderr.strip())
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    finally:
        if at is None:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def locked(home, table):
    """Nobody reads or writes the table meanwhile: the ledger is there, and what needs the table waits."""
    psql = subprocess.Popen([TREE / "deploy" / "ledger", "psql", "-d", "yingqiao", "-qAtX", "-v", "ON_ERROR_STOP=1", "-f", "-"], env=home.environment(),
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        psql.stdin.write(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT 'locked';\n")
        psql.stdin.flush()
        assert psql.stdout.readline() == "locked\n"
        yield
    finally:
        psql.stdin.close()
        psql.wait(PATIENCE_S)
        psql.stdout.close()


def await_true(what, look, home=None):
    """Until look() gives something true, which is returned."""
    until = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < until, f"waited in vain for: {what}" + ("\n" + home.log("yq-storescp")[-3000:] if home else "")
        time.sleep(0.05)
    return found


def host_row(home, name=None):
    """The row of this YQ_HOME in `host list`, or None."""
    rows = [row for row in home.yqctl("host", "list", json=True) if row["home"] == str(name or home.home)]
    assert len(rows) < 2, rows
    return rows[0] if rows else None
