"""A modality beyond C-STORE, byte by byte: storage commitment (PS3.4 annex J) and performed procedure steps (PS3.4 annex F), as the side that
asks, on the association of the request or as the side that is called.
"""
import socket
import struct
import threading

import dicomgen
import dicomraw
from dicomraw import IMPLICIT, Gone, command, item, pdu, raw

COMMITMENT, WELL_KNOWN = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
MPPS = "1.2.840.10008.3.1.2.3.3"
EVENT_REPORT, SET, ACTION, CREATE, RESPONSE = 0x0100, 0x0120, 0x0130, 0x0140, 0x8000


def number(value):
    return struct.pack("<H", value)


# ---- datasets: explicit VR little endian -------------------------------------------------------------------------------

def element(tag, vr, value):
    value = value if isinstance(value, bytes) else value.encode()
    if len(value) % 2:
        value += b"\0" if vr == "UI" else b" "
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    return head + (b"\0\0" + struct.pack("<I", len(value)) if vr == "SQ" else struct.pack("<H", len(value))) + value


def sequence(tag, items):
    return element(tag, "SQ", b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(one)) + one for one in items))


def references(objects):
    """Items of Referenced SOP Class and Instance UID of (class, instance) pairs."""
    return [element(0x00081150, "UI", sop_class) + element(0x00081155, "UI", uid) for sop_class, uid in objects]


def commitment_request(transaction, objects):
    return element(0x00081195, "UI", transaction) + sequence(0x00081199, references(objects))


def step(status, study_uid=None, accession="", images=None, series=None):
    """The dataset of N-CREATE (with a study) or N-SET. images: (class, instance) pairs of one performed series."""
    out = b""
    if study_uid:
        out += element(0x00080060, "CS", "DX") + element(0x00400241, "AE", "CT1")
        out += element(0x00400244, "DA", "20261128") + element(0x00400245, "TM", "081500")
    else:
        out += element(0x00400250, "DA", "20261128") + element(0x00400251, "TM", "082000")
    out += element(0x00400252, "CS", status)
    if study_uid:
        out += element(0x00400253, "SH", "STEP1")
        out += sequence(0x00400270, [element(0x00080050, "SH", accession) + element(0x0020000D, "UI", study_uid)])
    if images is not None:
        out += sequence(0x00400340, [sequence(0x00081140, references(images)) +
                                     element(0x0020000E, "UI", series or dicomgen.new_uid())])
    return out


def parse(data, implicit):
    """{tag: value}; a sequence is a list of such. Of what we are sent: undefined lengths, too."""
    found, at = {}, 0
    while at < len(data):
        group, low = struct.unpack_from("<HH", data, at)
        tag, vr = group << 16 | low, None
        at += 4
        if implicit or group == 0xFFFE:
            length, at = struct.unpack_from("<I", data, at)[0], at + 4
        else:
            vr = data[at:at + 2]
            if vr == b"SQ":
                length, at = struct.unpack_from("<I", data, at + 4)[0], at + 8
            else:
                length, at = struct.unpack_from("<H", data, at + 2)[0], at + 4
        if tag in (0xFFFEE00D, 0xFFFEE0DD):
            return found, at
        if tag in (0x00081198, 0x00081199):
            items = []
            while True:
                kind, at = struct.unpack_from("<HH", data, at), at + 8
                if kind == (0xFFFE, 0xE0DD):
                    break
                assert kind == (0xFFFE, 0xE000), kind
                inside, used = parse(data[at:], implicit)
                items.append(inside)
                at += used
            found[tag] = items
            continue
        found[tag] = data[at:at + length]
        at += length
    return found, at


def uid(value):
    return value.rstrip(b"\0").decode()


class Report:
    """What an N-EVENT-REPORT said."""

    def __init__(self, rows, dataset, implicit, association=None):
        found, _ = parse(dataset, implicit)
        self.type = struct.unpack("<H", rows[0x1002])[0]
        self.instance = uid(rows[0x1000])
        self.transaction = uid(found[0x00081195])
        self.held = {uid(one[0x00081155]) for one in found.get(0x00081199, [])}
        self.failed = {uid(one[0x00081155]): struct.unpack("<H", one[0x00081197])[0] for one in found.get(0x00081198, [])}
        self.association = association


# ---- messages --------------------------------------------------------------------------------------------------------------

def message(peer):
    """The next message on an association: (context, command rows, dataset or None)."""
    parts, rows, context = {True: b"", False: b""}, None, None
    while True:
        kind, body = peer.receive()
        if kind != 4:
            raise Gone("PDU %d in place of a message" % kind)
        at = 0
        while at + 6 <= len(body):
            length, context, flags = struct.unpack_from(">IBB", body, at)
            is_command = bool(flags & 1)
            parts[is_command] += body[at + 6:at + 4 + length]
            at += 4 + length
            if flags & 2 and is_command:
                rows = dicomraw.parse_command(parts[True])
                if rows[0x0800] == number(0x0101):
                    return context, rows, None
            elif flags & 2:
                return context, rows, parts[False]


class Asking(dicomraw.Association):
    """An association that asks for the services of this module."""

    def __init__(self, home, contexts=((COMMITMENT, (dicomgen.EXPLICIT,)), (MPPS, (dicomgen.EXPLICIT,))), calling="CT1", port=None,
                 **more):
        super().__init__("127.0.0.1", port or home.dicom_port, calling, "YINGQIAO", [(one, list(syntaxes)) for one, syntaxes in contexts],
                         **more)

    def ask(self, field, sop_class, instance, dataset, action=None, context=None, pdv_size=16000):
        """A DIMSE-N request; returns the rows of its response."""
        self.message_id += 1
        context = context or self.context_for(sop_class)
        is_create = field == CREATE
        rows = {0x0002 if is_create else 0x0003: raw(sop_class), 0x0100: number(field), 0x0110: number(self.message_id),
                0x0800: number(0x0101 if dataset is None else 1)}
        if instance:
            rows[0x1000 if is_create else 0x1001] = raw(instance)
        if action is not None:
            rows[0x1008] = number(action)
        self.send_pdv(context, command(rows), True, True)
        for at in range(0, len(dataset or b""), pdv_size):
            self.send_pdv(context, dataset[at:at + pdv_size], False, at + pdv_size >= len(dataset))
        rows = self.answer()
        assert struct.unpack("<H", rows[0x0100])[0] == field | RESPONSE and rows[0x0120] == number(self.message_id)
        self.last_answer = rows
        return rows

    def commit(self, transaction, objects, **more):
        """Storage commitment request; returns the status."""
        rows = self.ask(ACTION, COMMITMENT, WELL_KNOWN, commitment_request(transaction, objects), **{"action": 1, **more})
        return struct.unpack("<H", rows[0x0900])[0]

    def status(self, *arguments, **more):
        return struct.unpack("<H", self.ask(*arguments, **more)[0x0900])[0]

    def await_report(self, answer=0):
        """The N-EVENT-REPORT on this association. answer: the status that it gets, None: none."""
        return take_report(self, lambda context: self.accepted[context] == IMPLICIT, answer)


def take_report(peer, is_implicit, answer):
    context, rows, dataset = message(peer)
    assert rows[0x0100] == number(EVENT_REPORT), rows
    if answer is not None:
        peer.send_pdv(context, command({0x0002: raw(COMMITMENT), 0x0100: number(EVENT_REPORT | RESPONSE), 0x0120: rows[0x0110],
                                        0x0800: number(0x0101), 0x0900: number(answer), 0x1000: raw(WELL_KNOWN),
                                        0x1002: rows[0x1002]}), True, True)
    return Report(rows, dataset, is_implicit(context))


# ---- the side that is called -------------------------------------------------------------------------------------------------

class Called:
    """Waits for reports on associations that we open to it. statuses: what it answers one after the other, 0 behind the last; None:
    it closes the connection without an answer. It takes commitment in implicit VR alone, in the role that we ask for. secure: an
    ssl.SSLContext, to be called over TLS.
    """

    def __init__(self, statuses=(), secure=None):
        self.secure = secure
        self.statuses = list(statuses)
        self.reports, self.roles, self.callers = [], [], []
        self.changed = threading.Condition()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            try:
                connection.settimeout(30)
                if self.secure:
                    connection = self.secure.wrap_socket(connection, server_side=True)
                self._take(connection)
            except (Gone, OSError):
                pass
            finally:
                connection.close()

    def _take(self, connection):
        peer = dicomraw.Association.__new__(dicomraw.Association)
        peer.socket = connection
        connection.settimeout(30)
        kind, body = peer.receive()
        assert kind == 1
        peer.send(self._accept(body))
        status = self.statuses.pop(0) if self.statuses else 0
        report = take_report(peer, lambda context: True, status)
        with self.changed:
            self.reports.append(report)
            self.changed.notify_all()
        if status is not None and peer.receive()[0] == 5:
            peer.send(pdu(6, b"\0" * 4))

    def _accept(self, request):
        """A-ASSOCIATE-AC: contexts with implicit VR are taken, the proposed role is granted."""
        self.callers.append((request[20:36].decode().strip(), request[4:20].decode().strip()))
        contexts, roles, at = b"", b"", 68
        while at + 4 <= len(request):
            what, length = request[at], struct.unpack_from(">H", request, at + 2)[0]
            inside = request[at + 4:at + 4 + length]
            at += 4 + length
            if what == 0x20:
                good = IMPLICIT.encode() in inside and b"1.2.840.10008.1.2.1" not in inside
                contexts += item(0x21, struct.pack(">BBBB", inside[0], 0, 0 if good else 4, 0) + item(0x40, IMPLICIT.encode()))
            elif what == 0x50:
                roles = self._roles(inside)
        user = item(0x51, struct.pack(">I", 16384)) + item(0x52, dicomraw.IMPLEMENTATION_UID.encode()) + roles
        return pdu(2, request[:68] + item(0x10, dicomraw.APPLICATION_CONTEXT.encode()) + contexts + item(0x50, user))

    def _roles(self, user):
        at, out = 0, b""
        while at + 4 <= len(user):
            what, length = user[at], struct.unpack_from(">H", user, at + 2)[0]
            inside = user[at + 4:at + 4 + length]
            if what == 0x54:
                size = struct.unpack_from(">H", inside)[0]
                self.roles.append((inside[2:2 + size].decode(), inside[2 + size], inside[3 + size]))
                out += item(0x54, inside)
            at += 4 + length
        return out

    def await_reports(self, count, patience_s=60):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.reports) >= count, patience_s), self.reports
        return self.reports
