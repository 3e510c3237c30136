"""Our receiver: yq-storescp with every option at its default, on a ledger of its own with fsync. It keeps its home from turn to turn."""
import contextlib
import subprocess
import time

import processes
import receiving
from installation import TREE, Installation

STANDSTILL_S = 60


class Watcher:
    """One session of psql beside the programs, so that looking costs them nothing; its own process is left out of their CPU time."""

    def __init__(self, home):
        self._psql = subprocess.Popen([TREE / "deploy" / "ledger", "psql", "-d", "yingqiao", "-qAtX"], env=home.environment(), text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=processes.end_with_parent)
        self.ask("SET max_parallel_workers_per_gather = 0; SELECT 1")
        self.pid = int(self.ask("SELECT pg_backend_pid()"))

    def ask(self, query):
        """One row of one column."""
        self._psql.stdin.write(query + ";\n")
        self._psql.stdin.flush()
        answer = self._psql.stdout.readline()
        assert answer, "psql ended"
        return answer.strip()

    def close(self):
        self._psql.stdin.close()
        self._psql.wait(processes.PATIENCE_S)
        self._psql.stdout.close()


class Ours:
    key, title = "ours", "Yingqiao (yq-storescp + PostgreSQL)"
    durability = ("bytes and fact of reception fdatasynced before the answer; then placed as plain files, synced, and entered in PostgreSQL, "
                  "fsync and synchronous_commit on")

    def __init__(self, folder, settings=None, key="ours"):
        self.key = key
        # What other tests take less of, since they are many.
        self.home = Installation({"YQ_JOURNAL_RING": "1 GiB", **(settings or {})}, prefix="yq-bench.", folder=folder, is_durable=True)
        self.port = self.home.dicom_port
        self.watcher = None
        try:
            self.home.start_ledger()
            self.home.yqctl("migrate")
            receiving.prepare(self.home)
            self.home.stop_ledger()
        except BaseException:
            self.close()
            raise

    @property
    def log(self):
        return self.home.home / "log" / "storescu.log"

    @property
    def roots(self):
        return [self.home.running["yq-storescp"].pid]

    @property
    def ledger_root(self):
        return self.home.ledger_pid

    def start(self):
        try:
            self.home.start_ledger()
            self.home.start("yq-storescp")
            self.watcher = Watcher(self.home)
            self._mark = int(self.watcher.ask("SELECT coalesce(max(instance_id), 0) FROM instance"))
        except BaseException:
            self.stop()
            raise

    def stop(self):
        if self.watcher is not None:
            self.watcher.close()
        self.watcher = None
        if "yq-storescp" in self.home.running:
            self.home.stop("yq-storescp")
        self.home.stop_ledger()

    def held(self):
        return int(self.watcher.ask(f"SELECT count(*) FROM instance WHERE instance_id > {self._mark}"))

    def await_held(self, count):
        """Fails when nothing more came for a while, or too much."""
        found, until = self.held(), time.monotonic() + STANDSTILL_S
        while found < count:
            assert time.monotonic() < until, f"the ledger stays at {found} of {count}\n" + self.home.log("yq-storescp")[-3000:]
            time.sleep(0.02)
            before, found = found, self.held()
            if found > before:
                until = time.monotonic() + STANDSTILL_S
        assert found == count, f"the ledger has {found}, {count} were sent"

    def close(self):
        with contextlib.suppress(Exception):
            self.stop()
        self.home.close()
