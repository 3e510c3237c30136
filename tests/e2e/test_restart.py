"""Senders that come without a pause while yq-storescp is replaced, or killed: nobody is refused, nothing acknowledged is missing."""
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
from dicomraw import Association, Gone  # noqa: E402
from fakeprograms import wait_for  # noqa: E402
from installation import BUILD, PATIENCE_S, TREE, Installation, free_port  # noqa: E402
from receiving import CALLING, Sent, assert_sound, associate, await_indexed, holds, prepare  # noqa: E402
from supervised import Supervised  # noqa: E402

SC, EXPLICIT = dicomgen.SOP["sc"], dicomgen.EXPLICIT
SENDERS, OBJECTS = 3, 2


def new_object():
    return Sent(dicomgen.sc(dicomgen.Study(), size=16))


class Sender(threading.Thread):
    """Opens one association after the other, with some objects on each. What was acknowledged, and each failure with what it was at."""

    def __init__(self, home, wanted):
        super().__init__()
        self.home, self.wanted = home, wanted
        self.acknowledged, self.failures, self.associations = {}, [], 0
        self.is_over = threading.Event()

    def run(self):
        while not self.is_over.is_set():
            objects = [new_object() for _ in range(OBJECTS)]
            at = "connecting"
            try:
                with associate(self.home, [(SC, [EXPLICIT])], timeout=PATIENCE_S) as peer:
                    for one in objects:
                        at = "sending"
                        one.status = peer.store(SC, one.uid, one.bytes, EXPLICIT)
                        assert one.status == 0, f"status {one.status:04x}"
                        self.acknowledged[one.uid] = one.sha256
                        at = "between objects"
            except (Gone, OSError, AssertionError) as error:
                self.failures.append((at, error))
            self.associations += 1

    def more(self):
        """Until some further associations are through."""
        goal = self.associations + 3
        wait_for("a sender to go on", lambda: self.associations >= goal or self.is_over.is_set())


class Stream:
    def __init__(self, home):
        self.senders = [Sender(home, OBJECTS) for _ in range(SENDERS)]

    def __enter__(self):
        for sender in self.senders:
            sender.start()
        return self

    def __exit__(self, *_):
        for sender in self.senders:
            sender.is_over.set()
        for sender in self.senders:
            sender.join()

    def more(self):
        for sender in self.senders:
            sender.more()

    def failures(self):
        return [failure for sender in self.senders for failure in sender.failures]

    def acknowledged(self):
        return {uid: sha256 for sender in self.senders for uid, sha256 in sender.acknowledged.items()}


def assert_all_there(home, acknowledged):
    assert_sound(await_indexed(home))
    held = holds(home)
    assert {uid: held.get(uid) for uid in acknowledged} == acknowledged


@pytest.fixture(scope="module")
def home():
    with Supervised({"YQ_POLL_INTERVAL": "100 ms", "YQ_STORE_RESERVE": "1 MiB"}) as installation:
        prepare(installation)
        yield installation


def test_rolling_restarts_cost_no_sender_anything(home):
    with Stream(home) as stream:
        for _ in range(3):
            stream.more()
            before = home.programs()
            assert home.rolling_restart() == "done", home.log("supervisor")
            after = home.programs()
            assert {name for name in after if after[name][0] == before[name][0]} == {"ledger"}
            assert {state for _, state, _ in after.values()} == {"running"}
            stream.more()
    assert stream.failures() == []
    assert_all_there(home, stream.acknowledged())


def test_the_object_at_hand_goes_to_the_old_one_while_the_new_one_works(home):
    slow, quick = new_object(), new_object()
    with associate(home, [(SC, [EXPLICIT])]) as peer:
        peer.store_begin(SC, slow.uid, 1)
        peer.send_pdv(1, slow.bytes[:200], False, False)
        with associate(home, [(SC, [EXPLICIT])]) as probe:  # what was sent before has been read
            assert probe.store(SC, quick.uid, quick.bytes) == 0
        before = home.programs()["yq-storescp"][0]
        home.begin_restart()
        wait_for("both side by side", lambda: (now := home.programs()).get("yq-storescp-old", (0, ""))[:2] == (before, "ending") and
                 now["yq-storescp"][1] == "running")
        meanwhile = new_object()
        with associate(home, [(SC, [EXPLICIT])]) as other:
            assert other.store(SC, meanwhile.uid, meanwhile.bytes) == 0
        peer.send_pdv(1, slow.bytes[200:], False, True)
        assert struct.unpack("<H", peer.answer()[0x0900])[0] == 0
        with pytest.raises(Gone, match="aborted"):  # it pauses, so it is ended
            peer.receive()
        peer.socket.close()
        assert home.await_restarted() == "done"
        assert_all_there(home, {one.uid: one.sha256 for one in (slow, quick, meanwhile)})


def test_kill_9_refuses_nobody_and_loses_nothing(home):
    with Stream(home) as stream:
        for _ in range(3):
            stream.more()
            before = home.programs()["yq-storescp"]
            os.kill(before[0], signal.SIGKILL)
            wait_for("yq-storescp running again", lambda: (now := home.programs().get("yq-storescp")) and now[0] != before[0] and now[1] == "running")
            stream.more()
    assert [error for _, error in stream.failures() if isinstance(error, ConnectionRefusedError)] == []
    assert all(isinstance(error, (Gone, ConnectionResetError)) for _, error in stream.failures()), stream.failures()
    assert len(stream.failures()) <= 3 * SENDERS, "others failed than those that were cut"
    assert_all_there(home, stream.acknowledged())


def test_plain_clients_come_through_a_restart(home, tmp_path):
    files = dicomgen.make_study(str(tmp_path), kind="ct-chest", images=4, size=32)
    assert files
    command = ["storescu", "-aet", "CT1", "-aec", "YINGQIAO", "+sd", "+r", "127.0.0.1", str(home.dicom_port), str(tmp_path)]
    clients, is_over = [], threading.Event()

    def send():
        while not is_over.is_set():
            clients.append(subprocess.run(command, capture_output=True, text=True, timeout=2 * PATIENCE_S, check=False))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        wait_for("a first client", lambda: clients)
        assert home.rolling_restart() == "done"
        goal = len(clients) + 2
        wait_for("further clients", lambda: len(clients) >= goal)
    finally:
        is_over.set()
        thread.join()
    assert [done.stderr for done in clients if done.returncode != 0] == []


# --- the protocol, spoken by others ------------------------------------------------------------------------------------------


@pytest.fixture
def ledger():
    with Installation({"YQ_POLL_INTERVAL": "100 ms", "YQ_STORE_RESERVE": "1 MiB"}) as installation:
        prepare(installation)
        yield installation


def start_with(home, one):
    """yq-storescp with a socket in the place and with the variables of the protocol."""
    code = "import os, sys; os.dup2(%d, 3); os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); os.execv(sys.argv[1], sys.argv[1:])"
    return subprocess.Popen([sys.executable, "-c", code % one.fileno(), BUILD / "bin" / "yq-storescp"], env=home.environment(),
                            pass_fds=[one.fileno()], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def test_who_called_before_the_start_is_served(ledger):
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        ledger.dicom_port = listener.getsockname()[1]  # another one than it is configured for
        early = Association("127.0.0.1", ledger.dicom_port, CALLING, "YINGQIAO", [(SC, [EXPLICIT])], connect=False)
        process = start_with(ledger, listener)
    try:
        one = new_object()
        early._associate()
        assert early.store(SC, one.uid, one.bytes) == 0
        early.release()
        assert_all_there(ledger, {one.uid: one.sha256})
    finally:
        early.socket.close()
        process.terminate()
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="no systemd")
def test_a_socket_of_systemd_is_taken(ledger):
    port = free_port()
    log = open(ledger.home / "log" / "yq-storescp.log", "ab")
    process = subprocess.Popen(["systemd-socket-activate", f"--listen=127.0.0.1:{port}", "--fdname=dicom",
                                *(f"--setenv={name}" for name in ledger.environment() if name.startswith("YQ_")), BUILD / "bin" / "yq-storescp"],
                               env=ledger.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    log.close()
    try:
        wait_for("systemd to listen", lambda: "Listening on" in ledger.log("yq-storescp"))
        ledger.dicom_port = port  # yq-storescp itself was told another one
        one = new_object()
        with associate(ledger, [(SC, [EXPLICIT])]) as peer:
            assert peer.store(SC, one.uid, one.bytes) == 0
        assert_all_there(ledger, {one.uid: one.sha256})
    finally:
        process.terminate()
        assert process.wait(PATIENCE_S) == 0, ledger.log("yq-storescp")


def test_what_is_no_listening_socket_is_said(ledger):
    with socket.socket() as silent:
        process = start_with(ledger, silent)
    try:
        _, said = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "inherited descriptor 3: it does not listen" in said


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd")
def test_units_of_systemd_are_well_formed(tmp_path):
    for unit in (TREE / "deploy" / "systemd").iterdir():
        (tmp_path / unit.name).write_text(unit.read_text().replace("/usr/lib/yingqiao", str(BUILD / "bin")).replace("User=yingqiao", "User=root"))
    units = sorted(map(str, tmp_path.iterdir()))
    assert len(units) == 4
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
