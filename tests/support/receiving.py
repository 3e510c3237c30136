"""What the tests of reception share: a site and a device, sending with statuses kept, and what the installation says that it holds."""
import hashlib
import time

import dicomgen
from dicomraw import Association, Gone

CALLING = "CT1"
PATIENCE_S = 60

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


def await_indexed(home):
    """Until nothing acknowledged is outside of the ledger; returns the last store check."""
    until = time.monotonic() + PATIENCE_S
    while True:
        found = check(home)
        if found["pending"] == 0:
            return found
        assert time.monotonic() < until, "the journal is not emptied\n" + home.log("yq-storescp")
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
