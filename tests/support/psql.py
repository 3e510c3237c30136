"""One psql that goes on from question to question: a process and a connection for each would cost more than most of what is asked.

    psql = Psql(home)
    psql.ask("SELECT 1")       # [["1"]]; Failed with what psql said
    psql.end()

Each question finds a session as if it were new, but for psql's own variables. Whoever asks meanwhile waits.
"""
import itertools
import pathlib
import subprocess
import tempfile
import threading

TREE = pathlib.Path(__file__).resolve().parents[2]
PATIENCE_S = 60


class Failed(AssertionError):
    """A command or program did not do what the test needs; the text has its output."""


class Psql:
    def __init__(self, home):
        self._home = home
        self._process, self._server = None, None
        self._lock, self._numbers = threading.Lock(), itertools.count(1)

    def ask(self, text):
        """Rows as lists of text."""
        with self._lock:
            if self._process is None or self._server != self._server_now():
                self._end()
                self._begin()
            end = f"end of answer {next(self._numbers)}\n"
            # Beside, since neither a long question nor a long answer may fill a pipe that nobody empties.
            writer = threading.Thread(target=self._write, args=(f"{text}\n;\nDISCARD ALL;\nSELECT '{end.strip()}';\n",))
            writer.start()
            answer = self._read(end)
            writer.join()
            if answer is None:
                raise Failed(self._end())
            return [line.split("\x1f") for line in answer.splitlines()]

    def end(self):
        with self._lock:
            self._end()

    def _server_now(self):
        """What tells one start of the server from the next."""
        try:
            return (self._home.home / "pg" / "postmaster.pid").read_bytes()
        except OSError:
            return b""

    def _begin(self):
        self._server = self._server_now()
        self._said = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen([TREE / "deploy" / "ledger", "psql", "-d", "yingqiao", "-qAtX", "-F", "\x1f", "-v", "ON_ERROR_STOP=1",
                                          "-f", "-"], env=self._home.environment(), text=True, encoding="utf-8", stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=self._said)

    def _write(self, text):
        try:
            self._process.stdin.write(text)
            self._process.stdin.flush()
        except OSError:
            pass  # it ended at an error; what it said comes from _end

    def _read(self, end):
        """Up to the line that ends the answer; None: psql ended before."""
        lines = []
        for line in self._process.stdout:
            if line == end:
                return "".join(lines)
            lines.append(line)
        return None

    def _end(self):
        """What it said, if it was there."""
        if self._process is None:
            return ""
        process, self._process = self._process, None
        try:
            process.stdin.close()
        except OSError:
            pass
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        with self._said:
            self._said.seek(0)
            return self._said.read()
