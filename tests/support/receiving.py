"""What the tests of reception share: a site and a device, sending with statuses kept, and what the installation says that it holds."""
import hashlib
import os
import time

import dicomgen
from dicomraw import Association, Gone

CALLING = "CT1"
PATIENCE_S = 60
GLANCES_S = 3
RING_PAGE, RING_CHUNK = 4096, 128 * 1024  # lib/intake/ring.h

SITE = """
WITH s AS (INSERT INTO scope (kind, name) VALUES ('site', '示例镇卫生院') RETURNING scope_id),
     t AS (INSERT INTO site (site_id, code, licensed_type, counts_as_township_health_centre)
           SELECT scope_id, 'SAMPLE', 'township_health_centre', true FROM s RETURNING site_id)
INSERT INTO device (site_id, calling_ae) SELECT site_id, '%s' FROM t;
"""


def prepare(home):
    home.sql(SITE % CALLING)


def associate(home, contexts, **more):
    return Association("127.0.0.1", home.dicom_port, CALLING, "YINGQIAO", contexts, **more)


class Sent:
    """One object: what it is, and what the receiver said about it (None: nothing)."""

    def __init__(self, dataset, syntax=dicomgen.EXPLICIT):
        self.sop_class, self.uid = dataset.text(0x00080016), dataset.text(0x00080018)
        self.syntax = syntax
        self.bytes = dataset.encode(syntax)
        self.status = None

    @property
    def sha256(self):
        return hashlib.sha256(self.bytes).hexdigest()


def send(home, objects, after_each=None):
    """Sends over one association; stops where the peer goes away. True when it did not."""
    contexts = sorted({(one.sop_class, one.syntax) for one in objects})
    try:
        with associate(home, [(sop_class, [syntax]) for sop_class, syntax in contexts]) as peer:
            for one in objects:
                one.status = peer.store(one.sop_class, one.uid, one.bytes, one.syntax, pdv_size=4096)
                if after_each:
                    after_each(one)
    except (Gone, OSError):
        return False
    return True


def check(home):
    """store check, whatever it found."""
    import json
    done = home.yqctl("store", "check", "--json", "--orphan-grace", "0 s", status=None)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def _is_under_way(slot):
    """Something lies in the ring, as a part of its own, or in a backlog of which the ledger has not everything."""
    for entry in os.scandir(slot):
        if entry.name.endswith((".part", ".rec")):
            return True
        if entry.name.startswith("backlog-") and not entry.name.endswith(".done"):
            done = slot / (entry.name + ".done")
            if not done.exists() or int(done.read_bytes() or b"0") < entry.stat().st_size:
                return True
    ring = slot / "ring"
    if not ring.exists():
        return False
    with open(ring, "rb") as file:
        return any(os.pread(file.fileno(), 1, head) != b"\0" for head in range(RING_PAGE, ring.stat().st_size - RING_CHUNK + 1, RING_CHUNK))


def _looks_settled(home):
    try:
        return not any(_is_under_way(slot) for slot in (home.home / "journal").glob("slot-*") if slot.is_dir())
    except (FileNotFoundError, ValueError):  # it changes while it is looked at
        return False


def await_indexed(home):
    """
    Until nothing acknowledged is outside of the ledger; returns the last store check. That takes two programs and reads every object, so the journal's
    files are looked at first.
    """
    began = time.monotonic()
    while time.monotonic() < began + GLANCES_S and not _looks_settled(home):
        time.sleep(0.01)
    while True:
        found = check(home)
        if found["pending"] == 0:
            return found
        assert time.monotonic() < began + PATIENCE_S, "the journal is not emptied\n" + home.log("yq-storescp")
        time.sleep(0.05)


def holds(home):
    """SOP instance UID -> SHA-256, as `instance list` has it; a UID may stand there once."""
    rows = home.yqctl("instance", "list", json=True)
    result = {row["sop_instance_uid"]: row["sha256"] for row in rows}
    assert len(result) == len(rows), "an object is listed twice"
    return result


def read_back(home, uid):
    """The dataset bytes of a stored instance, from the object store itself."""
    rows = home.sql(f"SELECT object_key, header_bytes FROM instance WHERE sop_instance_uid = '{uid}'")
    assert len(rows) == 1, rows
    key, header = rows[0][0], int(rows[0][1])
    content = (home.home / "store" / key[:2] / key[2:4] / key).read_bytes()
    assert content[128:132] == b"DICM"
    return content[header:]


ANY_SET_APART = None


def assert_sound(found, set_apart=0):
    """set_apart: how many were refused and are kept for people; ANY_SET_APART where damage decides it."""
    assert (found["missing"], found["mismatched"], found["orphans"]) == (0, 0, 0), found
    assert set_apart is ANY_SET_APART or found["quarantined"] == set_apart, found
