"""PDUs that no well-meant program sends: seeded damage to associations that were made here, against yq-storescp. It survives, forgets none, and still takes images."""

import pathlib
import random
import struct
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
import dicomraw  # noqa: E402
from dicomraw import IMPLICIT, VERIFICATION, Association, Gone  # noqa: E402
from installation import Installation  # noqa: E402
from receiving import ANY_SET_APART, CALLING, assert_sound, associate, await_indexed, holds, prepare  # noqa: E402

EXPLICIT, SC = dicomgen.EXPLICIT, dicomgen.SOP["sc"]
SEEDS, CONNECTIONS = range(6), 60
PATIENCE_S = 60
LEAKY, LEAKY_BYTES = 400, 64 * 1024


@pytest.fixture(scope="module")
def home():
    settings = {"YQ_POLL_INTERVAL": "100 ms", "YQ_STORE_RESERVE": "1 MiB", "YQ_DIMSE_TIMEOUT": "5 s", "YQ_ASSOCIATION_TIMEOUT": "5 s"}
    with Installation(settings) as installation:
        prepare(installation)
        installation.start("yq-storescp")
        yield installation
        assert installation.running["yq-storescp"].poll() is None, "yq-storescp ended\n" + installation.log("yq-storescp")
        log = installation.log("yq-storescp")
        assert "runtime error" not in log and "AddressSanitizer" not in log
        assert_sound(await_indexed(installation), ANY_SET_APART)


def image():
    return dicomgen.sc(dicomgen.Study(name="张^三"), size=16)


def conversation():
    """PDUs of a whole association: request, echo, one image in three pieces, release."""
    peer = Association.__new__(Association)
    peer.contexts, peer.calling, peer.called, peer.max_pdu = [(VERIFICATION, [IMPLICIT]), (SC, [EXPLICIT])], CALLING, "YINGQIAO", 16384
    dataset = image()
    body = dataset.encode(EXPLICIT)
    store = {0x0002: SC.encode(), 0x0100: b"\1\0", 0x0110: b"\2\0", 0x0700: b"\0\0", 0x0800: b"\0\0", 0x1000: dataset.text(0x00080018).encode()}
    echo = {0x0002: VERIFICATION.encode(), 0x0100: b"\x30\0", 0x0110: b"\1\0", 0x0800: b"\1\1"}
    pieces = [body[:100], body[100:400], body[400:]]
    return [peer.request(), data(1, 3, dicomraw.command(echo)), data(3, 3, dicomraw.command(store)),
            *(data(3, 2 if piece is pieces[-1] else 0, piece) for piece in pieces), dicomraw.pdu(5, bytes(4))]


def data(context, flags, value):
    return dicomraw.pdu(4, struct.pack(">IBB", len(value) + 2, context, flags) + value)


def damage(randomness, pdus):
    """One or two faults: bits, lengths, PDUs out of order, doubled, left out, cut."""
    pdus = [bytearray(pdu) for pdu in pdus]
    for _ in range(randomness.randrange(1, 3)):
        at = randomness.randrange(len(pdus))
        pdu, fault = pdus[at], randomness.randrange(7)
        if fault == 0:
            pdu[randomness.randrange(len(pdu))] ^= 1 << randomness.randrange(8)
        elif fault == 1:
            struct.pack_into(">I", pdu, 2, randomness.choice([0, 1, 3, len(pdu) - 7, len(pdu), 0xFFFF, 131073, 1 << 20, 0x7FFFFFFF, 0xFFFFFFFF]))
        elif fault == 2:
            place = randomness.randrange(6, max(len(pdu) - 1, 7))
            struct.pack_into(">H", pdu, min(place, len(pdu) - 2), randomness.choice([0, 1, 0x40, 0x7FFF, 0xFFFF]))
        elif fault == 3:
            pdus.insert(at, bytearray(randomness.choice(pdus)))
        elif fault == 4 and len(pdus) > 1:
            del pdus[at]
        elif fault == 5:
            del pdu[randomness.randrange(len(pdu)):]
        else:
            pdu[0] = randomness.randrange(10)
    return b"".join(pdus)


def say(home, content):
    """Sends it, says no more, and takes what is answered until the other side closes. Only whole PDUs that a provider may send come back."""
    peer = Association("127.0.0.1", home.dicom_port, CALLING, connect=False, timeout=PATIENCE_S)
    try:
        peer.socket.sendall(content)
        peer.socket.shutdown(1)
    except OSError:
        pass  # it had enough
    kinds = []
    try:
        while True:
            kind, _ = peer.receive()
            kinds.append(kind)
    except Gone:
        pass
    finally:
        peer.socket.close()
    assert set(kinds) <= {2, 3, 4, 6, 7}, kinds


def connections(home):
    """Of the program, open now: its sockets that are neither listening nor to the ledger."""
    pid = home.running["yq-storescp"].pid
    inodes = set()
    for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(str(link.readlink()))
        except OSError:
            continue
    rows = [line.split() for line in pathlib.Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return sum(1 for row in rows if f"socket:[{row[9]}]" in inodes and int(row[1].split(":")[1], 16) == home.dicom_port and row[3] != "0A")


def memory_kb(home):
    status = pathlib.Path(f"/proc/{home.running['yq-storescp'].pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def is_instrumented(home):
    return any("libasan" in line for line in pathlib.Path(f"/proc/{home.running['yq-storescp'].pid}/maps").read_text().splitlines())


def assert_alive(home):
    """Nothing hangs on from before, and an image is taken and kept."""
    until = time.monotonic() + PATIENCE_S
    while connections(home):
        assert time.monotonic() < until, "associations are left over"
        time.sleep(0.05)
    dataset = image()
    with associate(home, [(SC, [EXPLICIT])]) as peer:
        assert connections(home) >= 1
        assert peer.store(SC, dataset.text(0x00080018), dataset.encode(EXPLICIT), EXPLICIT) == 0
    await_indexed(home)
    assert dataset.text(0x00080018) in holds(home)


def test_the_conversation_itself(home):
    """What is damaged below is right when it is not."""
    before = len(holds(home))
    say(home, b"".join(conversation()))
    await_indexed(home)
    assert len(holds(home)) == before + 1


@pytest.mark.parametrize("seed", SEEDS)
def test_damaged_associations(home, seed):
    randomness = random.Random(f"pdus {seed}")
    for _ in range(CONNECTIONS):
        say(home, damage(randomness, conversation()))
    assert_alive(home)


def refused_requests():
    """Requests that DCMTK gives up halfway, with what it would keep of each."""
    one = conversation()[0]
    start, end = one.index(b"\x20\0", 74), one.index(b"\x50\0", 74)

    def request(contexts=b"", user=b""):
        tail = one[end + 4:] + user
        return dicomraw.pdu(1, one[6:start] + contexts + dicomraw.item(0x50, tail))

    syntaxes = dicomraw.item(0x40, b"1.2") * ((LEAKY_BYTES - 200) // 7)
    context = b"\1\0\0\0" + dicomraw.item(0x30, SC.encode())
    extended = dicomraw.item(0x56, struct.pack(">H", 3) + b"1.2" + bytes(LEAKY_BYTES - 500))
    identity = dicomraw.item(0x58, b"\2\0" + struct.pack(">H", 20000) + bytes(20000) + b"\0\0")
    yield "a context broken at its end", request(dicomraw.item(0x20, context + syntaxes + b"\x40\0\0\5"))
    yield "no transfer syntax in the second context", request(dicomraw.item(0x20, context + syntaxes) + dicomraw.item(0x20, context))
    yield "extended negotiation, then broken", request(one[start:end], extended + b"\x56\0\0")
    yield "three identities", request(one[start:end], identity * 3)


@pytest.mark.parametrize("name, content", refused_requests(), ids=[name for name, _ in refused_requests()])
def test_a_refused_request_leaves_no_memory_behind(home, name, content):
    """From anybody who can connect: so a program that kept some of it would be ended by it."""
    for _ in range(20):
        say(home, content)
    before = memory_kb(home)
    for _ in range(LEAKY):
        say(home, content)
    grown = memory_kb(home) - before
    # The allocator and the instruments keep some of what was given back.
    assert is_instrumented(home) or grown * 1024 < LEAKY * LEAKY_BYTES // 3, f"{name}: {grown} kB more"
    assert "malformed_request" in home.log("yq-storescp")
    assert_alive(home)


@pytest.mark.parametrize("called, calling, reason", [("", CALLING, 7), ("YINGQIAO", "", 3), ("", "", 3)])
def test_no_titles(home, called, calling, reason):
    """Blanks are no title (PS3.8 table 9-21): rejected by name, where an answer that repeats them would have been given up halfway."""
    with pytest.raises(dicomraw.Rejected) as refusal:
        Association("127.0.0.1", home.dicom_port, calling, called, [(SC, [EXPLICIT])])
    assert (refusal.value.result, refusal.value.source, refusal.value.reason) == (1, 1, reason)
    assert_alive(home)
