"""An installation that is a demonstration, with the site beside it that takes the reports back."""

import contextlib
import hashlib
import json
import pathlib
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import dicomgen  # noqa: E402
import readymade  # noqa: E402
from installation import BUILD, PATIENCE_S, TREE, Installation, _end_with_parent, free_port  # noqa: E402

PROGRAMS = ("yq-storescp", "yq-router", "yq-gateway")


def listening(port):
    """Is the port open? Asked again until it is."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline, f"nobody listens on port {port}"
        time.sleep(0.02)


class Demo(Installation):
    """An installation with the demonstration's site beside it."""

    def __init__(self, is_seeded=False, **settings):
        """is_seeded: with the county's roster and the demonstration's accounts; else as it is installed. settings: as those of Installation."""
        self.site_port = free_port()
        self.is_seeded = is_seeded
        super().__init__({"YQ_DEMO": "yes", "YQ_DEMO_SITE_PORT": str(self.site_port), "YQ_QUIET_DEFAULT": "1 h",
                          "YQ_DELIVERY_BACKOFF_MIN": "100 ms", "YQ_DELIVERY_BACKOFF_MAX": "200 ms", **settings})
        self.site = None
        self.received = self.home / "demo" / "site"

    def prepare(self):
        if not self.is_seeded:
            super().prepare()
        elif readymade.give(self, "demo", ("pg", "demo", "keys"), _seeded):
            self.start_ledger()
            self.seed()  # leaves what is there and tells it the port of this site
        else:
            super().make()
            self.seed()

    def seed(self):
        self.yqctl("roster", "load", TREE / "deploy" / "rosters" / "taishan.json")
        self.yqctl("demo", "seed")

    def start_site(self):
        self.received.mkdir(parents=True, exist_ok=True)
        self.site = subprocess.Popen(["storescp", "--bit-preserving", "--aetitle", "DEMOSITE", "--output-directory", str(self.received),
                                      str(self.site_port)], preexec_fn=_end_with_parent, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
        listening(self.site_port)

    def stop_site(self):
        if self.site:
            self.site.send_signal(signal.SIGTERM)
            self.site.wait(PATIENCE_S)
            self.site = None

    def close(self):
        with contextlib.suppress(Exception):
            self.stop_site()
        super().close()

    def walk(self):
        return subprocess.run([TREE / "deploy" / "demo-walk"], env=self.environment(YQ_BIN_DIR=str(BUILD / "bin")), capture_output=True,
                              text=True, timeout=300)

    def received_digests(self):
        """SOP Instance UID and SHA-256 of the dataset of every file that the site has."""
        found = {}
        for path in self.received.iterdir():
            digest = hashlib.sha256(dicomgen.split_part10(path.read_bytes())[1]).hexdigest()
            shown = subprocess.run(["dcmdump", "-M", "+P", "SOPInstanceUID", path], capture_output=True, text=True).stdout
            found[shown.split("[")[1].split("]")[0]] = digest
        return found

    def passwords(self):
        return {one["account"]: one["password"] for one in json.loads((self.home / "demo" / "accounts").read_text())["accounts"]}


def _seeded():
    made = Demo()
    made.prepare()
    made.seed()
    made.stop_ledger()
    return made
