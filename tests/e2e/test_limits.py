"""Time-outs and limits of yq-storescp, each alone: the one in question is short, every other one too long to be seen."""
import contextlib
import os
import pathlib
import random
import re
import resource
import select
import socket
import struct
import subprocess
import sys
import time
import zlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
from dicomraw import APPLICATION_CONTEXT, IMPLICIT, VERIFICATION, Association, Gone, Rejected, command, pdu, raw  # noqa: E402
from fakeprograms import wait_for  # noqa: E402
from installation import BUILD, PATIENCE_S, Installation  # noqa: E402
from receiving import CALLING, Sent, assert_sound, associate, await_indexed, holds, prepare  # noqa: E402

SC, EXPLICIT, DEFLATED = dicomgen.SOP["sc"], dicomgen.EXPLICIT, dicomgen.DEFLATED
LONG = {"YQ_ASSOCIATION_TIMEOUT": "1 h", "YQ_PDU_TIMEOUT": "4 h", "YQ_DIMSE_TIMEOUT": "1 h", "YQ_IDLE_TIMEOUT": "4 h", "YQ_OBJECT_GRACE": "4 h"}
ANNOUNCED = 131072
TRANSIENT, PRESENTATION, CONGESTION = 2, 3, 1


@pytest.fixture(scope="module")
def home():
    with Installation({"YQ_POLL_INTERVAL": "100 ms", "YQ_STORE_RESERVE": "1 MiB", **LONG}) as installation:
        prepare(installation)
        yield installation


@contextlib.contextmanager
def receiver(home, **limits):
    home.start("yq-storescp", **limits)
    try:
        yield home.running["yq-storescp"]
    finally:
        if "yq-storescp" in home.running:
            assert home.stop("yq-storescp") == 0, home.log("yq-storescp")


def contexts():
    return [(SC, [EXPLICIT]), (VERIFICATION, [IMPLICIT]), (SC, [DEFLATED])]


def unconnected(home, **more):
    return Association("127.0.0.1", home.dicom_port, CALLING, "YINGQIAO", contexts(), connect=False, timeout=PATIENCE_S, **more)


def new_object():
    return Sent(dicomgen.sc(dicomgen.Study(), size=16))


def is_ended(peer):
    """The peer sent an A-ABORT, or closed."""
    with pytest.raises(Gone):
        peer.receive()
    peer.socket.close()


def drip(peer, data):
    """Byte by byte, each as soon as a moment has passed without an answer. True: the peer ended it before all was out."""
    for at in range(len(data)):
        try:
            peer.socket.sendall(data[at:at + 1])
        except OSError:
            return True
        readable, _, _ = select.select([peer.socket], [], [], 0.02)
        if readable:
            is_ended(peer)
            return True
    return False


def ends(home, how):
    return len(re.findall(rf"association_ended .*how={how}", home.log("yq-storescp")))


@contextlib.contextmanager
def ends_one_more(home, how):
    before = ends(home, how)
    yield
    wait_for(f"an association that ends by {how}", lambda: ends(home, how) == before + 1)


# --- time-outs ---------------------------------------------------------------------------------------------------------


def test_a_request_has_a_deadline_however_it_drips(home):
    with receiver(home, YQ_ASSOCIATION_TIMEOUT="400 ms"):
        is_ended(unconnected(home))
        peer = unconnected(home)
        peer.contexts = peer.contexts * 30
        assert drip(peer, peer.request()), "it came byte by byte, and was waited for"


def test_a_pdu_has_a_deadline_however_it_drips(home):
    with receiver(home, YQ_PDU_TIMEOUT="400 ms"):
        for sent in (b"", b"\x04\x00\x00", struct.pack(">BBIIBB", 4, 0, 6006, 6002, 1, 0)):
            one = new_object()
            with ends_one_more(home, "timeout"):
                peer = associate(home, contexts())
                peer.store_begin(SC, one.uid, 1)
                peer.socket.sendall(sent)
                if len(sent) == 3:
                    is_ended(peer)  # silence inside of the head counts as well
                else:
                    assert drip(peer, one.bytes[:1] * 6000 if sent else pdu(4, b"\0" * 6000))
            assert one.uid not in holds(home)


def test_pdus_without_end_that_bring_nothing_are_no_object(home):
    """Each is whole and comes at once; a command, or a dataset, of empty pieces or of a byte a piece."""
    for is_command, piece, flags in [(False, b"", 0), (False, b"\0", 0), (True, b"", 1)]:
        with receiver(home, YQ_OBJECT_GRACE="300 ms", YQ_OBJECT_RATE_MIN="64 KiB"), ends_one_more(home, "timeout"):
            one = new_object()
            peer = associate(home, contexts())
            if not is_command:
                peer.store_begin(SC, one.uid, 1)
            until = time.monotonic() + PATIENCE_S
            with pytest.raises(Gone):
                while time.monotonic() < until:
                    peer.send(pdu(4, struct.pack(">IBB", len(piece) + 2, 1, flags) + piece))
                    if select.select([peer.socket], [], [], 0.001)[0]:
                        peer.receive()
            peer.socket.close()
    assert one.uid not in holds(home)


def test_an_object_that_keeps_the_rate_may_take_longer_than_the_grace(home):
    with receiver(home, YQ_OBJECT_GRACE="100 ms", YQ_OBJECT_RATE_MIN="1 KiB"):
        one = Sent(dicomgen.sc(dicomgen.Study(), size=64))
        with associate(home, contexts()) as peer:
            peer.store_begin(SC, one.uid, 1)
            for at in range(0, len(one.bytes), 512):
                peer.send_pdv(1, one.bytes[at:at + 512], False, at + 512 >= len(one.bytes))
                select.select([], [], [], 0.05)
            assert struct.unpack("<H", peer.answer()[0x0900])[0] == 0


def test_a_slow_message_of_whole_pdus_is_waited_for(home):
    """Each PDU has its own deadline: the message as a whole takes longer than one may, and every piece of it comes in two parts."""
    with receiver(home, YQ_PDU_TIMEOUT="3 s"):
        one = new_object()
        with associate(home, contexts()) as peer:
            peer.store_begin(SC, one.uid, 1)
            until, sent = time.monotonic() + 3.5, 0
            while time.monotonic() < until:
                piece = one.bytes[sent:sent + 1]
                sent += len(piece)
                whole = pdu(4, struct.pack(">IBB", len(piece) + 2, 1, 0) + piece)
                for part in (whole[:8], whole[8:]):
                    peer.send(part)
                    select.select([peer.socket], [], [], 0.05)
            peer.send_pdv(1, one.bytes[sent:], False, True)
            assert struct.unpack("<H", peer.answer()[0x0900])[0] == 0


def test_silence_inside_a_message_ends_it(home):
    with receiver(home, YQ_DIMSE_TIMEOUT="400 ms"):
        one = new_object()
        with ends_one_more(home, "timeout"):
            peer = associate(home, contexts())
            peer.store_begin(SC, one.uid, 1)
            peer.send_pdv(1, one.bytes[:200], False, False)
            is_ended(peer)
        assert one.uid not in holds(home)


def test_silence_between_messages_ends_it(home):
    with receiver(home, YQ_IDLE_TIMEOUT="400 ms"):
        with ends_one_more(home, "timeout"):
            peer = associate(home, contexts())
            assert peer.echo() == 0
            is_ended(peer)


# --- limits on what comes below the dataset ---------------------------------------------------------------------------------


def peak_kb(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])


def test_what_is_announced_is_taken_and_no_byte_more(home):
    with receiver(home) as process:
        with associate(home, contexts()) as peer:
            assert peer.peer_max == ANNOUNCED
            dataset = dicomgen.sc(dicomgen.Study(), size=700)
            body = dataset.encode(EXPLICIT)
            assert len(body) > 3 * ANNOUNCED
            assert peer.store(SC, dataset.text(0x00080018), body, EXPLICIT, pdv_size=ANNOUNCED - 6) == 0
        before = peak_kb(process)
        for kind, length in ((4, ANNOUNCED + 1), (4, 1 << 30), (4, 0xFFFFFFFF), (1, 0xFFFFFFFF), (2, 0xFFFFFFFF), (5, 1 << 20), (6, 0xFFFFFFFF),
                             (7, 0xFFFFFFFF), (0, 4), (8, 4), (0xFF, 0xFFFFFFFF)):
            with ends_one_more(home, "aborted"):
                peer = associate(home, contexts())
                peer.send(struct.pack(">BBI", kind, 0, length))
                with pytest.raises(Gone, match="aborted"):
                    peer.receive()
                peer.socket.close()
        assert peak_kb(process) - before < 4096, "something of that length was allocated"


def echo_of(length):
    """A C-ECHO whose command set has so many bytes, most of them in an element that nobody needs."""
    rows = {0x0002: raw(VERIFICATION), 0x0100: struct.pack("<H", 0x0030), 0x0110: struct.pack("<H", 1), 0x0800: struct.pack("<H", 0x0101)}
    rows[0x5110] = b"x" * (length - len(command(rows)) - 8)
    return command(rows)


def test_a_command_is_bounded(home):
    with receiver(home):
        for pieces in (1, 5):
            with associate(home, contexts()) as peer:
                send_command(peer, echo_of(65536), pieces)
                assert struct.unpack("<H", peer.answer()[0x0900])[0] == 0
            peer = associate(home, contexts())
            send_command(peer, echo_of(65538), pieces)
            is_ended(peer)


def send_command(peer, data, pieces):
    size = -(-len(data) // pieces)
    for at in range(0, len(data), size):
        peer.send_pdv(3, data[at:at + size], True, at + size >= len(data))


def test_contexts_are_bounded(home):
    def request(count):
        """dicomraw numbers contexts by itself; beyond 128 the numbers come again."""
        peer = unconnected(home)
        peer.contexts = [(SC, [EXPLICIT])] * min(count, 128)
        whole = peer.request()
        at = 6 + 68 + 4 + len(APPLICATION_CONTEXT)
        item = whole[at:at + 4 + struct.unpack_from(">H", whole, at + 2)[0]]
        more = item * (count - min(count, 128))
        peer.send(pdu(1, whole[6:at] + more + whole[at:]))
        return peer

    with receiver(home):
        peer = request(128)
        assert peer.receive()[0] == 2
        peer.socket.close()
        for count in (129, 10000):
            peer = request(count)
            with pytest.raises(Gone, match="aborted"):
                peer.receive()
            peer.socket.close()
        assert "reason=too_many_contexts" in home.log("yq-storescp")


def test_a_long_list_of_transfer_syntaxes_is_no_reason_to_end(home):
    with receiver(home):
        offered = [EXPLICIT] + [f"1.2.840.10008.1.2.4.{number}" for number in range(200, 400)]
        with associate(home, [(SC, offered), (VERIFICATION, [IMPLICIT])]) as peer:
            assert peer.accepted == {1: EXPLICIT, 3: IMPLICIT}
            one = new_object()
            assert peer.store(SC, one.uid, one.bytes, context=1) == 0


# --- limits on datasets -------------------------------------------------------------------------------------------------------


def refused(home, dataset, body, syntax=EXPLICIT):
    """Status and comment; nothing of it is kept, and the association goes on."""
    uid = dataset.text(0x00080018)
    with associate(home, contexts()) as peer:
        status = peer.store(SC, uid, body, syntax)
        comment = peer.comment()
        assert peer.echo() == 0
    assert uid not in holds(home)
    return status, comment


def without_pixels():
    dataset = dicomgen.sc(dicomgen.Study(), size=16)
    dataset.pop(0x7FE00010)
    return dataset


def test_an_object_is_bounded(home):
    with receiver(home, YQ_OBJECT_MAX="1 MiB"):
        small, large = (dicomgen.sc(dicomgen.Study(), size=size) for size in (1000, 1100))
        assert len(small.encode(EXPLICIT)) < 1 << 20 < len(large.encode(EXPLICIT))
        with associate(home, contexts()) as peer:
            assert peer.store(SC, small.text(0x00080018), small.encode(EXPLICIT), EXPLICIT) == 0
        status, comment = refused(home, large, large.encode(EXPLICIT))
        assert status == 0xA700 and "1048576" in comment, (hex(status), comment)


def deflated(*pieces):
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = b"".join(squeeze.compress(piece) for piece in pieces) + squeeze.flush()
    return body + b"\0" * (len(body) % 2)


def header(tag, vr, length):
    return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr, 0, length)


def test_elements_nesting_and_inflating_are_bounded(home):
    with receiver(home) as process:
        before = peak_kb(process)
        dataset = without_pixels()
        start = dataset.encode(EXPLICIT)
        noise = random.Random(5).randbytes(1 << 20)  # so that it is not the ratio that is refused
        empty = struct.pack("<HH2sH", 0x0009, 0x1001, b"LO", 0) * (1 << 20)
        open_item = header(0x00091002, b"SQ", 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
        cases = {
            "too many elements": (deflated(start, header(0x00091003, b"OB", len(noise)), noise, *[empty] * 17), DEFLATED),
            "nesting too deep": (start + open_item * 64, EXPLICIT),
            "it inflates beyond": (deflated(start, header(0x7FE00010, b"OB", 80 << 20), *[bytes(1 << 20)] * 80), DEFLATED),
        }
        for text, (body, syntax) in cases.items():
            status, comment = refused(home, dataset, body, syntax)
            assert status == 0xC000 and text in comment, (hex(status), comment)
        assert peak_kb(process) - before < 32768


def test_a_blank_image_may_shrink_to_a_thousandth(home):
    with receiver(home):
        dataset = without_pixels()
        body = deflated(dataset.encode(EXPLICIT), header(0x7FE00010, b"OW", 40 << 20), *[bytes(1 << 20)] * 40)
        assert len(body) < 40 << 12
        with associate(home, contexts()) as peer:
            assert peer.store(SC, dataset.text(0x00080018), body, DEFLATED) == 0


def test_memory_does_not_grow_with_the_object(home):
    with receiver(home) as process:
        peaks = []
        for megabytes in (1, 300):
            dataset = without_pixels()
            body = dataset.encode(EXPLICIT) + header(0x7FE00010, b"OW", megabytes << 20) + bytes(megabytes << 20)
            with associate(home, contexts()) as peer:
                assert peer.store(SC, dataset.text(0x00080018), body, EXPLICIT) == 0
            await_indexed(home)
            peaks.append(peak_kb(process))
        assert peaks[1] - peaks[0] < 8192, peaks


# --- many associations ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def files_limited(soft):
    """For what is started inside."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_as_many_associations_as_configured(home):
    """More than descriptors that it was started with; beyond the limit it is congested, for a while only."""
    most, peers, sent = 300, [], []
    with files_limited(200):
        home.start("yq-storescp", YQ_ASSOCIATION_MAX=str(most))
    try:
        peers = [associate(home, contexts(), timeout=PATIENCE_S) for _ in range(most)]
        for peer in peers[::50]:
            one = new_object()
            assert peer.store(SC, one.uid, one.bytes, EXPLICIT) == 0
            sent.append(one)
        for _ in range(3):
            with pytest.raises(Rejected) as congested:
                associate(home, contexts())
            assert (congested.value.result, congested.value.source, congested.value.reason) == (TRANSIENT, PRESENTATION, CONGESTION)
        assert peers[0].echo() == 0
        peers.pop().release()
        wait_for("a place", lambda: is_admitted(home))
        assert_sound(await_indexed(home))
        assert {one.uid for one in sent} <= set(holds(home))
        assert threads_stack_kb(home.running["yq-storescp"]) <= 1024
    finally:
        for peer in peers:
            peer.socket.close()
        assert home.stop("yq-storescp") == 0


def is_admitted(home):
    try:
        with associate(home, contexts()):
            return True
    except Rejected:
        return False


def threads_stack_kb(process):
    """The largest stack among those that the threads of associations use: anonymous, writable, behind a guard page."""
    sizes, guard_end = [], None
    for line in pathlib.Path(f"/proc/{process.pid}/maps").read_text().splitlines():
        span, access, *_, = line.split()
        start, end = (int(part, 16) for part in span.split("-"))
        if access == "---p":
            guard_end = end if end - start == resource.getpagesize() else None
        else:
            if access == "rw-p" and start == guard_end:
                sizes.append((end - start) // 1024)
            guard_end = None
    # The few threads of the program itself have the system's size.
    return sorted(sizes)[len(sizes) // 2]


@pytest.mark.skipif(BUILD.name == "san", reason="UndefinedBehaviorSanitizer opens a pipe to look at a type, and takes the lack of one for a wrong type")
def test_too_few_descriptors_are_said_and_survived(home):
    environment = home.environment(YQ_ASSOCIATION_MAX="1000")
    log = home.home / "log" / "limited.log"
    with open(log, "wb") as out:
        process = subprocess.Popen(["prlimit", "--nofile=60:60", BUILD / "bin" / "yq-storescp"], env=environment, stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=out)
    peers = []
    try:
        wait_for("the start", lambda: "program_started" in log.read_text())
        assert re.search(r"warning yq-storescp limit_low what=open_files have=60 want=3200", log.read_text())
        peers = [socket.create_connection(("127.0.0.1", home.dicom_port), PATIENCE_S) for _ in range(80)]
        wait_for("all descriptors in use", lambda: "reason=EMFILE" in log.read_text())
        for peer in peers:
            peer.close()
        with associate(home, contexts(), timeout=PATIENCE_S) as peer:
            assert peer.echo() == 0
    finally:
        for peer in peers:
            peer.close()
        process.terminate()
        assert process.wait(PATIENCE_S) == 0, log.read_text()


# --- the end -----------------------------------------------------------------------------------------------------------------


def is_refused(home):
    try:
        socket.create_connection(("127.0.0.1", home.dicom_port), PATIENCE_S).close()
    except ConnectionRefusedError:
        return True
    return False


def talk_after_stop(home):
    """A second object after the request to stop, on the same association, and one association whose request came late."""
    first, second = new_object(), new_object()
    home.start("yq-storescp")
    process = home.running["yq-storescp"]
    peer, late = associate(home, contexts()), unconnected(home)
    try:
        assert peer.store(SC, first.uid, first.bytes, EXPLICIT) == 0
        process.terminate()
        wait_for("the end of the queue", lambda: is_refused(home))
        late._associate()
        assert late.echo() == 0
        assert peer.store(SC, second.uid, second.bytes, EXPLICIT) == 0
        is_ended(peer)
        is_ended(late)
        return True
    except Gone:
        return False
    finally:
        peer.socket.close()
        late.socket.close()
        assert home.wait_ended("yq-storescp") == 0


def test_who_is_in_the_middle_of_it_may_finish(home):
    """A machine that is busy for seconds may lose one such race, not three."""
    assert any(talk_after_stop(home) for _ in range(3))


def test_who_never_pauses_is_ended_between_two_objects(home):
    home.start("yq-storescp")
    sent = []
    with ends_one_more(home, "stopped"):
        peer = associate(home, contexts())
        try:
            while len(sent) < 100000:
                if len(sent) == 3:
                    home.running["yq-storescp"].terminate()
                one = new_object()
                assert peer.store(SC, one.uid, one.bytes, EXPLICIT) == 0
                sent.append(one)
        except Gone:
            pass
        peer.socket.close()
    assert home.wait_ended("yq-storescp") == 0
    assert len(sent) > 3
    with receiver(home):
        assert_sound(await_indexed(home))
    assert {one.uid for one in sent} <= set(holds(home))
