"""DICOM over TLS: devices that are told apart by their certificates, ours that is renewed, destinations, and who does not keep to the rules. With
DCMTK's clients and servers and OpenSSL as the other side."""

import concurrent.futures
import contextlib
import json
import pathlib
import socket
import ssl
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
import receiving  # noqa: E402
from dicomraw import IMPLICIT, VERIFICATION, Association, Gone, Rejected  # noqa: E402
from installation import PATIENCE_S, Installation, free_port  # noqa: E402
from procedures import Asking, Called  # noqa: E402
from returning import QUICK, Site  # noqa: E402

DEVICES = 10
HOSTS = "127.0.0.1 localhost"
ECHO = [(VERIFICATION, [IMPLICIT])]


class Certificates:
    """Files of keys and certificates in a folder of their own, made by the installation's authority or by nobody."""

    def __init__(self, home, folder):
        self.home, self.folder = home, folder

    def file(self, name):
        return self.folder / name

    def make(self, name, hosts="", days=30, **more):
        self.home.yqctl("ca", "device", name, "--folder", self.folder, "--days", days, *(["--hosts", hosts] if hosts else []), **more)
        return self.sha256(name)

    def make_alone(self, name):
        """Signed by itself."""
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                        f"/CN={name}", "-keyout", self.file(name + ".key"), "-out", self.file(name + ".pem")], check=True, capture_output=True)
        return self.sha256(name)

    def sha256(self, name):
        done = subprocess.run(["openssl", "x509", "-in", self.file(name + ".pem"), "-noout", "-fingerprint", "-sha256"], check=True,
                              capture_output=True, text=True)
        return done.stdout.strip().split("=")[1]

    @property
    def authority(self):
        return self.home.home / "keys" / "tls-ca.pem"

    def context(self, name=None):
        """For Python's own TLS."""
        made = ssl.create_default_context(cafile=self.authority)
        made.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python of Debian 13 has it
        made.check_hostname = False
        if name:
            made.load_cert_chain(self.file(name + ".pem"), self.file(name + ".key"))
        return made


class World:
    def __init__(self, home, folder):
        self.home, self.site = home, Site(home)
        self.made = Certificates(home, folder)
        self.tls_port = int(home.settings["YQ_DICOM_TLS_PORTS"])
        self.studies = 0

    def options(self, name):
        key = ["+tls", self.made.file(name + ".key"), self.made.file(name + ".pem")] if name else ["+tla"]
        return [*map(str, key), "+cf", str(self.made.authority)]

    def echo(self, calling, certificate=None, port=None, is_plain=False):
        """Its status, as that of a command; 0: it was let in."""
        secure = {} if is_plain else {"secure": self.made.context(certificate)}
        try:
            with Association("127.0.0.1", int(port or self.tls_port), calling, contexts=ECHO, **secure) as peer:
                return peer.echo()
        except (Rejected, Gone, OSError):
            return 1

    def echoscu(self, calling, certificate=None, port=None, is_plain=False):
        """The same by DCMTK."""
        done = subprocess.run(["echoscu", *([] if is_plain else self.options(certificate)), "-aet", calling, "-aec", "YINGQIAO", "127.0.0.1",
                               str(port or self.tls_port)], capture_output=True, text=True)
        return done.returncode

    def send(self, calling, certificate):
        """One film by storescu; what it is called."""
        self.studies += 1
        folder = self.made.file(f"study{self.studies}")
        folder.mkdir()
        study = dicomgen.make_study(folder, "dr-chest", size=64)
        done = subprocess.run(["storescu", *self.options(certificate), "-aet", calling, "-aec", "YINGQIAO", "127.0.0.1", str(self.tls_port),
                               *[one["path"] for one in study["files"]]], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return study["study_instance_uid"]

    def add(self, calling, *options, status=0):
        done = self.home.yqctl("device", "add", "--site", "SAMPLE", "--ae-title", calling, *options, "--json", status=None)
        assert done.returncode == status, done.stdout + done.stderr
        return json.loads(done.stdout)["id"] if status == 0 else done.stderr

    def refusals(self, calling):
        """Reasons on record, with the fingerprint that was shown."""
        return self.home.sql("SELECT DISTINCT detail ->> 'reason', detail ->> 'certificate' FROM audit"
                             f" WHERE action = 'association.reject' AND actor LIKE '{calling}@%' ORDER BY 1, 2")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    settings = {**QUICK, "YQ_DICOM_TLS_PORTS": str(free_port()), "YQ_ASSOCIATION_TIMEOUT": "20 s"}
    with Installation(settings) as home:
        home.yqctl("ca", "tls", "--hosts", HOSTS)
        world = World(home, tmp_path_factory.mktemp("certificates"))
        try:
            yield world
        finally:
            world.site.clear()


def until(look, what):
    deadline = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return found


def digits(fingerprint):
    return fingerprint.replace(":", "").lower()


# ---- devices --------------------------------------------------------------------------------------------------------------------------


def test_ten_devices_of_one_title_behind_one_address_are_told_apart_by_their_certificates(world):
    names = [f"DR{n}" for n in range(DEVICES)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        world.made.make(names[0])
        list(pool.map(world.made.make_alone, names[1:]))  # a device that signs itself is as good, once it is registered
        known = [world.add("DR", "--address", "127.0.0.1", "--certificate", world.made.file(name + ".pem")) for name in names]
        uids = list(pool.map(lambda name: world.send("DR", name), names))
    for uid, device in zip(uids, known):
        found = until(lambda: world.home.sql(f"SELECT d.public_id FROM study JOIN device d USING (device_id) WHERE study_instance_uid = '{uid}'"),
                      "an image does not arrive")
        assert found == [[device]]
    assert "no_certificate" not in world.home.log("yq-storescp")
    other = world.made.make("OTHER")
    assert world.echo("DR", "OTHER") != 0 and world.echo("DR") != 0 and world.echo("DR", is_plain=True, port=world.home.dicom_port) != 0
    assert until(lambda: len(found := world.refusals("DR")) == 2 and found, "not on record") == [["no_certificate", ""],
                                                                                              ["wrong_certificate", digits(other)]]


def test_who_could_be_two_is_refused_at_the_registration(world):
    world.made.make("TWIN")
    world.made.make("TWIN2")
    first = world.add("TWIN", "--certificate", world.made.file("TWIN.pem"))
    for options, words in [(["--certificate", world.made.file("TWIN.pem")], "registered already"), (["--address", "192.0.2.7"], "neither says more")]:
        text = world.add("TWIN", *options, status=69)
        assert words in text and first in text, text
    second = world.add("TWIN", "--certificate", world.made.sha256("TWIN2"))
    world.add("TWIN")  # who shows neither
    assert world.echo("TWIN", "TWIN") == 0 and world.echo("TWIN", "TWIN2") == 0 and world.echo("TWIN") == 0
    shown = {name: world.home.yqctl("device", "show", device, json=True) for name, device in [("TWIN", first), ("TWIN2", second)]}
    assert shown["TWIN"]["certificate_sha256"] == digits(world.made.sha256("TWIN")) and "CN=TWIN" in shown["TWIN"]["certificate_subject"]
    assert 28 <= shown["TWIN"]["certificate_days_left"] <= 30
    assert shown["TWIN2"]["certificate_sha256"] == digits(world.made.sha256("TWIN2")) and shown["TWIN2"]["certificate_until"] is None
    for bad, words in [("/nonexistent", "No such file"), (world.made.file("TWIN.key"), "X.509"), ("12:34", "No such file")]:
        done = world.home.yqctl("device", "add", "--site", "SAMPLE", "--ae-title", "BAD", "--certificate", bad, status=None)
        assert done.returncode != 0 and words in done.stderr, done.stderr


def test_a_certificate_that_is_shown_must_be_known_and_its_time_not_over(world):
    device = world.add("OPEN")
    trusted, alone = world.made.make("TRUSTED"), world.made.make_alone("ALONE")
    ended = world.made.make("ENDED", days=5, YQ_CLOCK_OFFSET="-10 days")
    assert world.echo("OPEN", "TRUSTED") == 0 and world.echo("OPEN") == 0
    assert world.echo("OPEN", "ALONE") != 0 and world.echo("OPEN", "ENDED") != 0
    assert until(lambda: len(found := world.refusals("OPEN")) == 2 and found, "not on record") == [["certificate_ended", digits(ended)],
                                                                                                ["unknown_certificate", digits(alone)]]
    # What stands on record can be registered, and takes effect with the next call.
    world.home.yqctl("device", "edit", device, "--certificate", world.refusals("OPEN")[1][1])
    assert world.echo("OPEN", "ALONE") == 0 and world.echo("OPEN", "TRUSTED") != 0 and world.echo("OPEN") != 0
    done = world.home.yqctl("device", "edit", device, "--certificate", world.made.file("ENDED.pem"), status=None)
    assert done.returncode != 0 and "has ended" in done.stderr
    world.home.yqctl("device", "edit", device, "--certificate", ended)
    assert world.echo("OPEN", "ENDED") != 0, "registered, and ended all the same"
    world.home.yqctl("device", "edit", device, "--certificate", "any")
    assert world.echo("OPEN") == 0 and trusted


def test_a_port_may_ask_for_certificates_of_everybody_or_of_nobody(world):
    world.add("POLICY")
    world.made.make("POLICY")
    for word, without, alone in [("required", False, False), ("off", True, True)]:
        ports = {"YQ_DICOM_PORT": str(free_port()), "YQ_DICOM_TLS_PORTS": str(free_port()), "YQ_DICOM_TLS_CLIENT": word}
        world.home.start_as(word, "yq-storescp", **ports)
        tls_port = int(ports["YQ_DICOM_TLS_PORTS"])
        assert (world.echo("POLICY", port=tls_port) == 0) == without
        assert world.echo("POLICY", "POLICY", port=tls_port) == 0
        assert (world.echo("POLICY", "ALONE", port=tls_port) == 0) == alone
        assert world.echo("POLICY", is_plain=True, port=ports["YQ_DICOM_PORT"]) == 0, "that is about TLS alone"
        world.home.stop(word)


def test_certificates_count_while_the_ledger_is_away(world):
    world.made.make("AWAY")
    world.add("AWAY", "--certificate", world.made.file("AWAY.pem"))
    assert world.echo("AWAY", "AWAY") == 0
    world.home.stop_ledger()
    try:
        world.home.restart("yq-storescp")
        assert world.echo("AWAY", "AWAY") == 0
        assert world.echo("AWAY", "TRUSTED") != 0 and world.echo("AWAY") != 0
    finally:
        world.home.start_ledger()


def test_a_device_is_called_over_tls_and_must_be_the_one_that_is_registered(world):
    """With the report of a storage commitment; both show their certificates."""
    for name in ("CALLED", "NOT-CALLED"):
        world.made.make_alone(name)
    device = world.add("CALLED", "--certificate", world.made.file("CALLED.pem"))
    one, transaction = receiving.Sent(dicomgen.ct(dicomgen.Study(), size=64)), dicomgen.new_uid()
    with Association("127.0.0.1", world.tls_port, "CALLED", contexts=[(one.sop_class, [one.syntax])], secure=world.made.context("CALLED")) as peer:
        assert peer.store(one.sop_class, one.uid, one.bytes, one.syntax) == 0
    receiving.await_indexed(world.home)
    world.home.start("yq-router")
    try:
        sides = {}
        for name in ("CALLED", "NOT-CALLED"):
            sides[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            sides[name].load_cert_chain(world.made.file(name + ".pem"), world.made.file(name + ".key"))
            sides[name].load_verify_locations(world.made.authority)
            sides[name].verify_mode = ssl.CERT_REQUIRED
        with Asking(world.home, calling="CALLED", secure=world.made.context("CALLED"), port=world.tls_port) as peer:
            assert peer.commit(transaction, [(one.sop_class, one.uid)]) == 0
            peer.abort()
        with Called(secure=sides["NOT-CALLED"]) as wrong:
            world.home.yqctl("device", "commitment", device, "--port", wrong.port, "--tls")
            until(lambda: "of nobody whom we trust" in world.home.yqctl("commitment", "show", transaction, json=True)["last_error"], "no such word")
            assert wrong.reports == []
        with Called(secure=sides["CALLED"]) as right:
            world.home.yqctl("device", "commitment", device, "--port", right.port, "--tls")
            assert right.await_reports(1)[0].held == {one.uid}
    finally:
        world.home.kill("yq-router")


# ---- our own ----------------------------------------------------------------------------------------------------------------------------


def shown_by(port):
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as raw:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(raw) as tls:
            return tls.getpeercert(True)


def test_a_renewed_certificate_is_taken_up_and_nobody_is_refused(world):
    before = shown_by(world.tls_port)
    with Association("127.0.0.1", world.tls_port, "CT1", contexts=ECHO, secure=world.made.context()) as open_one:
        world.home.yqctl("ca", "tls", "--hosts", HOSTS, "--days", "40")
        until(lambda: shown_by(world.tls_port) != before, "the new one is not shown")
        assert open_one.echo() == 0, "who was there goes on"
    assert world.echo("CT1") == 0
    kept, pem = shown_by(world.tls_port), world.home.home / "keys" / "dicom.pem"
    whole = pem.read_bytes()
    pem.write_bytes(world.made.file("TRUSTED.pem").read_bytes())  # of another key
    until(lambda: "our private key" in world.home.log("yq-storescp"), "the fault is not said")
    assert shown_by(world.tls_port) == kept and world.echo("CT1") == 0
    until(lambda: "our private key" in world.home.yqctl("status"), "the status does not say it")
    pem.write_bytes(whole)


def test_certificates_that_run_out_are_seen(world):
    world.home.start("yq-gateway")
    try:
        def ends(*words):
            lines = world.home.api().get("/metrics").body.decode().splitlines()
            return [float(line.rsplit(" ", 1)[1]) for line in lines
                    if line.startswith("yq_certificate_ends_seconds{") and all(word in line for word in words)]

        until(lambda: any(30 * 86400 < left <= 40 * 86400 for left in ends('kind="receiver"')), "our own is not there")
        assert [28 < left / 86400 <= 30 for left in ends('kind="device"', 'name="AWAY"')] == [True]
    finally:
        world.home.stop("yq-gateway")


# ---- those who do not keep to the rules ------------------------------------------------------------------------------------------------


def test_plain_and_secret_on_the_wrong_ports(world):
    assert world.echoscu("CT1", is_plain=True) != 0 and world.echoscu("CT1", port=world.home.dicom_port) != 0
    assert world.echoscu("CT1") == 0 and world.echoscu("CT1", "TRUSTED") == 0 and world.echoscu("CT1", "ALONE") != 0
    for port, calls in [(world.tls_port, {}), (world.home.dicom_port, {"secure": world.made.context()})]:
        with pytest.raises((Gone, OSError)):
            Association("127.0.0.1", port, "CT1", contexts=ECHO, **calls)
    until(lambda: all(f"reason={word}" in world.home.log("yq-storescp") for word in ("plain_on_tls_port", "tls_on_plain_port")), "not on the log")


def test_a_thousand_silent_ones_keep_nobody_waiting(world):
    """Half of them say nothing, half begin a handshake and stop."""
    silent = []
    try:
        for n in range(900):
            silent.append(socket.create_connection(("127.0.0.1", world.tls_port), PATIENCE_S))
            if n % 2:
                silent[-1].sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        assert world.echo("CT1") == 0
    finally:
        for one in silent:
            one.close()


def test_old_versions_and_weak_ciphers_are_refused(world):
    def handshake(*options):
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{world.tls_port}", "-CAfile", world.made.authority,
                               "-verify_return_error", *options], input="", capture_output=True, text=True)
        return done.returncode == 0 and "Verify return code: 0 (ok)" in done.stdout

    assert handshake("-tls1_3") and handshake("-tls1_2")
    assert handshake("-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"), "PS3.15 section B.9 wants it"
    for options in [("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"), ("-tls1_2", "-cipher", "AES128-SHA"), ("-tls1_2", "-cipher", "AES256-GCM-SHA384"),
                    ("-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA")]:
        assert not handshake(*options), options
    assert world.echo("CT1") == 0


def test_a_broken_handshake_and_a_cut_amid_an_object(world):
    one = receiving.Sent(dicomgen.ct(dicomgen.Study(), size=256))
    peer = Association("127.0.0.1", world.tls_port, "CT1", contexts=[(one.sop_class, [one.syntax])], secure=world.made.context())
    peer.store(one.sop_class, one.uid, one.bytes, one.syntax, pdv_size=4096, stop_after=3)
    peer.socket.close()
    for junk in (b"\x16\x03\x01\x00\x05hello", b"\x16\x03\x03\x40\x01" + b"\xff" * 16385, b"\x80\x2e\x01\x00\x02" + b"\0" * 60):
        with socket.create_connection(("127.0.0.1", world.tls_port), PATIENCE_S) as raw, contextlib.suppress(ConnectionError):
            raw.sendall(junk)
            while raw.recv(4096):
                pass
    assert world.echo("CT1") == 0
    receiving.await_indexed(world.home)
    assert one.uid not in receiving.holds(world.home), "half an object"
    with Association("127.0.0.1", world.tls_port, "CT1", contexts=[(one.sop_class, [one.syntax])], secure=world.made.context()) as peer:
        assert peer.store(one.sop_class, one.uid, one.bytes, one.syntax) == 0
    receiving.await_indexed(world.home)
    assert receiving.holds(world.home)[one.uid] == one.sha256


# ---- destinations --------------------------------------------------------------------------------------------------------------------------


def trust(world, peer, file):
    """Over TLS, with whom to trust; said to the row itself."""
    world.home.sql(f"UPDATE destination SET tls = 'server', trust_pem = '{file.read_text()}' WHERE port = {peer.port}")


@pytest.mark.parametrize("what, hosts, days, options, words", [
    ("right", "127.0.0.1", 30, ["-ic"], None), ("named otherwise", "other.example", 30, ["-ic"], "not for 127.0.0.1 but for other.example"),
    ("ended", "127.0.0.1", -5, ["-ic"], "its certificate ended on"), ("asks for ours", "127.0.0.1", 30, [], "wants a certificate of ours")])
def test_a_destination_is_who_it_should_be(world, what, hosts, days, options, words):
    """Whatever is wrong with it, the delivery waits with a word, and arrives when it is set right."""
    name = "PACS-" + what.replace(" ", "-")
    world.made.make(name, hosts=hosts, days=abs(days), **({"YQ_CLOCK_OFFSET": "-10 days"} if days < 0 else {}))
    peer = world.site.add_peer("+tls", str(world.made.file(name + ".key")), str(world.made.file(name + ".pem")), "+cf", str(world.made.authority))
    trust(world, peer, world.made.authority)
    peer.start(*options)
    report, wanted = world.site.add_report()
    world.home.start("yq-router")
    try:
        if words:
            until(lambda: (rows := world.site.deliveries(report)) and words in rows[0][2], "no such word")
            assert world.site.deliveries(report)[0][0] in ("waiting", "sending") and peer.holds() == {}
            # The peer's own certificate is trusted: whoever put it there has said who that is. An ended one is renewed.
            peer.end()
            if days < 0:
                world.made.make(name, hosts=hosts)
            trust(world, peer, world.made.file(name + ".pem"))
            peer.start("-ic")
        world.site.await_state(report, "delivered")
        assert peer.holds() == wanted
    finally:
        world.site.clear()
