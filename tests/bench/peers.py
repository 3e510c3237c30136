"""
The receivers that we are set against: Orthanc as Debian installs it and better configured, DCMTK's storescp, our provider that discards.

A receiver has start(), port, roots (process ids), stop(), held() (objects that it says it has since start(); None: it keeps none), and
ledger_root (its PostgreSQL, or None). What it wrote is deleted by stop(): each turn begins empty.
"""
import http.client
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import time

import dicomraw
import processes
from installation import BUILD, free_port

PATIENCE_S = 60


def await_true(what, condition):
    until = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > until:
            raise AssertionError("waited in vain for: " + what)
        time.sleep(0.05)


def answers_echo(port):
    try:
        with dicomraw.Association("127.0.0.1", port, "CT1", "YINGQIAO", [(dicomraw.VERIFICATION, [dicomraw.IMPLICIT])], timeout=5) as peer:
            return peer.echo() == 0
    except (OSError, dicomraw.Gone, dicomraw.Rejected):
        return False


def environment(has_nodelay):
    env = {key: value for key, value in os.environ.items() if key != "TCP_NODELAY" and not key.startswith(("YQ_", "PG"))}
    return {**env, "TCP_NODELAY": "1"} if has_nodelay else env


class Peer:
    """One program in a folder of its own."""
    ledger_root = None

    def __init__(self, folder, has_nodelay=False):
        self.folder, self.has_nodelay = pathlib.Path(folder) / self.key, has_nodelay
        self.log = pathlib.Path(folder) / (self.key + ".log")
        self.process, self.port = None, None

    @property
    def roots(self):
        return [self.process.pid]

    def _launch(self, command, **more):
        self.process = processes.spawn(command, environment(self.has_nodelay), self.log, **more)

    def await_ready(self):
        def is_ready():
            assert self.process.poll() is None, f"{self.key} ended: " + self.log.read_text(errors="replace")[-1500:]
            return answers_echo(self.port)

        await_true(f"{self.key} answers", is_ready)

    def start(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        try:
            self.launch()
            self.await_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self):
        processes.stop(self.process)
        self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def held(self):
        return None

    def close(self):
        self.stop()


class Discard(Peer):
    """Our provider with our socket settings and nothing behind it. After stop(), `objects` says how many came."""
    key, title = "discard", "our provider, discards (floor)"
    durability = "keeps nothing"
    objects = 0

    def launch(self):
        self._launch([BUILD / "tests" / "discard"], stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())

    def stop(self):
        process = self.process
        super().stop()
        if process is not None:
            self.objects = int(process.stdout.read() or 0)
            process.stdout.close()


class Storescp(Peer):
    """DCMTK's own, which stores nothing; a process an association, so that four are served at once."""
    key, title = "storescp", "DCMTK storescp --ignore"
    durability = "keeps nothing"

    def launch(self):
        self.port = free_port()
        self._launch(["storescp", "--ignore", "--fork", "-aet", "YINGQIAO", self.port])


class StorescpNodelay(Storescp):
    key, title = "storescp_nodelay", "DCMTK storescp --ignore, TCP_NODELAY=1"

    def __init__(self, folder):
        super().__init__(folder, has_nodelay=True)


# --- Orthanc --------------------------------------------------------------------------------------------------------------

STOCK = pathlib.Path("/etc/orthanc")


class Orthanc(Peer):
    """The configuration that Debian's package installs; only ports and paths are ours. Unknown callers may store in it as it is."""
    key, title = "orthanc", "Orthanc as installed (SQLite)"
    durability = "SyncStorageArea true (Debian's setting): each file fsynced; SQLite index in WAL mode, not synced at each commit"

    def launch(self):
        self.port, self.http_port = free_port(), free_port()
        (self.folder / "etc").mkdir()
        self.configure()
        self._launch(["/usr/sbin/Orthanc", f"--logdir={self.folder}", self.folder / "etc"])

    def configure(self):
        for path in STOCK.glob("*.json"):
            if os.access(path, os.R_OK):
                (self.folder / "etc" / path.name).write_text(self.adapted(path.read_text()))

    def adapted(self, text):
        ours = {"StorageDirectory": f'"{self.folder}/db"', "IndexDirectory": f'"{self.folder}/db"', "HttpPort": self.http_port,
                "DicomPort": self.port}
        for name, value in ours.items():
            text = re.sub(rf'^(\s*"{name}"\s*:\s*)("[^"]*"|\d+)', rf"\g<1>{value}", text, flags=re.MULTILINE)
        return text

    def ask(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=PATIENCE_S)
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def held(self):
        return self.ask("/statistics")["CountInstances"]


class OrthancNodelay(Orthanc):
    key, title = "orthanc_nodelay", "Orthanc (SQLite), TCP_NODELAY=1"

    def __init__(self, folder):
        super().__init__(folder, has_nodelay=True)


class OrthancPostgres(OrthancNodelay):
    """The index in a PostgreSQL of its own with the settings as installed (fsync on), the files in the file system."""
    key, title = "orthanc_postgresql", "Orthanc + PostgreSQL index, TCP_NODELAY=1"
    durability = "SyncStorageArea true: each file fsynced; index in PostgreSQL, fsync and synchronous_commit on"

    def __init__(self, folder):
        super().__init__(folder)
        self.ledger = None

    @property
    def ledger_root(self):
        return self.ledger.process.pid

    def launch(self):
        self.ledger = Postgres(self.folder / "pg", self.log)
        self.ledger.start("orthanc")
        super().launch()

    def configure(self):
        super().configure()
        index = {"EnableIndex": True, "EnableStorage": False, "Lock": True, "ConnectionUri": self.ledger.uri("orthanc")}
        (self.folder / "etc" / "postgresql.json").write_text(json.dumps({"PostgreSQL": index}))
        assert self.ask_version(), "the plugin orthanc-postgresql is not installed"

    def ask_version(self):
        return list(pathlib.Path("/usr/share/orthanc/plugins").glob("libOrthancPostgreSQLIndex*"))

    def stop(self):
        processes.stop(self.process)
        if self.ledger is not None:
            self.ledger.stop()
        self.ledger = None
        super().stop()


class Postgres:
    """A private PostgreSQL with the settings that it is installed with; never as root."""

    def __init__(self, folder, log):
        self.folder, self.log, self.process = folder, log, None
        self.bin = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))[-1]
        self.as_user = []
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            self.as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]

    def _run(self, *command):
        done = subprocess.run([*self.as_user, *map(str, command)], capture_output=True, text=True, env=environment(False), cwd="/")
        assert done.returncode == 0, f"{command[0]}: {done.stderr}"

    def start(self, database):
        self.folder.mkdir(mode=0o755)
        if self.as_user:
            shutil.chown(self.folder, "postgres", "postgres")
        self._run(self.bin / "initdb", "-D", self.folder / "data", "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8")
        pdeathsig = ["--pdeathsig", "INT"]
        command = [*(self.as_user or ["setpriv"]), *pdeathsig, "--", self.bin / "postgres", "-D", self.folder / "data", "-c",
                   "listen_addresses=", "-c", f"unix_socket_directories={self.folder}"]
        self.process = processes.spawn(command, environment(False), self.log, cwd="/")
        await_true("PostgreSQL of Orthanc", lambda: subprocess.run([self.bin / "pg_isready", "-q", "-h", self.folder]).returncode == 0)
        self._run(self.bin / "createdb", "-h", self.folder, "-U", "postgres", database)

    def uri(self, database):
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def stop(self):
        processes.stop(self.process, signal.SIGINT)
        self.process = None
