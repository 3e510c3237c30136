"""docs/conformance.md row by row against what the programs negotiate: who reads it must be able to rely on it."""
import pathlib
import re
import struct
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
import dicomraw  # noqa: E402
import receiving  # noqa: E402
from dicomraw import Association, Rejected, item, pdu  # noqa: E402
from installation import TREE, Installation  # noqa: E402
from messaging import await_true  # noqa: E402
from pacs import Pacs  # noqa: E402
from receiving import CALLING  # noqa: E402
from returning import QUICK  # noqa: E402

STATEMENT = (TREE / "docs" / "conformance.md").read_text()
EXPLICIT, IMPLICIT = dicomgen.EXPLICIT, dicomgen.IMPLICIT
CT, MR = dicomgen.SOP["ct"], "1.2.840.10008.5.1.4.1.1.4"
COMMITMENT, MPPS = "1.2.840.10008.1.20.1", "1.2.840.10008.3.1.2.3.3"
ABSTRACT_SYNTAX_NOT_SUPPORTED, TRANSFER_SYNTAXES_NOT_SUPPORTED = 3, 4


def table(heading, number=0):
    """Rows of the table behind a heading; cells without ` around."""
    _, _, behind = STATEMENT.partition(f"\n{heading}\n")
    assert behind, heading
    behind = re.split(r"\n##+ ", behind)[0]
    tables = re.findall(r"(?:^\|.*\n?)+", behind, re.M)
    rows = [[re.sub("^`([^`]*)`$", r"\1", cell.strip()) for cell in line.strip("| \n").split(" | ")] for line in tables[number].splitlines()]
    return [row for row in rows[2:] if row]


SERVICES, REFUSED, CLASSES = (table("### 3.2 SOP classes", n) for n in range(3))
SYNTAXES = table("### 3.3 Transfer syntaxes")
UIDS = [uid for _, uid in CLASSES]


@pytest.fixture(scope="module")
def home():
    with Installation({**QUICK, "YQ_AE_TITLE": "YINGQIAO", "YQ_ASSOCIATION_MAX": "8", "YQ_ACCEPT_UNKNOWN_SOP_CLASSES": "no"}) as installation:
        receiving.prepare(installation)
        installation.start("yq-storescp")
        yield installation


def results(home, contexts):
    """Result and accepted transfer syntax of each context, in their order."""
    found = []
    for at in range(0, len(contexts), 128):
        with receiving.associate(home, contexts[at:at + 128]) as peer:
            found += [(peer.results[2 * n + 1], peer.accepted.get(2 * n + 1)) for n in range(len(contexts[at:at + 128]))]
    return found


# ---- 3.1: the association ---------------------------------------------------------------------------------------------------


class _Asking(Association):
    """Asks for all that there is to be asked for."""
    application_context = dicomraw.APPLICATION_CONTEXT

    def request(self):
        asked = super().request()[6:]
        asked = asked.replace(item(0x10, dicomraw.APPLICATION_CONTEXT.encode()), item(0x10, self.application_context.encode()))
        at = asked.rindex(b"\x50\0")
        commitment = struct.pack(">H", len(COMMITMENT)) + COMMITMENT.encode()
        more = item(0x53, struct.pack(">HH", 0, 0))                                             # asynchronous operations
        more += item(0x54, commitment + b"\0\1") + item(0x54, struct.pack(">H", len(CT)) + CT.encode() + b"\0\1")  # roles
        more += item(0x56, struct.pack(">H", len(CT)) + CT.encode() + b"\2\0\0\0\1\0")              # extended negotiation
        more += item(0x58, b"\1\1" + struct.pack(">H", 4) + b"user" + struct.pack(">H", 0))        # identity, with an answer please
        return pdu(1, asked[:at] + item(0x50, asked[at + 4:] + more))

    def receive(self):
        kind, body = super().receive()
        if kind == 2:
            self.told = body
        return kind, body


def told_items(body, at=68):
    while at + 4 <= len(body):
        what, length = body[at], struct.unpack_from(">H", body, at + 2)[0]
        inside = body[at + 4:at + 4 + length]
        if what == 0x50:
            yield from told_items(inside, 0)
        else:
            yield what, inside
        at += 4 + length


def test_what_an_association_is_told(home):
    values = dict(table("### 3.1 Policies", 0))
    with _Asking("127.0.0.1", home.dicom_port, CALLING, "YINGQIAO", [(CT, [EXPLICIT]), (COMMITMENT, [EXPLICIT])]) as peer:
        items = list(told_items(peer.told))
    told = dict(items)
    assert told[0x10].decode() == values.pop("application context name")
    assert told[0x52].decode() == values.pop("implementation class UID") and told[0x55].decode() == values.pop("implementation version name")
    assert struct.unpack(">I", told[0x51])[0] == int(values.pop("longest PDU that is received"))
    assert values.pop("asynchronous operations window").startswith("not negotiated") and told.get(0x53, b"\0\1\0\1") == b"\0\1\0\1"
    assert values.pop("SOP class extended negotiation") == "not answered" and 0x56 not in told
    assert values.pop("user identity") == "not asked for, not answered" and 0x59 not in told
    assert values.pop("role selection") == "answered for Storage Commitment alone"
    assert [inside[2:-2].decode() for what, inside in items if what == 0x54] == [COMMITMENT]
    assert len(results(home, [(CT, [EXPLICIT])] * int(values["presentation contexts"]))) == int(values.pop("presentation contexts")) == 128
    assert not values, "rows that nobody compares"


def test_every_rejection(home):
    want = {row[0]: tuple(int(cell.split()[0]) for cell in row[1:]) for row in table("### 3.1 Policies", 1)}

    def rejection(**more):
        made = {"calling": CALLING, "called": "YINGQIAO", "kind": Association} | more
        with pytest.raises(Rejected) as refused:
            made["kind"]("127.0.0.1", home.dicom_port, made["calling"], made["called"], [(CT, [EXPLICIT])])
        return refused.value.result, refused.value.source, refused.value.reason

    class Elsewhere(_Asking):
        application_context = "1.2.840.10008.3.1.1.2"
    found = {"calling AE title is not registered": rejection(calling="NOBODY"),
             "called AE title is not ours and not registered": rejection(called="SOMEWHERE"), "another application context": rejection(kind=Elsewhere)}
    held, why = [], None
    while why is None and len(held) <= 8:  # at most: one that was released is still there for a moment
        try:
            held.append(receiving.associate(home, [(CT, [EXPLICIT])]))
        except Rejected as refused:
            why = refused.result, refused.source, refused.reason
    found["more than `association_max`"] = why
    for one in held:
        one.release()
        one.socket.close()
    assert found == want


# ---- 3.2, 3.3: what is accepted ------------------------------------------------------------------------------------------------


def test_every_storage_class_is_accepted_in_any_place(home):
    assert len(set(UIDS)) == len(UIDS) > 200
    refused = [uid for uid, (result, syntax) in zip(UIDS, results(home, [(uid, [EXPLICIT]) for uid in UIDS])) if (result, syntax) != (0, EXPLICIT)]
    assert not refused


def test_no_storage_class_is_accepted_that_is_not_named(home):
    """Of those that the oldest DCMTK knows; a newer one may know more, and the statement says so."""
    known = set(re.findall(r'#define UID_\w+\s+"([0-9.]+)"', pathlib.Path("/usr/include/dcmtk/dcmdata/dcuid.h").read_text()))
    version = re.search(r'PACKAGE_VERSION "([^"]+)"', "".join(path.read_text() for path in pathlib.Path("/usr/include/dcmtk/config").glob("*.h")))
    asked = sorted(uid for uid in known if uid and not uid.startswith("1.2.840.10008.1.2"))
    accepted = {uid for uid, (result, _) in zip(asked, results(home, [(uid, [EXPLICIT]) for uid in asked])) if result == 0}
    more = accepted - set(UIDS) - {uid for _, uid, _ in SERVICES}
    assert not more or (version and version.group(1) != "3.6.7" and all(uid.startswith("1.2.840.10008.5.1.4.") for uid in more)), more


def test_services_are_provided_in_plain_syntaxes_or_not_at_all(home):
    assert {uid for _, uid, _ in SERVICES} == {dicomraw.VERIFICATION, COMMITMENT, MPPS}
    jpeg = "1.2.840.10008.1.2.4.50"
    for syntax in (EXPLICIT, IMPLICIT):
        assert results(home, [(uid, [jpeg, syntax]) for _, uid, _ in SERVICES if uid != dicomraw.VERIFICATION]) == [(0, syntax)] * 2
    assert results(home, [(dicomraw.VERIFICATION, [IMPLICIT])]) == [(0, IMPLICIT)]
    assert results(home, [(uid, [jpeg]) for uid in (COMMITMENT, MPPS)]) == [(TRANSFER_SYNTAXES_NOT_SUPPORTED, None)] * 2
    assert [result for result, _ in results(home, [(uid, [EXPLICIT, IMPLICIT]) for _, uid in REFUSED])] == [ABSTRACT_SYNTAX_NOT_SUPPORTED] * len(REFUSED)


def test_every_transfer_syntax(home):
    want = [(0, uid) if stored == "yes" else (TRANSFER_SYNTAXES_NOT_SUPPORTED, None) for _, uid, stored in SYNTAXES]
    assert results(home, [(CT, [uid]) for _, uid, _ in SYNTAXES]) == want
    in_order = [uid for _, uid, stored in SYNTAXES if stored == "yes"][:20]
    assert results(home, [(CT, in_order), (CT, in_order[::-1])]) == [(0, in_order[0]), (0, in_order[-1])], "the first of the proposer"
    source = (TREE / "lib/dicom/syntax.c").read_text()
    assert sorted(re.findall(r'^    \{"([0-9.]+)",', source, re.M)) == sorted(uid for _, uid, stored in SYNTAXES if stored != "no")


# ---- 3.4: statuses --------------------------------------------------------------------------------------------------------------


def test_every_status_of_a_store(home):
    want = {status for status, _, _ in table("### 3.4 C-STORE")}
    one, other = dicomgen.ct(dicomgen.Study()), dicomgen.ct(dicomgen.Study())
    uid, found = one.text(0x00080018), set()
    with receiving.associate(home, [(CT, [EXPLICIT]), (MR, [EXPLICIT])]) as peer:
        for _ in range(2):
            assert peer.store(CT, uid, one.encode(EXPLICIT), EXPLICIT) == 0
        found.add("0000")
        found.add(f"{peer.store(MR, other.text(0x00080018), other.encode(EXPLICIT), EXPLICIT):04X}")
        found.add(f"{peer.store(CT, dicomgen.new_uid(), b'no dataset at all', EXPLICIT):04X}")
    assert found == want - {"0124"}
    home.sql("""WITH x AS (INSERT INTO destination (site_id, ae_title, host, port) SELECT site_id, 'REPORTS', '127.0.0.1', 104 FROM site
                           WHERE code = 'SAMPLE' RETURNING *),
        d AS (INSERT INTO delivery (site_id, destination_id, purpose, message, deadline_at)
              SELECT site_id, destination_id, 'notify', '{}', yq_now() + interval '1 day' FROM x RETURNING *)
        INSERT INTO delivery_commitment (delivery_id, site_id, transaction_uid, peer_ae, our_ae)
        SELECT delivery_id, site_id, '2.25.1', 'REPORTS', 'YINGQIAO' FROM d""")

    def status():
        try:
            with Association("127.0.0.1", home.dicom_port, "REPORTS", "YINGQIAO", [(CT, [EXPLICIT])]) as intruder:
                return intruder.store(CT, dicomgen.new_uid(), other.encode(EXPLICIT), EXPLICIT)
        except Rejected:  # not heard of yet
            return None
    await_true("who may only report is known, and refused with 0124", lambda: status() == 0x0124)


# ---- 4: what is proposed --------------------------------------------------------------------------------------------------------


class _Listener(Pacs):
    """Notes what is proposed."""

    def __enter__(self):
        self.proposed = []
        return super().__enter__()

    def hear(self, body):
        self.proposed.append([])
        for what, inside in told_items(body):
            if what == 0x20:
                parts = list(told_items(inside, 4))
                self.proposed[-1].append((parts[0][1].decode(), [value.decode() for kind, value in parts[1:] if kind == 0x40]))


def grouped(contexts):
    by_class = {}
    for uid, syntaxes in contexts:
        assert len(syntaxes) == 1
        by_class.setdefault(uid, []).append(syntaxes[0])
    return by_class


def destination(home, port, **columns):
    columns = {"ae_title": "PACS", "host": "127.0.0.1", "port": port, **columns}
    return home.sql(f"INSERT INTO destination (site_id, wants_reports, {', '.join(columns)}) SELECT site_id, false, "
                    f"{', '.join(map(repr, columns.values()))} FROM site WHERE code = 'SAMPLE' RETURNING public_id")[0][0]


def test_what_a_test_of_a_destination_proposes(home):
    with _Listener() as peer:
        home.yqctl("destination", "test", destination(home, peer.port), status=None)
        assert len(peer.proposed) == 1
    want = {uid: syntaxes.replace("`", "").split() for _, uid, syntaxes in table("### 4.2 Proposed by the test of a destination")}
    assert grouped(peer.proposed[0]) == want


@pytest.mark.parametrize("row", table("### 4.3 Proposed by a delivery"), ids=lambda row: row[0])
def test_what_a_delivery_proposes(home, row):
    one = dicomgen.ct(dicomgen.Study())
    sent = receiving.Sent(one)
    assert receiving.send(home, [sent]) and sent.status == 0
    receiving.await_indexed(home)
    with _Listener() as peer:
        to = destination(home, peer.port, compression=row[0], proof="answers")
        home.sql(f"""WITH d AS (INSERT INTO delivery (site_id, destination_id, purpose, study_id, study_version, deadline_at)
            SELECT st.site_id, x.destination_id, 'forward', st.study_id, 1, yq_now() + interval '1 day' FROM study st, destination x
            WHERE st.study_instance_uid = '{one.text(0x0020000D)}' AND x.public_id = '{to}' RETURNING *)
            INSERT INTO delivery_item (delivery_id, site_id, instance_id) SELECT d.delivery_id, d.site_id, i.instance_id
            FROM d JOIN series se ON se.study_id = d.study_id JOIN instance i USING (series_id)""")
        home.start("yq-router")
        try:
            await_true("the delivery arrives", lambda: home.sql(
                f"SELECT 1 FROM delivery d JOIN destination x USING (destination_id) WHERE x.public_id = '{to}' AND d.state = 'delivered'"))
        finally:
            home.stop("yq-router")
    assert grouped(peer.proposed[0]) == {CT: row[1].replace("`", "").split()}


# ---- 5: DICOMweb ----------------------------------------------------------------------------------------------------------------


def test_every_resource_of_dicomweb_is_named():
    served = re.findall(r'\{"([A-Z]+)", "(/dicom-web[^"]*)"', (TREE / "gateway" / "routes.c").read_text())
    assert [tuple(row) for row in table("## 5 DICOMweb")] == served and len(served) > 10
