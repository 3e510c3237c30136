"""An installation whose programs run under the supervisor, as after make run, ledger included.

    with Supervised() as home:            # everything is ready
        before = home.programs()          # name -> (pid, state, restarts)
        assert home.rolling_restart() == "done"
"""
import os
import select
import signal
import subprocess
import time

import fakeprograms
from installation import BUILD, PATIENCE_S, TREE, Failed, Installation, give_ledger


class Supervised(Installation):
    def __init__(self, settings=None, **more):
        super().__init__(settings, **more)
        self.supervisor = None

    def environment(self, **more):
        return super().environment(**{"YQ_PG_NO_SYNC": "1", "YQ_PG_SETTINGS": "-c fsync=off -c shared_buffers=32MB",
                                      "YQ_LEDGER_COMMAND": str(TREE / "deploy" / "ledger"), **more})

    def __enter__(self):
        try:
            give_ledger(self)
            self.start_supervisor()
        except BaseException:
            self.close()
            raise
        return self

    def start_supervisor(self):
        reader, writer = os.pipe()
        log = open(self.home / "log" / "supervisor.log", "ab")
        self.supervisor = subprocess.Popen([BUILD / "bin" / "yq-supervisor"], env=self.environment(YQ_READY_FD=str(writer)), pass_fds=[writer],
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        os.close(writer)
        log.close()
        readable, _, _ = select.select([reader], [], [], 2 * PATIENCE_S)
        said = os.read(reader, 16) if readable else b""
        os.close(reader)
        if said != b"ready\n":
            raise Failed("the supervisor does not become ready\n" + self.log("supervisor") + self.log("yq-storescp"))

    def close(self):
        if self.supervisor is not None:
            self._psql.end()
            self.supervisor.terminate()
            self.supervisor.wait(2 * PATIENCE_S)
            subprocess.run(["flock", "-w", str(PATIENCE_S), self.home / "run" / "children.lock", "true"], check=False)
            self.supervisor = None
        super().close()

    def programs(self):
        return fakeprograms.programs(self.home)

    def begin_restart(self):
        (self.home / "run" / "restarted").unlink(missing_ok=True)
        self.supervisor.send_signal(signal.SIGHUP)

    def await_restarted(self):
        """What the supervisor says about the restart that was begun: "done", or "failed: " and the reason."""
        path, until = self.home / "run" / "restarted", time.monotonic() + 2 * PATIENCE_S
        while not path.exists():
            if self.supervisor.poll() is not None or time.monotonic() > until:
                raise Failed("the restart does not end\n" + self.log("supervisor"))
            time.sleep(0.02)
        return path.read_text().strip()

    def rolling_restart(self):
        self.begin_restart()
        return self.await_restarted()
