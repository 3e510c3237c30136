"""Everything that stations share as samples, sent by DCMTK's clients as they come and byte by byte: received, listed, read back bit for bit.

DCMTK's clients read a file and write it anew: they leave out group lengths, write lengths of sequences another way, and dcmsend makes explicit VR of
implicit. So a dataset that did not arrive as it stands in its file is sent once more by the same client to DCMTK's own receiver, which keeps bits:
what came there is what we must have. The third sender gives the bytes of the files as they are.
"""

import os
import pathlib
import signal
import struct
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
from demo import listening  # noqa: E402
from installation import PATIENCE_S, Installation, _end_with_parent, free_port  # noqa: E402
from receiving import CALLING, assert_sound, associate, await_indexed, prepare  # noqa: E402

SHARED = pathlib.Path(os.environ.get("YQ_SAMPLES") or pathlib.Path(__file__).resolve().parents[3] / "shared" / "data")
FOLDERS = ["studies", "objects", "transfer-syntaxes", "charsets"]  # malformed/ is for tests/e2e/test_malformed.py
LIMIT_S = 300

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="no sample data beside the tree")

# No composite objects, or nothing by which a client could announce them.
NO_OBJECTS = {
    "studies/dicomdir-fileset/DICOMDIR": "a directory of media, which is no storage class",
    "transfer-syntaxes/jpeg-ls-rgb-ilv1.dcm": "no file header and no SOP Instance UID",
    "charsets/expected.tsv": "a table",
}
# What cannot be kept, with the status: PS3.4 table B.2-1, cannot understand.
REFUSED = {
    "studies/mr-enhanced-knee/jpeg2000-multiframe.dcm": 0xC000,  # its UIDs have up to 67 characters; PS3.5 section 9.1 allows 64
    "transfer-syntaxes/htj2k-lossless.dcm": 0xC000,              # no study, no series
    "transfer-syntaxes/htj2k-lossy.dcm": 0xC000,
    "charsets/pydicom/chrSQEncoding.dcm": 0xC000,                # no SOP class and instance in the dataset
    "charsets/pydicom/chrSQEncoding1.dcm": 0xC000,
}
# Transfer syntaxes younger than DCMTK 3.6.7, which reads none of them.
TOO_NEW = ["transfer-syntaxes/deflated-image-frame-seg.dcm", "transfer-syntaxes/encapsulated-uncompressed.dcm"]


class Sample:
    def __init__(self, path):
        self.path, self.name = path, str(path.relative_to(SHARED))
        meta, self.dataset = dicomgen.split_part10(path.read_bytes())

        def of_meta(tag):
            return meta.get(tag, b"").rstrip(b"\0 ").decode("latin-1")

        # Some files say one thing in the header and another in the dataset; the dataset is what is sent.
        self.syntax = of_meta(0x00020010)
        self.sop_class = self._inside(0x16) or of_meta(0x00020002)
        self.uid = self._inside(0x18) or of_meta(0x00020003)

    def _inside(self, element):
        """A UID of group 0008; None when the dataset is deflated or big endian, or has none."""
        at = self.dataset.find(struct.pack("<HH", 8, element), 0, 1024)
        if at < 0:
            return None
        short = self.dataset[at + 4:at + 6] == b"UI"
        length, = struct.unpack_from("<H", self.dataset, at + 6) if short else struct.unpack_from("<I", self.dataset, at + 4)
        return self.dataset[at + 8:at + 8 + length].rstrip(b"\0 ").decode("latin-1") if length <= 80 else None


def samples(without=()):
    paths = sorted(path for folder in FOLDERS for path in (SHARED / folder).rglob("*") if path.is_file())
    names = {path: str(path.relative_to(SHARED)) for path in paths}
    return [Sample(path) for path in paths if names[path] not in NO_OBJECTS and names[path] not in without]


@pytest.fixture
def home():
    with Installation({"YQ_POLL_INTERVAL": "100 ms", "YQ_STORE_RESERVE": "1 MiB"}) as installation:
        prepare(installation)
        installation.start("yq-storescp")
        yield installation


# --- DCMTK's clients ---------------------------------------------------------------------------------------------------


def stock_environment():
    return {key: value for key, value in os.environ.items() if key != "TCP_NODELAY"}


def run_client(command):
    return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LIMIT_S, env=stock_environment())


def negotiation(path, contexts):
    """A configuration file of DCMTK: one profile of (SOP class, transfer syntaxes)."""
    lists = sorted({tuple(syntaxes) for _, syntaxes in contexts})
    lines = ["[[TransferSyntaxes]]"]
    for number, syntaxes in enumerate(lists):
        lines += [f"[List{number}]"] + [f"TransferSyntax{at} = {syntax}" for at, syntax in enumerate(syntaxes, 1)]
    lines += ["[[PresentationContexts]]", "[All]"]
    lines += [f"PresentationContext{at} = {sop_class}\\List{lists.index(tuple(syntaxes))}" for at, (sop_class, syntaxes) in enumerate(contexts, 1)]
    path.write_text("\n".join(lines + ["[[Profiles]]", "[Profile]", "PresentationContexts = All", ""]))
    return ["-xf", str(path), "Profile"]


class Storescu:
    """Each file in its own transfer syntax: one association for each pair of SOP class and syntax."""

    unable = {*REFUSED, *TOO_NEW}

    def __init__(self, folder):
        self.folder = folder

    def send(self, port, files, must=True):
        groups = {}
        for one in files:
            groups.setdefault((one.sop_class, one.syntax), []).append(str(one.path))
        for (sop_class, syntax), paths in groups.items():
            profile = negotiation(self.folder / "proposal.cfg", [(sop_class, [syntax])])
            done = run_client(["storescu", "-aet", CALLING, "-aec", "YINGQIAO", *profile, "127.0.0.1", str(port), *paths])
            assert (done.returncode == 0) == must, f"{paths}\n{done.stdout}{done.stderr}"


class Dcmsend:
    """Everything in one call, nothing decompressed. The report says what was answered for each file."""

    unable = {*REFUSED, *TOO_NEW, "studies/nm-heart/NM-MONO2-16-13x-heart.dcm"}  # no SOP class in its file header

    def __init__(self, folder):
        self.report = folder / "report.txt"

    def send(self, port, files, must=True):
        self.report.unlink(missing_ok=True)
        done = run_client(["dcmsend", "-aet", CALLING, "-aec", "YINGQIAO", "--decompress-never", "--no-uid-checks", "--no-halt",
                           "--create-report-file", str(self.report), "127.0.0.1", str(port), *[str(one.path) for one in files]])
        report = self.report.read_text(errors="replace") if self.report.exists() else ""
        taken = report.count("DIMSE Status  : 0x0000")
        assert taken == (len(files) if must else 0), f"{taken} of {len(files)}\n{done.stdout}{done.stderr}{report}"


class Reference:
    """DCMTK's storescp with --bit-preserving: what a client really sends."""

    def __init__(self, client, folder):
        self.client, self.folder = client, folder
        self.received = folder / "reference"
        self.received.mkdir()
        everything = samples()
        syntaxes = sorted({one.syntax for one in everything}, key=lambda syntax: (syntax != dicomgen.EXPLICIT, syntax))
        self.profile = negotiation(folder / "acceptance.cfg", [(name, syntaxes) for name in sorted({one.sop_class for one in everything})])
        self.port = free_port()

    def __enter__(self):
        self.process = subprocess.Popen(["storescp", "--quiet", "--bit-preserving", *self.profile, "--output-directory", str(self.received),
                                         str(self.port)], preexec_fn=_end_with_parent, env=stock_environment())
        listening(self.port)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE_S)

    def dataset(self, sample):
        self.client.send(self.port, [sample])
        path, = self.received.iterdir()
        content = dicomgen.split_part10(path.read_bytes())[1]
        path.unlink()
        return content


# --- what the installation has -----------------------------------------------------------------------------------------


def kept(home):
    """(UID, dataset bytes) of everything that the store gives back; the second bytes under a UID are a conflict, and kept as well."""
    rows = home.sql("""SELECT sop_instance_uid, object_key, header_bytes FROM instance UNION ALL
                       SELECT i.sop_instance_uid, c.object_key, c.header_bytes FROM instance_conflict c JOIN instance i USING (instance_id)""")
    found = []
    for uid, key, header_bytes in rows:
        content = (home.home / "store" / key[:2] / key[2:4] / key).read_bytes()
        found.append((uid, content[int(header_bytes):]))
    return found


def set_apart(home):
    """Dataset bytes of everything that was refused and is kept for people."""
    files = (home.home / "journal" / "quarantine").glob("*.part")
    return sorted(dicomgen.split_part10(path.read_bytes())[1] for path in files)


def assert_kept(home, sent, refused=0):
    """sent: (UID, dataset bytes) of everything acknowledged; the same twice is kept once. refused: how many are kept all the same."""
    found = await_indexed(home)
    assert_sound(found, refused)
    have = kept(home)
    assert len(have) == len(set(have)) and set(have) == set(sent)
    listed = home.yqctl("instance", "list", json=True)
    assert len(listed) == found["instances"] == len({uid for uid, _ in sent})


# --- tests -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Storescu, Dcmsend])
def test_sent_by_a_stock_client(home, tmp_path, kind):
    client = kind(tmp_path)
    files = samples(without=client.unable)
    assert len(files) > 200
    client.send(home.dicom_port, files)
    await_indexed(home)
    have, sent, rewritten = set(kept(home)), [], 0
    with Reference(client, tmp_path) as reference:
        for one in files:
            as_it_is = (one.uid, one.dataset) in have
            sent.append((one.uid, one.dataset if as_it_is else reference.dataset(one)))
            rewritten += not as_it_is
    print(f"{len(files)} files, {rewritten} of them written anew by the client")
    assert rewritten < len(files) / 2
    assert_kept(home, sent)
    # What cannot be sent, or not be of any study: said by the client. What reaches us all the same is kept for people.
    for one in samples():
        if one.name in client.unable:
            client.send(home.dicom_port, [one], must=False)
    await_indexed(home)
    assert_kept(home, sent, len(set_apart(home)))


def test_sent_byte_by_byte(home):
    sent, refused = [], []
    for one in samples():
        with associate(home, [(one.sop_class, [one.syntax])]) as peer:
            status = peer.store(one.sop_class, one.uid, one.dataset, one.syntax)
            assert status == REFUSED.get(one.name, 0), f"{one.name}: {status:04x} {peer.comment()}"
        if status == 0:
            sent.append((one.uid, one.dataset))
        else:
            refused.append(one.dataset)
    assert len(sent) > 200 and len(refused) == len(REFUSED)
    assert_kept(home, sent, len(refused))
    assert set_apart(home) == sorted(refused), "bit for bit, as everything else"
