"""One installation of the project for a test: a home of its own, a private PostgreSQL, the programs on free ports.

    with Installation() as home:                  # ledger running and migrated
        home.start("yq-gateway", "yq-router")     # returns when they are ready
        home.yqctl("site", "list", json=True)
        api = home.api()
        api.login("author1", "password")
        status, body = api.get("/api/v1/me")

Everything that was started is stopped by its process id when the block ends, also when the test fails or is killed. The logs are shown
when something does not start. The programs come from build/bin (or $YQ_BUILD/bin).
"""

import contextlib
import ctypes
import gzip
import http.client
import json as json_module
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import sys
import time

TREE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("YQ_BUILD") or "build")
if not BUILD.is_absolute():
    BUILD = TREE / BUILD
PATIENCE_S = 60

sys.path.insert(0, str(TREE / "tests" / "support"))

import readymade  # noqa: E402
from psql import Failed, Psql  # noqa: E402

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def _end_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port():
    """A port that nobody listens on now. Somebody may be faster; then the program says so and the test starts it again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Installation:
    def __init__(self, settings=None, prefix="yq-e2e.", folder=None, is_durable=False):
        """
        settings: more environment for every program, e.g. {"YQ_LEASE": "2 s"}. folder: where the home is made; else where temporary
        files go. is_durable: the ledger as it is installed, with fsync; else a quick one that survives no power cut.
        """
        self.home = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=folder))
        self.home.chmod(0o755)
        (self.home / "log").mkdir()
        self.dicom_port = free_port()
        self.http_port = free_port()
        self.settings = dict(settings or {})
        self.ledger_settings = {} if is_durable else {"YQ_PG_NO_SYNC": "1", "YQ_PG_SETTINGS": "-c fsync=off -c shared_buffers=32MB"}
        self.running = {}
        self._ledger = None
        self._psql = Psql(self)

    # --- life ---------------------------------------------------------------------------------------------------

    def __enter__(self):
        try:
            self.prepare()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def prepare(self):
        """The ledger, running and migrated."""
        if give_ledger(self):
            self.start_ledger()
        else:
            self.make()

    def make(self):
        self.start_ledger()
        self.yqctl("migrate")

    def close(self):
        for name in list(self.running):
            with contextlib.suppress(Failed):
                self.stop(name)
        self._psql.end()
        self.stop_ledger(signal.SIGQUIT)  # nobody will look at it any more
        shutil.rmtree(self.home, ignore_errors=True)

    def environment(self, **more):
        env = {key: value for key, value in os.environ.items() if not key.startswith(("YQ_", "PG"))}
        env.update(
            YQ_HOME=str(self.home),
            YQ_DICOM_ADDRESS="127.0.0.1",
            YQ_DICOM_PORT=str(self.dicom_port),
            YQ_HTTP_ADDRESS="127.0.0.1",
            YQ_HTTP_PORT=str(self.http_port),
            YQ_JOURNAL_RING="32 MiB",
            # How full the machine of the tests is shall not matter.
            YQ_STORE_RESERVE_PERCENT="0",
            YQ_STORE_WARN="0 B",
            YQ_STORE_WARN_PERCENT="0",
        )
        env.update(self.settings)
        env.update(more)
        return env

    # --- ledger -------------------------------------------------------------------------------------------------

    def start_ledger(self):
        log = open(self.home / "log" / "ledger.log", "ab")
        env = self.environment(**self.ledger_settings)
        self._ledger = subprocess.Popen([TREE / "deploy" / "ledger", "child"], env=env, stdin=subprocess.DEVNULL,
                                        stdout=log, stderr=log)
        log.close()
        done = subprocess.run([TREE / "deploy" / "ledger", "ready", str(PATIENCE_S), str(self._ledger.pid)],
                              env=env, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed("the ledger does not start\n" + done.stderr + self.log("ledger"))

    def stop_ledger(self, how=signal.SIGINT):
        if self._ledger is None:
            return
        self._psql.end()
        self._ledger.send_signal(how)
        self._ledger.wait(PATIENCE_S)
        self._ledger = None

    @property
    def ledger_pid(self):
        return self._ledger.pid

    def restart_ledger(self):
        self.stop_ledger()
        self.start_ledger()

    def ledger_has_ended(self):
        """By itself; then it can be started anew."""
        if self._ledger.poll() is None:
            return False
        self._ledger = None
        return True

    def hold_ledger(self):
        """SIGSTOP to every process of the server; returns their ids, the server first. It stands still before its children are counted."""
        pid = self._ledger.pid
        os.kill(pid, signal.SIGSTOP)
        deadline = time.monotonic() + PATIENCE_S
        while pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            if time.monotonic() > deadline:
                raise Failed("the ledger does not stand still")
            time.sleep(0.001)
        children = [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        self._signal(children, signal.SIGSTOP)
        return [pid, *children]

    def release_ledger(self):
        """Children first: the server may find some of them ended."""
        pid = self._ledger.pid
        children = [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        self._signal([*children, pid], signal.SIGCONT)

    @staticmethod
    def _signal(pids, number):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill_ledger(self):
        """SIGKILL to all of it; returns when all of it is gone, so that it can be started anew."""
        pids = self.hold_ledger()  # none is forked or reaped meanwhile: these ids are all, and stay theirs
        handles = [os.pidfd_open(pid) for pid in pids]
        self._signal(pids, signal.SIGKILL)
        self._ledger.wait(PATIENCE_S)
        self._ledger = None
        for handle in handles:
            ended, _, _ = select.select([handle], [], [], PATIENCE_S)
            os.close(handle)
            if not ended:
                raise Failed("a process of the ledger does not end")

    def sql(self, text):
        """Runs SQL as the superuser; rows as lists of text. For preparing and looking, never for what a program should do."""
        return self._psql.ask(text)

    # --- programs -----------------------------------------------------------------------------------------------

    def start(self, *names, **more):
        """Starts programs (yq-storescp, yq-router, yq-gateway) and waits until each says that it is ready."""
        for name in names:
            self.start_as(name, name, **more)

    def start_as(self, name, program, **more):
        """The same for another process of a program; it goes by `name` afterwards."""
        if name in self.running:
            raise Failed(name + " is running already")
        reader, writer = os.pipe()
        log = open(self.home / "log" / (name + ".log"), "ab")
        process = subprocess.Popen([BUILD / "bin" / program], env=self.environment(YQ_READY_FD=str(writer), **more),
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(writer,),
                                   preexec_fn=_end_with_parent)
        os.close(writer)
        log.close()
        try:
            if not _read_ready(reader):
                process.kill()
                process.wait()
                raise Failed(f"{name} does not become ready (status {process.returncode})\n" + self.log(name))
        finally:
            os.close(reader)
        self.running[name] = process

    def stop(self, name, how=signal.SIGTERM):
        """Asks a program to end and returns its exit status."""
        process = self.running.pop(name)
        process.send_signal(how)
        try:
            return process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failed(name + " does not end\n" + self.log(name)) from None

    def kill(self, name):
        return self.stop(name, signal.SIGKILL)

    def restart(self, name, **more):
        self.stop(name)
        self.start(name, **more)

    def wait_ended(self, name):
        """For a program that is expected to end by itself (a kill point)."""
        return self.running.pop(name).wait(PATIENCE_S)

    def log(self, name):
        path = self.home / "log" / (name + ".log")
        return path.read_text(errors="replace") if path.exists() else ""

    # --- operator -----------------------------------------------------------------------------------------------

    def yqctl(self, *arguments, json=False, status=0, input=None, **more):
        """Runs yqctl. json=True adds --json and parses. status: expected exit status, None for any (returns the process then)."""
        command = [BUILD / "bin" / "yqctl", *map(str, arguments)] + (["--json"] if json else [])
        done = subprocess.run(command, env=self.environment(**more), capture_output=True, text=True, input=input)
        if status is None:
            return done
        if done.returncode != status:
            raise Failed(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
        return json_module.loads(done.stdout) if json else done.stdout

    def settle(self):
        self.yqctl("wait", "--settled")

    def api(self):
        return Api(self.http_port)


def give_ledger(home):
    """Lays a migrated one into a home that has none; False: there is none to be had, and the home makes its own."""
    return readymade.give(home, "ledger", ("pg",), _migrated)


def _migrated():
    made = Installation(prefix="yq-ready.")
    made.make()
    made.stop_ledger()
    return made


def _read_ready(reader):
    deadline = time.monotonic() + PATIENCE_S
    seen = b""
    while b"ready\n" not in seen:
        ready, _, _ = select.select([reader], [], [], max(0, deadline - time.monotonic()))
        chunk = os.read(reader, 64) if ready else b""
        if not chunk:
            return False
        seen += chunk
    return True


class Answer(tuple):
    """(status, body) with the headers beside; the body is parsed when it is JSON."""

    def __new__(cls, status, body, headers):
        answer = super().__new__(cls, (status, body))
        answer.status, answer.body, answer.headers = status, body, headers
        return answer


def members(pairs):
    """Those of a JSON object, each of which must be there once: readers differ in which of two they take."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Failed(f"members that are there twice: {sorted({name for name, _ in pairs if [other for other, _ in pairs].count(name) > 1})}")
    return found


class Api:
    """A person at a browser: keeps the session cookie, sends the CSRF token with unsafe methods."""

    def __init__(self, port):
        self.port = port
        self.cookie = None
        self.csrf = None

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

    def request(self, method, target, body=None, headers=None):
        sent = dict(headers or {})
        if self.cookie and "Cookie" not in sent:
            sent["Cookie"] = self.cookie
        if self.csrf and method not in ("GET", "HEAD") and "X-CSRF-Token" not in sent:
            sent["X-CSRF-Token"] = self.csrf
        if body is not None and not isinstance(body, (bytes, str)):
            body = json_module.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        connection = self.connect()
        try:
            connection.request(method, target, body=body, headers={k: v for k, v in sent.items() if v is not None})
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        if "json" in (answer.getheader("Content-Type") or "") and data:
            data = json_module.loads(gzip.decompress(data) if answer.getheader("Content-Encoding") == "gzip" else data, object_pairs_hook=members)
        return Answer(answer.status, data, answer.headers)

    def get(self, target, **headers):
        return self.request("GET", target, headers=headers)

    def post(self, target, body=None, **headers):
        return self.request("POST", target, {} if body is None else body, headers)

    def put(self, target, body, **headers):
        return self.request("PUT", target, body, headers)

    def patch(self, target, body, **headers):
        return self.request("PATCH", target, body, headers)

    def delete(self, target, **headers):
        return self.request("DELETE", target, {}, headers)

    def login(self, account, password):
        answer = self.post("/api/v1/login", {"account": account, "password": password})
        if answer.status != 200:
            raise Failed(f"login of {account}: {answer}")
        self.cookie = answer.headers["Set-Cookie"].split(";")[0]
        self.csrf = answer.body["csrf_token"]
        return answer.body

    @contextlib.contextmanager
    def events(self, last_id=None, after=None):
        """An open event stream; iterate it for {"id", "event", "data"}."""
        connection = self.connect()
        headers = {"Cookie": self.cookie or "", "Accept": "text/event-stream"}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        connection.request("GET", "/api/v1/events" + (f"?after={after}" if after else ""), headers=headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise Failed(f"event stream: {answer.status} {answer.read()!r}")
        try:
            yield _parse_events(answer)
        finally:
            connection.close()


def _parse_events(answer):
    event = {}
    for raw in answer:
        line = raw.decode().rstrip("\r\n")
        if not line:
            if "data" in event:
                yield event
            event = {}
            continue
        name, _, value = line.partition(":")
        if name in ("id", "event", "data"):
            value = value[1:] if value.startswith(" ") else value
            event[name] = event[name] + "\n" + value if name in event else value
