"""A DICOM association made byte by byte (PS3.8), for what a well-behaved client would never send.

    with Association(host, port, calling='DR1', contexts=[(sop_class, [EXPLICIT])]) as peer:
        status = peer.store(sop_class, sop_instance, dataset_bytes, EXPLICIT)

Statuses are integers as answered.  Rejected is raised when the peer rejects, Gone when it aborts, closes or says nothing for
`timeout` seconds.  Nothing is checked before it is sent: UIDs may be empty or hostile, the dataset may be any bytes.
"""
import re
import socket
import struct

APPLICATION_CONTEXT = '1.2.840.10008.3.1.1.1'
VERIFICATION = '1.2.840.10008.1.1'
IMPLICIT = '1.2.840.10008.1.2'
IMPLEMENTATION_UID = '2.25.302846274310931120446180349462816223021'


class Rejected(Exception):
    """A-ASSOCIATE-RJ: result, source, reason (PS3.8 table 9-21)."""

    def __init__(self, result, source, reason):
        super().__init__('rejected: result %d source %d reason %d' % (result, source, reason))
        self.result, self.source, self.reason = result, source, reason


class Gone(Exception):
    """The peer aborted, closed the connection, or said nothing in time."""


def item(kind, body):
    return struct.pack('>BBH', kind, 0, len(body)) + body


def pdu(kind, body):
    return struct.pack('>BBI', kind, 0, len(body)) + body


def element(group, number, value):
    """One command element, implicit VR little endian."""
    if len(value) % 2:
        value += b'\0'
    return struct.pack('<HHI', group, number, len(value)) + value


def command(rows):
    body = b''.join(element(0, number, value) for number, value in sorted(rows.items()))
    return element(0, 0, struct.pack('<I', len(body))) + body


def parse_command(data):
    rows, at = {}, 0
    while at + 8 <= len(data):
        _, number, length = struct.unpack_from('<HHI', data, at)
        rows[number] = data[at + 8:at + 8 + length]
        at += 8 + length
    return rows


def raw(uid):
    return uid if isinstance(uid, bytes) else uid.encode('latin-1')


class Association:
    def __init__(self, host, port, calling='TEST', called='YINGQIAO', contexts=(), timeout=30, max_pdu=131072, connect=True,
                 secure=None):
        """secure: an ssl.SSLContext, for a port that speaks TLS."""
        self.contexts, self.timeout = list(contexts), timeout
        self.accepted = {}  # context id -> transfer syntax
        self.results = {}   # context id -> result, PS3.8 table 9-18
        self.message_id = 0
        self.peer_max = 0
        self.socket = socket.create_connection((host, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if secure:
            try:
                self.socket = secure.wrap_socket(self.socket)
            except BaseException:
                self.socket.close()
                raise
        self.calling, self.called, self.max_pdu = calling, called, max_pdu
        if connect:
            try:
                self._associate()
            except BaseException:
                self.socket.close()
                raise

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            try:
                self.release()
            except Gone:
                pass
        self.socket.close()

    # ---- association ----------------------------------------------------------------------------------------------

    def request(self):
        """The bytes of A-ASSOCIATE-RQ, for those who want to damage them."""
        body = struct.pack('>HH', 1, 0) + self.called.encode('latin-1').ljust(16)[:16] + self.calling.encode('latin-1').ljust(16)[:16]
        body += b'\0' * 32 + item(0x10, APPLICATION_CONTEXT.encode())
        for index, (abstract, syntaxes) in enumerate(self.contexts):
            inside = struct.pack('>BBBB', 2 * index + 1, 0, 0, 0) + item(0x30, raw(abstract))
            body += item(0x20, inside + b''.join(item(0x40, raw(syntax)) for syntax in syntaxes))
        user = item(0x51, struct.pack('>I', self.max_pdu)) + item(0x52, IMPLEMENTATION_UID.encode()) + item(0x55, b'DICOMRAW')
        return pdu(1, body + item(0x50, user))

    def _associate(self):
        self.send(self.request())
        kind, body = self.receive()
        if kind == 3:
            raise Rejected(body[1], body[2], body[3])
        if kind != 2:
            raise Gone('PDU %d in answer to the association request' % kind)
        at = 68
        while at + 4 <= len(body):
            what, length = body[at], struct.unpack_from('>H', body, at + 2)[0]
            inside = body[at + 4:at + 4 + length]
            if what == 0x21:
                self.results[inside[0]] = inside[2]
                if inside[2] == 0:
                    size = struct.unpack_from('>H', inside, 6)[0]
                    self.accepted[inside[0]] = inside[8:8 + size].rstrip(b'\0').decode('latin-1')
            elif what == 0x50 and inside[:1] == b'\x51':
                self.peer_max = struct.unpack_from('>I', inside, 4)[0]
            at += 4 + length

    def context_for(self, sop_class, syntax=None):
        """The id of an accepted context; None when there is none."""
        for number, accepted in self.accepted.items():
            if self.contexts[number // 2][0] == sop_class and syntax in (None, accepted):
                return number
        return None

    # ---- bytes ----------------------------------------------------------------------------------------------------

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Gone(str(error)) from error

    def _read(self, count):
        out = b''
        while len(out) < count:
            try:
                more = self.socket.recv(count - len(out))
            except OSError as error:
                raise Gone(str(error)) from error
            if not more:
                raise Gone('connection closed')
            out += more
        return out

    def receive(self):
        """One PDU: (type, body).  A-ABORT raises Gone."""
        kind, _, length = struct.unpack('>BBI', self._read(6))
        if length > 1 << 24:
            raise Gone('PDU of %d bytes' % length)
        body = self._read(length)
        if kind == 7:
            raise Gone('aborted: source %d reason %d' % (body[2], body[3]))
        return kind, body

    def send_pdv(self, context, data, is_command, is_last):
        flags = (1 if is_command else 0) | (2 if is_last else 0)
        self.send(pdu(4, struct.pack('>IBB', len(data) + 2, context, flags) + data))

    def answer(self):
        """The next command set from the peer, as {element number: bytes}."""
        out = b''
        while True:
            kind, body = self.receive()
            if kind != 4:
                raise Gone('PDU %d in place of an answer' % kind)
            at = 0
            while at + 6 <= len(body):
                length, _, flags = struct.unpack_from('>IBB', body, at)
                out += body[at + 6:at + 4 + length]
                at += 4 + length
                if flags & 2:
                    return parse_command(out)

    # ---- messages -------------------------------------------------------------------------------------------------

    def echo(self, context=None):
        self.message_id += 1
        context = context or self.context_for(VERIFICATION)
        self.send_pdv(context, command({0x0002: raw(VERIFICATION), 0x0100: struct.pack('<H', 0x0030),
                                        0x0110: struct.pack('<H', self.message_id), 0x0800: struct.pack('<H', 0x0101)}), True, True)
        return struct.unpack('<H', self.answer()[0x0900])[0]

    def store_begin(self, sop_class, sop_instance, context):
        """Sends the C-STORE command; the dataset follows by send_pdv()."""
        self.message_id += 1
        self.send_pdv(context, command({0x0002: raw(sop_class), 0x0100: struct.pack('<H', 0x0001),
                                        0x0110: struct.pack('<H', self.message_id), 0x0700: struct.pack('<H', 0),
                                        0x0800: struct.pack('<H', 0), 0x1000: raw(sop_instance)}), True, True)

    def store(self, sop_class, sop_instance, dataset, syntax=None, context=None, pdv_size=None, stop_after=None):
        """
        C-STORE of any bytes.  Returns the status.  stop_after: closes the connection after so many bytes and returns None.
        """
        if context is None:
            context = self.context_for(sop_class, syntax)
        if context is None:
            raise ValueError('no accepted context for %s' % sop_class)
        self.store_begin(sop_class, sop_instance, context)
        size = pdv_size or max((self.peer_max or 16384) - 6, 2)
        sent = 0
        while True:
            if stop_after is not None and sent >= stop_after:
                self.socket.close()
                return None
            piece = dataset[sent:sent + size]
            if stop_after is not None:
                piece = piece[:stop_after - sent]
            sent += len(piece)
            is_last = sent >= len(dataset)
            self.send_pdv(context, piece, False, is_last)
            if is_last and (stop_after is None or sent < stop_after):
                break
        self.last_answer = self.answer()
        return struct.unpack('<H', self.last_answer[0x0900])[0]

    def comment(self):
        return self.last_answer.get(0x0902, b'').rstrip(b'\0 ').decode('latin-1')

    def release(self):
        self.send(pdu(5, b'\0' * 4))
        kind, _ = self.receive()
        if kind != 6:
            raise Gone('PDU %d in answer to the release' % kind)

    def abort(self):
        self.send(pdu(7, b'\0' * 4))
        self.socket.close()


def is_success(status):
    """Success or a warning: the peer says that it has the object (PS3.7 annex C)."""
    return status == 0 or (status is not None and status & 0xF000 == 0xB000)


def is_uid(text):
    return bool(re.fullmatch(r'(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*', text)) and len(text) <= 64
