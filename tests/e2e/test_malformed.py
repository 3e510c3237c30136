"""Bytes that no well-meant program sends, through the DICOM port: a status for each, the program alive, success only for what can be read back."""
import hashlib
import os
import pathlib
import random
import struct
import sys
import zlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
from dicomraw import IMPLICIT, VERIFICATION, Association, Gone, Rejected, is_success, is_uid  # noqa: E402
from installation import Installation  # noqa: E402
from receiving import CALLING, assert_sound, associate, await_indexed, holds, prepare, read_back  # noqa: E402

SAMPLES = pathlib.Path(os.environ.get("YQ_SAMPLES") or pathlib.Path(__file__).resolve().parents[3] / "shared" / "data") / "malformed"
EXPLICIT, DEFLATED = dicomgen.EXPLICIT, dicomgen.DEFLATED
SC = dicomgen.SOP["sc"]
REFUSALS = {0xA700, 0xA900, 0xC000, 0x0110, 0x0122}


@pytest.fixture(scope="module")
def home():
    with Installation({"YQ_POLL_INTERVAL": "100 ms", "YQ_STORE_RESERVE": "1 MiB"}) as installation:
        prepare(installation)
        installation.start("yq-storescp")
        yield installation
        process = installation.running["yq-storescp"]
        assert process.poll() is None, "yq-storescp ended"
        # What was refused and a person can correct waits in quarantine; everything else is sound.
        assert_sound({**await_indexed(installation), "quarantined": 0})


class Case:
    """What goes over the wire: SOP class and instance as announced, transfer syntax, dataset bytes."""

    def __init__(self, name, dataset, sop_class=SC, uid=None, syntax=EXPLICIT):
        self.name, self.dataset, self.sop_class, self.syntax = name, dataset, sop_class, syntax
        self.uid = dicomgen.new_uid() if uid is None else uid

    @property
    def sha256(self):
        return hashlib.sha256(self.dataset).hexdigest()


def send(home, case):
    """The status. A transfer syntax or SOP class that nobody has is refused as a context: then the bytes go as explicit SC all the same."""
    proposed = [(case.sop_class, [case.syntax]), (SC, [EXPLICIT])]
    with associate(home, proposed) as peer:
        context = 1 if 1 in peer.accepted else 3
        return peer.store(case.sop_class, case.uid, case.dataset, context=context, pdv_size=16000)


def judge(home, case, status, before):
    """No success unless list and read-back agree; no refusal that left something behind."""
    held = holds(home)
    if is_success(status):
        assert is_uid(case.uid), f"{case.name}: success for the UID {case.uid!r}"
        assert case.uid in held, f"{case.name}: success, and not listed"
        if held[case.uid] == case.sha256:
            assert read_back(home, case.uid) == case.dataset, case.name
        else:  # another object had the UID first: both are kept
            assert case.uid in before, case.name
            kept = home.sql(f"""SELECT c.object_key, c.header_bytes FROM instance_conflict c JOIN instance i USING (instance_id)
                                WHERE i.sop_instance_uid = '{case.uid}' AND c.sha256 = '\\x{case.sha256}'""")
            assert len(kept) == 1, f"{case.name}: success, and its bytes are nowhere"
    else:
        assert status in REFUSALS, f"{case.name}: status {status:04x}"
        assert held == before, f"{case.name}: refused, and something was kept"


def run(home, case):
    before = holds(home)
    status = send(home, case)
    await_indexed(home)
    judge(home, case, status, before)
    return status


# --- files that others damaged -----------------------------------------------------------------------------------------


def from_file(path):
    content = path.read_bytes()
    try:
        meta, dataset = dicomgen.split_part10(content)
    except (ValueError, struct.error):
        return Case(path.name, content)

    def uid(tag):
        return meta.get(tag, b"").rstrip(b"\0 ").decode("latin-1")

    syntax = uid(0x00020010)
    return Case(path.name, dataset, uid(0x00020002) or SC, uid(0x00020003) or None, syntax if is_uid(syntax) else EXPLICIT)


def sample_files():
    return sorted(SAMPLES.rglob("*.dcm")) if SAMPLES.is_dir() else []


@pytest.mark.skipif(not sample_files(), reason="no sample data beside the tree")
@pytest.mark.parametrize("path", sample_files(), ids=[str(path.relative_to(SAMPLES)) for path in sample_files()])
def test_sample(home, path):
    run(home, from_file(path))


# --- made here ---------------------------------------------------------------------------------------------------------


def image(**changes):
    """A good secondary capture with some elements changed: tag in hexadecimal -> (VR, value) or None."""
    dataset = dicomgen.sc(dicomgen.Study(name="张^三"), size=16)
    for tag, row in changes.items():
        number = int(tag[1:], 16)
        dataset.pop(number, None)
        if row:
            dataset.put(number, *row)
    return dataset


def as_case(name, dataset, **more):
    return Case(name, dataset.encode(more.get("syntax", EXPLICIT)), uid=more.pop("uid", dataset.text(0x00080018)), **more)


def element(tag, vr, length, data=b""):
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    return head + (b"\0\0" + struct.pack("<I", length) if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT") else struct.pack("<H", length)) + data


def refused_cases():
    good = image()
    body, uid = good.encode(EXPLICIT), good.text(0x00080018)
    deflated = good.encode(DEFLATED)
    yield Case("no bytes at all", b"")
    yield Case("one byte", b"\x08")
    yield Case("text", b"GET / HTTP/1.0\r\n\r\n")
    yield Case("zeros", bytes(4096))
    yield Case("noise", random.Random(7).randbytes(5000))
    yield Case("cut in the pixels", body[:-100], uid=uid)
    yield Case("a part 10 file as dataset", dicomgen.part10(body, SC, uid), uid=uid)
    yield Case("implicit announced, explicit sent", body, uid=uid, syntax=IMPLICIT)
    yield Case("deflate of noise", random.Random(8).randbytes(3000), uid=uid, syntax=DEFLATED)
    yield Case("deflate cut", deflated[:len(deflated) // 2], uid=uid, syntax=DEFLATED)
    yield as_case("another instance announced", good, uid=dicomgen.new_uid())
    yield as_case("another class announced", good, sop_class=dicomgen.SOP["ct"])
    yield as_case("no study UID", image(x0020000D=None))
    yield as_case("empty study UID", image(x0020000D=("UI", "")))
    yield as_case("no series UID", image(x0020000E=None))
    yield as_case("no SOP instance UID", image(x00080018=None), uid=dicomgen.new_uid())
    yield as_case("no SOP class UID", image(x00080016=None))
    for bad in ("1.2..3", "1.2.", ".1.2", "1.02.3", "1.2.x", "1.2/../../x", "1.2.3\n4", "1" * 65, "../../../../etc/passwd", "'; DROP TABLE study; --"):
        yield as_case(f"study UID {bad[:12]!r}", image(x0020000D=("UI", bad)))
        yield as_case(f"SOP UID {bad[:12]!r}", image(x00080018=("UI", bad)), uid=bad)
    yield Case("length past the end", body + element(0x7FE10010, b"OB", 1 << 30, b"x"), uid=uid)
    yield Case("4 GiB", body + element(0x7FE10010, b"UT", 0xFFFFFFFE, b"x"), uid=uid)
    yield Case("sequence without end", body + element(0x7FE10010, b"SQ", 0xFFFFFFFF, b"\xfe\xff\x00\xe0\xff\xff\xff\xff"), uid=uid)
    deep = b"".join(element(0x00081115, b"SQ", 0xFFFFFFFF) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff" for _ in range(5000))
    yield Case("5000 sequences deep", deep, uid=uid)


@pytest.mark.parametrize("case", refused_cases(), ids=lambda case: case.name)
def test_refused(home, case):
    status = run(home, case)
    assert not is_success(status), f"{case.name}: taken with {status:04x}"


def taken_cases():
    yield as_case("hostile texts", image(x00100010=("PN", "'; DROP TABLE study; --"), x00100020=("LO", "../../etc/passwd"),
                                         x00081030=("LO", "<script>alert(1)</script>")))
    yield as_case("impossible dates", image(x00080020=("DA", "20240230"), x00100030=("DA", "unknown "), x00080030=("TM", "996199")))
    yield as_case("numbers that are none", image(x00200013=("IS", "ABC"), x00200011=("IS", "99999999999")))
    yield as_case("no patient at all", image(x00100010=None, x00100020=None, x00100030=None, x00100040=None))
    yield as_case("control characters", image(x00100010=("PN", "Bell\x07^Esc\x1b[31m")))
    yield as_case("64 KB of description", image(x00081030=("UT", "x" * 65000)))
    yield as_case("deflated", image(), syntax=DEFLATED)
    yield as_case("implicit", image(), syntax=IMPLICIT)
    yield Case("many private elements", *many_private())


def many_private():
    dataset = image()
    for number in range(2000):
        dataset.put(0x00090000 | 0x1000 + number, "LO", "value %d" % number)
    return dataset.encode(EXPLICIT), SC, dataset.text(0x00080018)


@pytest.mark.parametrize("case", taken_cases(), ids=lambda case: case.name)
def test_strange_and_taken(home, case):
    assert run(home, case) == 0


def test_an_inflating_bomb_is_bounded(home):
    dataset = image()
    body = dataset.encode(EXPLICIT)[:-16 * 16 - 12] + struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 1 << 30)
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = squeeze.compress(body) + b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(1024)) + squeeze.flush()
    case = Case("1 GiB in 1 MiB", packed + b"\0" * (len(packed) % 2), uid=dataset.text(0x00080018), syntax=DEFLATED)
    run(home, case)
    status = pathlib.Path(f"/proc/{home.running['yq-storescp'].pid}/status").read_text()
    peak_kb = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
    assert peak_kb < 300_000, f"{peak_kb} kB"


@pytest.mark.parametrize("seed", range(6))
def test_random_damage(home, seed):
    """Bytes flipped, cut, doubled in a good dataset: whatever the answer, it is true."""
    randomness = random.Random(seed)
    for _ in range(4):
        dataset = image()
        body = bytearray(dataset.encode(EXPLICIT))
        for _ in range(randomness.randrange(1, 6)):
            at = randomness.randrange(len(body))
            if randomness.random() < 0.6:
                body[at] ^= 1 << randomness.randrange(8)
            elif randomness.random() < 0.5:
                del body[at:at + randomness.randrange(1, 40)]
            else:
                body[at:at] = body[at:at + randomness.randrange(1, 40)]
        run(home, Case(f"seed {seed}", bytes(body) + b"\0" * (len(body) % 2), uid=dataset.text(0x00080018)))


# --- below the dataset -------------------------------------------------------------------------------------------------


def test_garbage_in_place_of_an_association(home):
    for data in (b"GET / HTTP/1.1\r\n\r\n", bytes(64), b"\xff" * 64, b"\x01\x00\xff\xff\xff\xff" + bytes(100), b"\x01"):
        peer = Association("127.0.0.1", home.dicom_port, CALLING, connect=False)
        peer.socket.sendall(data)
        peer.socket.close()
    whole = Association("127.0.0.1", home.dicom_port, CALLING, contexts=[(SC, [EXPLICIT])], connect=False)
    request = whole.request()
    whole.socket.close()
    for length in range(0, len(request), 37):
        peer = Association("127.0.0.1", home.dicom_port, CALLING, connect=False)
        peer.socket.sendall(request[:length])
        peer.socket.close()
    randomness = random.Random(3)
    for _ in range(20):
        damaged = bytearray(request)
        damaged[randomness.randrange(6, len(damaged))] ^= 0xFF
        peer = Association("127.0.0.1", home.dicom_port, CALLING, connect=False)
        peer.socket.sendall(bytes(damaged))
        peer.socket.close()
    assert run(home, as_case("afterwards", image())) == 0


def test_silence_holds_nobody_up(home):
    silent = [Association("127.0.0.1", home.dicom_port, CALLING, connect=False) for _ in range(5)]
    half = associate(home, [(SC, [EXPLICIT])])
    half.store_begin(SC, dicomgen.new_uid(), 1)
    half.send_pdv(1, b"\x08\x00", False, False)
    assert run(home, as_case("meanwhile", image())) == 0
    for peer in silent + [half]:
        peer.socket.close()


def test_contexts_that_make_no_sense(home):
    try:
        with associate(home, [("1.2.3.4.5.6.7.8.9", [EXPLICIT]), ("not a uid", ["x"]), (SC, ["1.2.3"]), ("", [""])]) as peer:
            assert peer.accepted == {}
    except (Gone, Rejected):
        pass
    with associate(home, [(VERIFICATION, [IMPLICIT])]) as peer:
        assert peer.echo() == 0
