"""Processes of a measurement: started so that they end with it, stopped by their id, and what /proc says about them."""
import contextlib
import ctypes
import os
import pathlib
import signal
import subprocess
import threading

PATIENCE_S = 60
TICKS = os.sysconf("SC_CLK_TCK")

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def end_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def spawn(command, environment, log, **more):
    """Output goes to the end of the file `log`."""
    with open(log, "ab") as out:
        more.setdefault("stdout", out)
        return subprocess.Popen([str(word) for word in command], env=environment, stdin=subprocess.DEVNULL, stderr=out,
                                preexec_fn=end_with_parent, **more)


def stop(process, how=signal.SIGTERM):
    if process is None or process.poll() is not None:
        return
    process.send_signal(how)
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


# --- /proc --------------------------------------------------------------------------------------------------------------

def _stat(pid):
    """(parent, ticks of the process and of its children that ended); None when it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text[text.rindex(")") + 2:].split()
    return int(fields[1]), sum(map(int, fields[11:15]))


def tree(roots):
    """The process ids below and with the roots."""
    parents = {}
    for entry in os.listdir("/proc"):
        found = _stat(entry) if entry.isdigit() else None
        if found:
            parents.setdefault(found[0], []).append(int(entry))
    result, todo = [], list(roots)
    while todo:
        pid = todo.pop()
        result.append(pid)
        todo.extend(parents.get(pid, []))
    return result


def cpu_seconds(roots, without=()):
    """Of all processes below the roots, those that ended included (the roots wait for them)."""
    found = [_stat(pid) for pid in tree(roots) if pid not in without]
    return sum(one[1] for one in found if one) / TICKS


def _field(pid, name, file="status"):
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
    return 0


def resident_bytes(pid):
    return _field(pid, "VmRSS")


def shared_out_bytes(roots):
    """Memory of all below the roots, what they share counted once (PSS)."""
    return sum(_field(pid, "Pss", "smaps_rollup") for pid in tree(roots))


class PeakWatch:
    """
    The highest resident memory (VmHWM) of a program while the block runs. One that forks for every association is looked at five
    times a second: the sum of those that were alive together.
    """

    def __init__(self, root):
        self.root, self.bytes = root, 0
        self._over = threading.Event()

    def _look(self):
        self.bytes = max(self.bytes, sum(_field(pid, "VmHWM") for pid in tree([self.root])))

    def _watch(self):
        while not self._over.wait(0.2):
            self._look()

    def __enter__(self):
        with contextlib.suppress(OSError):
            pathlib.Path(f"/proc/{self.root}/clear_refs").write_text("5")
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        self._look()
