"""Behind a real nginx, with the configuration that is delivered: nginx sends stored objects itself, and only what the gateway lets it."""

import contextlib
import grp
import http.client
import json
import os
import pathlib
import socket
import ssl
import subprocess
import sys

import pytest
import websocket

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import dicomgen  # noqa: E402
from tests.support.hosts import locked  # noqa: E402
from tests.support.installation import PATIENCE_S, TREE, Api, Installation, _end_with_parent, free_port  # noqa: E402
from tests.support.messaging import Authority, await_true  # noqa: E402
from tests.support.scene import PASSWORD, Scene  # noqa: E402

JSON = "application/dicom+json"
ROOT = "/dicom-web/studies"
AS_STORED = "application/dicom; transfer-syntax=*"


class Secure(Api):
    """A person at a browser who trusts the authority, and nobody else."""

    def __init__(self, proxy):
        super().__init__(proxy.port)
        self.context = ssl.create_default_context(cafile=proxy.authority)
        self.context.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python of Debian 13 has it

    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE_S, context=self.context)


class Nginx:
    """The delivered configuration with the ports, names and folders of a test. Its workers are somebody else, in the group of the store."""

    def __init__(self, home):
        self.folder, self.port, self.plain_port = home.home / "nginx", free_port(), free_port()
        self.folder.mkdir()
        self.folder.chmod(0o755)
        authority = Authority(self.folder / "authority")
        self.authority = authority.folder / "ca.pem"
        certificate, key = authority.issue("proxy")
        text = (TREE / "deploy" / "nginx" / "yingqiao.conf").read_text()
        for delivered, ours in (("server 127.0.0.1:8080;", f"server 127.0.0.1:{home.http_port};"),
                                ("listen 80;", f"listen 127.0.0.1:{self.plain_port};"), ("listen [::]:80;", ""),
                                ("listen 443 ssl http2;", f"listen 127.0.0.1:{self.port} ssl http2;"), ("listen [::]:443 ssl http2;", ""),
                                ("/etc/nginx/yingqiao.pem", str(certificate)), ("/etc/nginx/yingqiao.key", str(key)),
                                ("/var/log/nginx/yingqiao.log", str(self.folder / "yingqiao.log")),
                                ("alias /srv/yingqiao/store/;", f"alias {home.home}/store/;")):
            assert text.count(delivered) == 1, delivered
            text = text.replace(delivered, ours)
        (self.folder / "yingqiao.conf").write_text(text)
        own = "\n".join(f"{name}_temp_path {self.folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = f"user www-data {grp.getgrgid(home.home.stat().st_gid).gr_name};" if os.geteuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(f"""{user}
            daemon off; worker_processes 1; pid {self.folder}/pid; error_log {self.folder}/error.log;
            events {{ worker_connections 64; }}
            http {{ {own} include {self.folder}/yingqiao.conf; }}""")

    def __enter__(self):
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-e", self.folder / "error.log", "-c", self.folder / "nginx.conf"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=_end_with_parent)
        # The pid file comes when the ports are open.
        while self.process.poll() is None and not (self.folder / "pid").exists():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.02)
        assert self.process.poll() is None, self.process.stderr.read().decode() + self.log()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        self.process.stderr.close()

    def log(self):
        return "".join(path.read_text() for path in self.folder.glob("*.log"))

    def login(self, account):
        api = Secure(self)
        api.login(account, PASSWORD)
        return api


@pytest.fixture(scope="module")
def home():
    # A statement that nobody ends runs longer than a test waits.
    with Installation({"YQ_STORE_ACCEL": "/yq-store/", "YQ_COOKIE_SECURE": "yes", "YQ_JOURNAL_RING": "0 B", "YQ_LEDGER_TIMEOUT": "10 min"}) as installation:
        installation.scene = Scene(installation)
        installation.start("yq-gateway")
        yield installation


@pytest.fixture(scope="module")
def proxy(home):
    with Nginx(home) as nginx:
        yield nginx


class Stored:
    """An object that came in by STOW-RS through nginx, larger than nginx takes on other ways."""

    def __init__(self, home, proxy):
        study = dicomgen.Study(patient_id="P1")
        made = dicomgen.MAKERS["sc"](study, size=2000)
        sop_class, self.uid, series = (made.text(tag) for tag in (0x00080016, 0x00080018, 0x0020000E))
        self.file = dicomgen.part10(made.encode(dicomgen.EXPLICIT), sop_class, self.uid, dicomgen.EXPLICIT)
        assert len(self.file) > 3 << 20
        self.address = f"{ROOT}/{study.study_uid}/series/{series}/instances/{self.uid}"
        with self._begin(proxy.login("radiographer1")) as connection:
            connection.send(self.file[:-1])
            await_true("the gateway has what nginx got", lambda: self._received(home) >= len(self.file) // 2)
            connection.send(self.file[-1:])
            answer = connection.getresponse()
            self.status, self.said = answer.status, json.loads(answer.read())
        await_true("the ledger knows it", lambda: home.sql(f"SELECT 1 FROM instance WHERE sop_instance_uid = '{self.uid}'"))

    def _begin(self, api):
        connection = api.connect()
        connection.putrequest("POST", ROOT)
        for name, value in (("Cookie", api.cookie), ("X-CSRF-Token", api.csrf), ("Content-Type", "application/dicom"), ("Accept", JSON),
                            ("Content-Length", str(len(self.file)))):
            connection.putheader(name, value)
        connection.endheaders()
        return contextlib.closing(connection)

    @staticmethod
    def _received(home):
        return sum(path.stat().st_size for path in (home.home / "journal").glob("slot-*/*.part"))


@pytest.fixture(scope="module")
def stored(home, proxy):
    return Stored(home, proxy)


def test_pages_and_what_is_no_tls(proxy):
    page = Secure(proxy).get("/login")
    assert page.status in (200, 503) and page.headers["X-Request-Id"], page
    assert page.headers["Strict-Transport-Security"]
    plain = Api(proxy.plain_port).get("/login?x=1")
    assert (plain.status, plain.headers["Location"]) == (301, "https://127.0.0.1/login?x=1")
    context = ssl.create_default_context(cafile=proxy.authority)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", proxy.port)) as raw, context.wrap_socket(raw, server_hostname="127.0.0.1") as secure:
        assert secure.selected_alpn_protocol() == "h2"
    # Nothing of the machine's own, which the gateway tells to whom comes without a proxy.
    assert Secure(proxy).get("/metrics").status == 401


def test_an_upload_goes_through_as_it_comes(home, proxy, stored):
    assert stored.status == 200 and stored.said["00081190"]["Value"][0].startswith(f"https://127.0.0.1:{proxy.port}{ROOT}/")
    refused = proxy.login("radiographer1").request("POST", "/api/v1/tasks", b" " * (3 << 20), {"Content-Type": "application/json"})
    assert refused.status == 413


def test_an_object_is_sent_by_nginx(home, proxy, stored):
    api, direct = proxy.login("radiographer1"), home.scene.login("radiographer1")
    key, = home.sql(f"SELECT object_key FROM instance WHERE sop_instance_uid = '{stored.uid}'")[0]

    def ask(who=api, **more):
        return who.get(stored.address, Accept=AS_STORED, **{name.replace("_", "-"): value for name, value in more.items()})

    def looks():
        return int(home.sql("SELECT count(*) FROM audit WHERE action = 'study.retrieve' AND outcome = 'success'")[0][0])

    # Who comes by himself gets the bytes; the proxy, and it alone, gets the place.
    ours, before = ask(direct), looks()
    assert ours.status == 200 and ours.headers["X-Accel-Redirect"] is None and dicomgen.split_part10(ours.body)[1] == dicomgen.split_part10(stored.file)[1]
    told = ask(direct, X_Forwarded_For="10.0.0.1")
    assert (told.status, told.headers["X-Accel-Redirect"], told.body) == (200, f"/yq-store/{key[:2]}/{key[2:4]}/{key}", b"")

    got = ask()
    assert got.status == 200 and got.body == ours.body and looks() == before + 2
    for name in ("Content-Type", "Content-Length", "ETag", "Cache-Control", "Vary", "Accept-Ranges", "X-Content-Type-Options", "Referrer-Policy",
                 "Cross-Origin-Resource-Policy", "Last-Modified"):
        assert got.headers.get_all(name) == ours.headers.get_all(name), name
    assert got.headers["X-Request-Id"] and got.headers["Strict-Transport-Security"] and got.headers["X-Accel-Redirect"] is None

    tag, size = ours.headers["ETag"], len(ours.body)
    for more, status in (({"Range": "bytes=128-131"}, 206), ({"Range": "bytes=-7"}, 206), ({"Range": f"bytes={size}-"}, 416),
                         ({"Range": "bytes=0-3", "If_Range": tag}, 206), ({"Range": "bytes=0-3", "If_Range": '"other"'}, 200),
                         ({"Range": "bytes=0-3", "If_Range": "Sat, 01 Jan 2050 00:00:00 GMT"}, 200), ({"Range": "bytes=0-1,5-6"}, 200),
                         ({"If_None_Match": tag}, 304), ({"If_None_Match": '"other"'}, 200), ({"If_Match": tag}, 200), ({"If_Match": '"other"'}, 412),
                         ({"If_Modified_Since": "Sat, 01 Jan 2050 00:00:00 GMT"}, 200), ({"If_Unmodified_Since": "Sat, 01 Jan 2000 00:00:00 GMT"}, 200)):
        through, own = ask(**more), ask(direct, **more)
        assert through.status == own.status == status, (more, through.status, own.status)
        assert status >= 400 or (through.body, through.headers["Content-Range"]) == (own.body, own.headers["Content-Range"]), more
        assert status == 416 or through.headers["ETag"] == tag
    assert ask(Range="bytes=128-131").body == b"DICM"
    head = api.request("HEAD", stored.address, headers={"Accept": AS_STORED})
    assert (head.status, head.headers["Content-Length"], head.headers["ETag"], head.body) == (200, str(size), tag, b"")


def test_the_store_is_closed_to_everybody_else(home, proxy, stored):
    key, = home.sql(f"SELECT object_key FROM instance WHERE sop_instance_uid = '{stored.uid}'")[0]
    foreign, before = proxy.login("reporter9"), len(proxy.login("radiographer1").get(stored.address, Accept=AS_STORED).body)
    refused = foreign.get(stored.address, Accept=AS_STORED)
    assert before > 3 << 20 and refused.status == 404 and refused.headers["X-Accel-Redirect"] is None
    assert Secure(proxy).get(stored.address, Accept=AS_STORED).status == 401
    for place in (f"/yq-store/{key[:2]}/{key[2:4]}/{key}", "/yq-store/", "/yq-store/../etc/yingqiao.conf", "/yq-store"):
        assert proxy.login("radiographer1").get(place, **{"X-Forwarded-For": "127.0.0.1"}).status == 404, place


def test_what_nginx_cannot_read_is_no_matter_of_rights(home, proxy, stored):
    if os.geteuid() != 0:
        pytest.skip("the workers are who owns the store")
    store, api = home.home / "store", proxy.login("radiographer1")
    store.chmod(0o700)
    try:
        assert api.get(stored.address, Accept=AS_STORED).status == 502
    finally:
        store.chmod(0o750)
    assert api.get(stored.address, Accept=AS_STORED).status == 200


def test_events_and_channels_are_open_at_once(home, proxy):
    api = proxy.login("reporter1")
    with api.events() as events:
        home.scene.study("E1", name="behind nginx")
        home.scene.flush()
        task = home.scene.tasks["behind nginx"]
        assert api.post(f"/api/v1/tasks/{task}/take").status == 200
        assert next(event for event in events if json.loads(event["data"])["subject"] == task)["event"] == "change"
    channel = websocket.create_connection(f"wss://127.0.0.1:{proxy.port}/dicom-web/subscribers/WS1", timeout=PATIENCE_S,
                                          header={"Cookie": api.cookie}, origin=f"https://127.0.0.1:{proxy.port}",
                                          sslopt={"ca_certs": str(proxy.authority)})
    with contextlib.closing(channel):
        uid = home.sql(f"SELECT w.sop_instance_uid FROM workitem w JOIN reading_task t USING (task_id) WHERE t.public_id = '{task}'")[0][0]
        made = api.request("POST", f"/dicom-web/workitems/{uid}/subscribers/WS1")
        assert (made.status, made.headers["Content-Location"]) == (201, f"wss://127.0.0.1:{proxy.port}/dicom-web/subscribers/WS1")
        assert json.loads(channel.recv())["00001000"]["Value"] == [uid]
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        websocket.create_connection(f"wss://127.0.0.1:{proxy.port}/dicom-web/subscribers/WS1", timeout=PATIENCE_S, header={"Cookie": api.cookie},
                                    origin="https://elsewhere.example", sslopt={"ca_certs": str(proxy.authority)})


def searching(home):
    """Statements of the gateway that wait for a table."""
    return int(home.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'yq-gateway' AND wait_event_type = 'Lock'")[0][0])


class Http2:
    """So much of HTTP/2 (RFC 9113) as it takes to ask and to change one's mind: the connection stays."""

    def __init__(self, proxy):
        context = ssl.create_default_context(cafile=proxy.authority)
        context.set_alpn_protocols(["h2"])
        self.socket = context.wrap_socket(socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE_S), server_hostname="127.0.0.1")
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self._frame(4, 0, 0, b"")

    def _frame(self, kind, flags, stream, payload):
        self.socket.sendall(len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload)

    @staticmethod
    def _text(text):
        """RFC 7541 section 5.2, not compressed."""
        length, out = len(text), bytearray()
        if length < 127:
            return bytes((length,)) + text.encode()
        out.append(127)
        length -= 127
        while length >= 128:
            out.append(length % 128 + 128)
            length //= 128
        return bytes(out) + bytes((length,)) + text.encode()

    def ask(self, target, **headers):
        fields = {":method": "GET", ":scheme": "https", ":authority": "127.0.0.1", ":path": target, **headers}
        self._frame(1, 0x5, 1, b"".join(b"\0" + self._text(name) + self._text(value) for name, value in fields.items()))

    def leave(self):
        self._frame(3, 0, 1, (8).to_bytes(4, "big"))


class Http1:
    def __init__(self, proxy):
        self.connection = Secure(proxy).connect()

    def ask(self, target, **headers):
        self.connection.request("GET", target, headers=headers)

    def leave(self):
        self.connection.close()


@pytest.mark.parametrize("client", [Http1, Http2])
def test_a_search_ends_with_the_client_of_nginx(home, proxy, client):
    """At once, as who types goes on to the next letter: nginx closes its connection to the gateway."""
    api = proxy.login("reporter1")
    with locked(home, "identity_claim"):
        leaving = client(proxy)
        leaving.ask(f"{ROOT}?PatientName=*a*b*", accept=JSON, cookie=api.cookie)
        await_true("a search that waits for the ledger", lambda: searching(home) == 1)
        leaving.leave()
        await_true("the end of the statement", lambda: searching(home) == 0)
    assert api.get(f"{ROOT}?PatientName=*a*b*", Accept=JSON).status in (200, 204)


def test_no_query_gets_into_its_logs(home, proxy):
    """Also not beside a fault, which nginx writes with the line of the request."""
    api = proxy.login("reporter1")
    home.stop("yq-gateway")
    try:
        assert api.get(f"{ROOT}?PatientName=ZHANG*").status == 502
    finally:
        home.start("yq-gateway")
    assert api.get(f"{ROOT}?PatientName=ZHANG*", Accept=JSON).status in (200, 204)
    assert "PatientName" not in proxy.log() and "ZHANG" not in proxy.log()
