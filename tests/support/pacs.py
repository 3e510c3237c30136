"""A DICOM node made byte by byte, which takes, holds, commits and finds as it is told, honestly or not.

    with Pacs() as pacs:
        pacs.status = lambda uid: 0xA700      # of each C-STORE
        pacs.forgets = lambda uid: True       # answers, and does not keep it
        pacs.at["answer"] = "close"           # what it does in the place of each phase, see PHASES
        ...
    pacs.held                                 # SOP instance UID -> (SHA-256 of the dataset, transfer syntax)

An action is "hang" (says nothing any more), "close", "abort", or bytes that it sends; it may be a function of how often the phase was there before.
"""
import hashlib
import re
import socket
import struct
import threading

import dicomgen
import dicomraw
from dicomraw import command, item, parse_command, pdu

COMMITMENT = "1.2.840.10008.1.20.1"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
PHASES = ("connect", "associate", "command", "dataset", "answer", "release")
PLAIN = (dicomgen.EXPLICIT, dicomgen.IMPLICIT)
PATIENCE_S = 60


class _Ended(Exception):
    pass


class Pacs:
    def __init__(self, title="PACS", syntaxes=PLAIN, services=(), refuses=(), reject=None, associations_max=None):
        """services: of COMMITMENT and FIND. refuses: SOP classes. reject: (result, source, reason) of every association."""
        self.title, self.syntaxes, self.services, self.refuses, self.reject = title, tuple(syntaxes), tuple(services), refuses, reject
        self.associations_max = associations_max
        self.status, self.forgets, self.at = (lambda uid: 0), (lambda uid: False), {}
        self.held, self.received, self.most_at_once, self.associations = {}, [], 0, 0
        self.answer_context = None   # a presentation context id to answer on, in the place of the right one
        self.max_pdu = 131072
        self.reports = "same"        # a commitment is reported on the same association, on a "new" one to report_port, or "never"
        self.report_port, self.calling = None, None
        self.reported = threading.Event()
        self.find_status = 0
        self._times, self._open, self._lock, self._over = {}, set(), threading.Lock(), threading.Event()
        self._threads = []

    # ---- life -------------------------------------------------------------------------------------------------------

    def __enter__(self):
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._socket.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(self, *_):
        self._over.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with self._lock:
            for connection in self._open:
                connection.close()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _start(self, what, *arguments):
        thread = threading.Thread(target=what, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._start(self._serve, _Connection(self, connection))

    def _serve(self, connection):
        with self._lock:
            self._open.add(connection)
        try:
            connection.run()
        except (_Ended, OSError):
            pass
        finally:
            connection.close()
            with self._lock:
                self._open.discard(connection)

    # ---- what it does -----------------------------------------------------------------------------------------------

    def act(self, phase, connection):
        """Does what it is told to do here. Returns when nothing is."""
        with self._lock:
            before = self._times.get(phase, 0)
            self._times[phase] = before + 1
        action = self.at.get(phase)
        action = action(before) if callable(action) else action
        if action is None:
            return
        if action == "hang":
            self._over.wait(PATIENCE_S)
        elif action == "abort":
            connection.send(pdu(7, b"\0\0\2\0"))
        elif isinstance(action, bytes):
            connection.send(action)
            connection.drain()
        raise _Ended

    def hear(self, body):
        """An association is proposed; body of the A-ASSOCIATE-RQ. For who wants to know."""

    def keep(self, uid, digest, syntax):
        with self._lock:
            self.received.append(uid)
            if not self.forgets(uid):
                self.held[uid] = (digest, syntax)

    def count(self, connection):
        """One more; how many there are at once."""
        with self._lock:
            self.associations += 1
            connection.is_associated = True
            at_once = sum(1 for one in self._open if one.is_associated)
            self.most_at_once = max(self.most_at_once, at_once)
            return at_once

    def report(self, transaction, references, connection=None, context=None, syntax=dicomgen.EXPLICIT):
        """N-EVENT-REPORT of what it holds."""
        held = [pair for pair in references if pair[1] in self.held]
        failed = [pair for pair in references if pair[1] not in self.held]
        dataset = dicomgen.Dataset((0x00081195, "UI", transaction))
        if failed:
            dataset.put(0x00081198, "SQ", [dicomgen.Dataset((0x00081150, "UI", one), (0x00081155, "UI", two), (0x00081197, "US", 0x0112))
                                           for one, two in failed])
        if held:
            dataset.put(0x00081199, "SQ", [dicomgen.Dataset((0x00081150, "UI", one), (0x00081155, "UI", two)) for one, two in held])
        event = command({0x0002: COMMITMENT.encode(), 0x0100: struct.pack("<H", 0x0100), 0x0110: struct.pack("<H", 77),
                         0x0800: struct.pack("<H", 1), 0x1000: b"1.2.840.10008.1.20.1.1", 0x1002: struct.pack("<H", 2 if failed else 1)})
        connection.send_pdv(context, event, True, True)
        connection.send_pdv(context, dataset.encode(syntax), False, True)

    def call_back(self, transaction, references):
        """The report on an association of its own, with the role of the provider (PS3.7 section D.3.3.4). Returns the status of the answer."""
        with _Reporter("127.0.0.1", self.report_port, self.title, self.calling, [(COMMITMENT, [dicomgen.EXPLICIT])], PATIENCE_S) as caller:
            self.report(transaction, references, caller, 1)
            status = struct.unpack("<H", caller.answer()[0x0900])[0]
        self.reported.set()
        return status


class _Reporter(dicomraw.Association):
    def request(self):
        asked = super().request()
        role = item(0x54, struct.pack(">H", len(COMMITMENT)) + COMMITMENT.encode() + b"\0\1")
        at = asked.rindex(b"\x50\0")
        user = asked[at + 4:] + role
        return pdu(1, asked[6:at] + item(0x50, user))


class _Connection:
    """One association, on a thread of its own."""

    def __init__(self, pacs, connection):
        self.pacs, self.socket, self.contexts, self.is_associated = pacs, connection, {}, False
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def drain(self):
        while self.socket.recv(65536):
            pass

    def read(self, count):
        out = bytearray()
        while len(out) < count:
            more = self.socket.recv(count - len(out))
            if not more:
                raise _Ended
            out += more
        return bytes(out)

    def pdu(self):
        kind, _, length = struct.unpack(">BBI", self.read(6))
        return kind, self.read(length)

    def send_pdv(self, context, data, is_command, is_last):
        flags = (1 if is_command else 0) | (2 if is_last else 0)
        self.send(pdu(4, struct.pack(">IBB", len(data) + 2, context, flags) + data))

    # ---- association ------------------------------------------------------------------------------------------------

    def run(self):
        self.pacs.act("connect", self)
        kind, body = self.pdu()
        if kind != 1:
            raise _Ended
        self.pacs.act("associate", self)
        if not self.admit(body):
            return
        while True:
            self.message()

    def admit(self, body):
        self.pacs.hear(body)
        at_once = self.pacs.count(self)
        reject = self.pacs.reject
        if self.pacs.associations_max and at_once > self.pacs.associations_max:
            reject = (2, 3, 2)
        if reject:
            self.send(pdu(3, bytes((0, *reject))))
            self.is_associated = False
            self.drain()
            return False
        self.pacs.calling = body[20:36].decode("latin-1").strip()
        answers, at = b"", 68
        while at + 4 <= len(body):
            kind, length = body[at], struct.unpack_from(">H", body, at + 2)[0]
            if kind == 0x20:
                answers += self.context(body[at + 4:at + 4 + length])
            at += 4 + length
        user = item(0x51, struct.pack(">I", self.pacs.max_pdu)) + item(0x52, dicomraw.IMPLEMENTATION_UID.encode())
        self.send(pdu(2, struct.pack(">HH", 1, 0) + body[4:68] + item(0x10, dicomraw.APPLICATION_CONTEXT.encode()) + answers +
                      item(0x50, user)))
        return True

    def context(self, inside):
        number, at, abstract, syntax = inside[0], 4, "", ""
        while at + 4 <= len(inside):
            kind, length = inside[at], struct.unpack_from(">H", inside, at + 2)[0]
            text = inside[at + 4:at + 4 + length].rstrip(b"\0").decode("latin-1")
            abstract, syntax = (text, syntax) if kind == 0x30 else (abstract, syntax or text)
            at += 4 + length
        result = 0
        if abstract in self.pacs.refuses or (abstract in (COMMITMENT, FIND) and abstract not in self.pacs.services):
            result = 3
        elif syntax not in (PLAIN if abstract in (COMMITMENT, FIND, dicomraw.VERIFICATION) else self.pacs.syntaxes):
            result = 4
        if result == 0:
            self.contexts[number] = (abstract, syntax)
        return item(0x21, bytes((number, 0, result, 0)) + item(0x40, syntax.encode()))

    # ---- messages ---------------------------------------------------------------------------------------------------

    def fragments(self, is_command, sink):
        """Until the last one of this kind; the context id."""
        while True:
            kind, body = self.pdu()
            if kind == 5:
                self.pacs.act("release", self)
                self.send(pdu(6, b"\0" * 4))
            if kind != 4:
                raise _Ended
            at = 0
            while at + 6 <= len(body):
                length, context, flags = struct.unpack_from(">IBB", body, at)
                assert bool(flags & 1) == is_command
                sink(body[at + 6:at + 4 + length])
                at += 4 + length
                if flags & 2:
                    return context

    def message(self):
        parts = []
        context = self.fragments(True, parts.append)
        rows = parse_command(b"".join(parts))
        field = struct.unpack("<H", rows[0x0100])[0]
        self.pacs.act("command", self)
        data = []
        digest = hashlib.sha256()
        if struct.unpack("<H", rows[0x0800])[0] != 0x0101:
            def sink(piece):
                self.pacs.act("dataset", self)
                digest.update(piece)
                if field != 1:
                    data.append(piece)
            self.fragments(False, sink)
        {0x0001: self.store, 0x0030: self.echo, 0x0020: self.find, 0x0130: self.commit}.get(field, self.ignore)(
            context, rows, b"".join(data), digest.hexdigest())

    def ignore(self, *_):
        pass

    def answer(self, context, rows, status, more=None):
        field = struct.unpack("<H", rows[0x0100])[0] | 0x8000
        answered = {0x0002: rows.get(0x0002, rows.get(0x0003, b"")), 0x0100: struct.pack("<H", field), 0x0120: rows[0x0110],
                    0x0800: struct.pack("<H", 0x0101), 0x0900: struct.pack("<H", status), **(more or {})}
        self.send_pdv(self.pacs.answer_context or context, command(answered), True, True)

    def echo(self, context, rows, *_):
        self.answer(context, rows, 0)

    def store(self, context, rows, _, digest):
        uid = rows[0x1000].rstrip(b"\0").decode()
        status = self.pacs.status(uid)
        if dicomraw.is_success(status) or status == 0x0107:
            self.pacs.keep(uid, digest, self.contexts[context][1])
        self.pacs.act("answer", self)
        self.answer(context, rows, status, {0x1000: rows[0x1000], 0x0902: b"as told " if status else b""})

    def find(self, context, rows, *_):
        syntax = self.contexts[context][1]
        for uid in sorted(self.pacs.held) if self.pacs.find_status == 0 else []:
            found = dicomgen.Dataset((0x00080018, "UI", uid), (0x00080052, "CS", "IMAGE"))
            self.answer(context, rows, 0xFF00, {0x0800: struct.pack("<H", 1)})
            self.send_pdv(context, found.encode(syntax), False, True)
        self.answer(context, rows, self.pacs.find_status)

    def commit(self, context, rows, data, _):
        is_explicit = self.contexts[context][1] == dicomgen.EXPLICIT

        def values(group, number):
            head = struct.pack("<HH", group, number) + (b"UI" if is_explicit else b"")
            pattern = re.escape(head) + (b"(..)" if is_explicit else b"(..)\0\0") + rb"([0-9.]+)"
            return [one.group(2).decode() for one in re.finditer(pattern, data, re.DOTALL)]

        references = list(zip(values(0x0008, 0x1150), values(0x0008, 0x1155)))
        transaction = values(0x0008, 0x1195)[0]
        self.asked = (transaction, references)
        self.pacs.asked = self.asked
        self.answer(context, rows, 0)
        if self.pacs.reports == "same":
            self.pacs.report(transaction, references, self, context, self.contexts[context][1])
        elif self.pacs.reports == "new":
            self.pacs._start(self.pacs.call_back, transaction, references)
