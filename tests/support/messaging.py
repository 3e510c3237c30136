"""Peers that take messages and objects over HTTP and MLLP, and issued reports with content and paper to send there.

What a peer does is a function of the test: `answer(request)` for HTTP, `talk(stream)` for a bare line.
"""
import contextlib
import ctypes
import hashlib
import http.server
import json
import os
import pathlib
import socket
import socketserver
import ssl
import subprocess
import threading
import time
import uuid

from returning import PATIENCE_S

PATIENT = "李𠮷祥"
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 40 + b"\n%%EOF\n"
CONTENT = {
    "format": "yingqiao.report.1", "language": "zh-CN", "is_demo": True, "title": "CT诊断报告",
    "issuer": {"id": "", "name": "测试县医院", "code": "LEAD"}, "performer": {"id": "", "name": "示例镇卫生院", "code": "SAMPLE"},
    "patient": {"name": PATIENT, "sex": "M", "age": "67 岁", "birth_date": "1959-03-12", "class": "outpatient", "number": "MZ1", "id": "0017"},
    "request": {"department": "全科", "doctor": "陈医生", "item": "胸部CT平扫", "body_part": "胸部", "laterality": "", "clinical_diagnosis": "咳嗽",
                "purpose": "", "history": ""},
    "body": {"method": "平扫", "findings": "未见异常|^~\\&", "impression": "双肺未见异常。\n建议随访。", "recommendation": ""},
    "flags": {"result": "negative", "is_critical": False, "quality_grade": "", "quality_reason": ""},
    "author": {"id": "", "name": "黄志明", "institution": "测试县医院"},
    "examined_at": "2026-11-22T08:12:00+08:00", "written_at": "2026-11-22T08:42:07+08:00",
}


def await_true(what, condition, patience_s=PATIENCE_S):
    until = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < until, "waited in vain for: " + (what() if callable(what) else what)
        time.sleep(0.02)
    return found


# --- what is sent ---------------------------------------------------------------------------------------------------------


def add_issued_report(site):
    """
    As Site.add_report(), with signed content and a paper: public id of the version, digests of its objects. Its destinations rest until it is
    whole.
    """
    site.home.sql("UPDATE destination SET held_at = yq_now(), held_reason = 'not whole' WHERE is_enabled AND held_at IS NULL")
    report, objects = site.add_report()
    key = uuid.uuid4().hex
    folder = site.home.home / "store" / key[:2] / key[2:4]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / key).write_bytes(PDF)
    study = site.home.sql(f"""SELECT s.study_instance_uid FROM report_version v JOIN report r USING (report_id) JOIN study s USING (study_id)
        WHERE v.public_id = '{report}'""")[0][0]
    content = {**CONTENT, "report": {"id": report, "code": "", "version": 1, "kind": "original"},
               "study": {"study_instance_uid": study, "version": 1, "is_complete": True, "accession_number": "26A0001", "modality": "CT",
                         "device": "CT1", "radiographer": ""}}
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    quoted = text.replace("'", "''")
    site.home.sql(f"""BEGIN; ALTER TABLE report_version DISABLE TRIGGER USER;
        UPDATE report_version SET canonical = '{quoted}', content_sha256 = sha256(convert_to('{quoted}', 'UTF8')), verification_code = public_id::text
        WHERE public_id = '{report}';
        INSERT INTO artefact (site_id, report_version_id, kind, object_key, sha256, size_bytes)
        SELECT site_id, report_version_id, 'pdf', '{key}', '\\x{hashlib.sha256(PDF).hexdigest()}', {len(PDF)} FROM report_version
        WHERE public_id = '{report}';
        ALTER TABLE report_version ENABLE TRIGGER USER;
        UPDATE destination SET held_at = NULL, held_reason = '' WHERE held_reason = 'not whole'; COMMIT;""")
    return report, objects


def add_destination(site, protocol, secret=None, **columns):
    """A row with these columns; its public id. secret: user, password, token, signing_key, private_key_pem."""
    columns = {"protocol": protocol, "connect_timeout_ms": 5000, "answer_timeout_ms": 5000, **columns}
    values = ", ".join("'" + str(value).replace("'", "''") + "'" for value in columns.values())
    # A receiver of a test before may have had the port that is free again.
    place = " AND ".join(f"{name} = '{columns[name]}'" for name in ("host", "port", "url") if name in columns)
    site.home.sql(f"UPDATE destination SET is_enabled = false WHERE is_enabled AND protocol = '{protocol}' AND {place or 'false'}")
    destination = site.home.sql(f"""INSERT INTO destination (site_id, {', '.join(columns)})
        SELECT site_id, {values} FROM site WHERE code = 'SAMPLE' RETURNING public_id""")[0][0]
    if secret:
        sealed = seal(site.home, f"destination:{destination}", json.dumps(secret).encode())
        site.home.sql(f"UPDATE destination SET secret_sealed = '\\x{sealed.hex()}' WHERE public_id = '{destination}'")
    return destination


def seal(home, owner, plain):
    """As lib/domain/signer_seal.h has it, by libcrypto."""
    crypto = ctypes.CDLL("libcrypto.so.3")
    crypto.EVP_CIPHER_CTX_new.restype = crypto.EVP_aes_256_gcm.restype = ctypes.c_void_p
    path = home.home / "keys" / "master.key"
    if not path.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_bytes(os.urandom(32))
        path.chmod(0o600)
    nonce, body, tag, step = os.urandom(12), ctypes.create_string_buffer(len(plain)), ctypes.create_string_buffer(16), ctypes.c_int()
    cipher = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new())
    done = [crypto.EVP_EncryptInit_ex(cipher, ctypes.c_void_p(crypto.EVP_aes_256_gcm()), None, path.read_bytes(), nonce),
            crypto.EVP_EncryptUpdate(cipher, None, ctypes.byref(step), owner.encode(), len(owner)),
            crypto.EVP_EncryptUpdate(cipher, body, ctypes.byref(step), plain, len(plain)),
            crypto.EVP_EncryptFinal_ex(cipher, None, ctypes.byref(step)),
            crypto.EVP_CIPHER_CTX_ctrl(cipher, 0x10, 16, tag)]  # EVP_CTRL_GCM_GET_TAG
    crypto.EVP_CIPHER_CTX_free(cipher)
    assert done == [1] * 5, done
    return b"\x01" + nonce + body.raw + tag.raw


def delivery_to(site, destination):
    """state, attempts, last_error of the one delivery that goes there, or None."""
    rows = site.home.sql(f"""SELECT d.state, d.attempts, d.last_error, d.public_id FROM delivery d JOIN destination x USING (destination_id)
        WHERE x.public_id = '{destination}'""")
    assert len(rows) <= 1, rows
    return rows[0] if rows else None


def await_delivery(site, destination, *wanted, error=None):
    """Until the delivery is in one of the states, and its last error has this in it."""
    def is_there():
        row = delivery_to(site, destination)
        return row if row and row[0] in wanted and (error is None or error in row[2]) else None

    return await_true(lambda: f"{wanted} {error or ''}, not {delivery_to(site, destination)}\n" + site.home.log("yq-router")[-4000:], is_there)


# --- certificates -----------------------------------------------------------------------------------------------------------


class Authority:
    """An authority of its own, and whom it vouches for."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
                      "-days", "30", "-subj", "/CN=test authority", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def _openssl(self, *arguments):
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    @property
    def pem(self):
        return (self.folder / "ca.pem").read_text()

    def issue(self, name, address="127.0.0.1"):
        """Paths of certificate and key."""
        # With what RFC 5280 asks for: Python of Debian 13 takes no less.
        (self.folder / f"{name}.ext").write_text(f"subjectAltName=IP:{address}\nbasicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n"
                                                 "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                      "-subj", f"/CN={name}")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-out", f"{name}.pem", "-days", "30", "-extfile",
                      f"{name}.ext", "-CAcreateserial")
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def server_context(self, name, address="127.0.0.1", asks_client=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(name, address))
        if asks_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.folder / "ca.pem")
        return context


# --- peers --------------------------------------------------------------------------------------------------------------------


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body


class Answer:
    def __init__(self, status=200, body=b"", headers=(), is_silent=False):
        """is_silent: closes the connection without a word."""
        self.status, self.body, self.headers, self.is_silent = status, body, dict(headers), is_silent


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that goes away, or does not like the certificate, is part of the tests

    def get_request(self):
        connection, address = super().get_request()
        if self.tls:
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address


@contextlib.contextmanager
def _serving(handler, tls):
    with _Server(("127.0.0.1", 0), handler, bind_and_activate=False) as server:
        server.tls = tls
        server.server_bind()
        server.server_activate()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


class WebPeer:
    """An HTTP server on a free port; `requests` are those that came, `answer` is called for each, one after the other."""

    def __init__(self, answer, tls=None):
        self.requests, self._stack, lock = [], contextlib.ExitStack(), threading.Lock()
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = PATIENCE_S

            def handle_any(self):
                request = Request(self.command, self.path, self.headers, self.rfile.read(int(self.headers.get("Content-Length") or 0)))
                with lock:
                    peer.requests.append(request)
                    said = answer(request)
                if said.is_silent:
                    self.close_connection = True
                    return
                self.send_response(said.status)
                for name, value in {"Content-Length": len(said.body), **said.headers}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(said.body)

            do_GET = do_POST = do_PUT = handle_any

            def log_message(self, *_):
                pass

        self.port = self._stack.enter_context(_serving(Handler, tls))
        self.scheme = "https" if tls else "http"

    def url(self, path=""):
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    def close(self):
        self._stack.close()


class LinePeer:
    """Takes connections; talk(number, stream) has the n-th of them, from 1, with recv() and sendall()."""

    def __init__(self, talk, tls=None):
        self._stack, self.connections, lock = contextlib.ExitStack(), 0, threading.Lock()
        peer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with lock:
                    peer.connections += 1
                    number = peer.connections
                self.request.settimeout(PATIENCE_S)
                with contextlib.suppress(OSError):
                    talk(number, self.request)
                    if not tls:
                        self.request.shutdown(socket.SHUT_WR)

        self.port = self._stack.enter_context(_serving(Handler, tls))

    def close(self):
        self._stack.close()


def read_block(stream):
    """The bytes of one block of MLLP; None: the peer closed before its end."""
    data = b""
    while not data.endswith(b"\x1c\r"):
        more = stream.recv(65536)
        if not more:
            return None
        data += more
    assert data[:1] == b"\x0b"
    return data[1:-2]


def acknowledge(message, code="AA", more=b"", control_id=None):
    """A block with the acknowledgement of a message."""
    control_id = control_id or message.split(b"\r")[0].split(b"|")[9]
    return b"\x0bMSH|^~\\&|HIS|SAMPLE|YINGQIAO|LEAD|20261128120000||ACK^R01|1|P|2.5.1\rMSA|" + code.encode() + b"|" + control_id + more + b"\r\x1c\r"
