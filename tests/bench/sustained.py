"""Sustained: 20,000 CT in a row over one association, as a ratio to the burst of the same run; do ledger and final store keep pace?"""
import datetime
import json
import re
import time

import measure
import processes
import report
from load import Load, finish, make, start_client
from ours import Ours

OBJECTS, STEP = 20000, 1000
STORED = re.compile(r"^(\S+) \S+ \S+ object_stored ", re.MULTILINE)


def run(context):
    data = make("ct", 250, 512, context.data)
    burst, warm_up = Load(data, 1, False), Load(make("ct", 20, 512, context.data), 1, False)
    rounds, ours = measure.Rounds(context.say), Ours(context.folder)
    try:
        rounds.run([ours], [burst], warm_up, context.rounds)
        ours.start()
        whole = _send_all(ours, data, context.say)
        check = json.loads(ours.home.yqctl("store", "check", "--json", "--orphan-grace", "0 s"))
    finally:
        ours.close()
    return tell(rounds.values("ours", burst.key), whole, check)


# --- sending and looking ----------------------------------------------------------------------------------------------------

class Acknowledged:
    """Times of the acknowledgements, from the program's log."""

    def __init__(self, ours):
        self._path, self._at, self.times = ours.home.home / "log" / "yq-storescp.log", 0, []
        self._at = self._path.stat().st_size

    def look(self):
        with open(self._path, "rb") as log:
            log.seek(self._at)
            text = log.read()
        whole = text[:text.rfind(b"\n") + 1]
        self._at += len(whole)
        self.times += [datetime.datetime.fromisoformat(when.replace("Z", "+00:00")).timestamp()
                       for when in STORED.findall(whole.decode(errors="replace"))]
        return len(self.times)


def _unplaced(ours):
    """Objects that lie only in the journal; None when the program does not tell."""
    done = ours.home.yqctl("status", "--json", status=None)
    return json.loads(done.stdout or "{}").get("journal", {}).get("unplaced_objects")


def _send_all(ours, data, say):
    """Looks once a second: (acknowledged, in the ledger)."""
    acknowledged, looks = Acknowledged(ours), []
    began = time.monotonic()
    client = start_client(ours.port, data, False, ours.log, repeat=OBJECTS // len(data.paths))
    try:
        while client.poll() is None:
            looks.append((acknowledged.look(), ours.held()))
            say(f"    {looks[-1][0]:6d} acknowledged, {looks[-1][1]:6d} in the ledger")
            time.sleep(1)
        finish([client], ours.log)
    finally:
        processes.stop(client)
    seconds = time.monotonic() - began
    left, unplaced = OBJECTS - ours.held(), _unplaced(ours)
    lag_s = measure.settle(ours, OBJECTS)
    assert acknowledged.look() == OBJECTS, f"{len(acknowledged.times)} acknowledged"
    return {"seconds": seconds, "times": acknowledged.times, "left": left, "unplaced": unplaced, "lag_s": lag_s,
            "worst": max((sent - held for sent, held in looks), default=0)}


# --- what came of it --------------------------------------------------------------------------------------------------------

def _steps(times):
    rows, before = [], times[0]
    for at in range(STEP - 1, len(times), STEP):
        rows.append([f"{at + 2 - STEP}-{at + 1}", report.number(STEP / max(times[at] - before, 1e-9))])
        before = times[at]
    return rows


def tell(burst, whole, check):
    rate = OBJECTS / whole["seconds"]
    # What the client saw: the ledger keeps pace when it needs no more time for all than a tenth over the client's.
    late = whole["lag_s"] / whole["seconds"]
    notes = [f"{OBJECTS} objects by one storescu with TCP_NODELAY=1 in one association. Burst: 250 objects, {report.spread(burst)} images/s.",
             f"Whole: {report.number(rate)} images/s. At the last answer {whole['left']} were not in the ledger yet"
             + ("" if whole["unplaced"] is None else f", {whole['unplaced']} not in the final store")
             + f"; all were {whole['lag_s']:.1f} s later. Most that the ledger was behind: {whole['worst']} objects. An object enters the ledger "
             "after it lies in the final store.",
             f"`store check` behind it: {check['missing']} missing, {check['mismatched']} mismatched, {check['orphans']} orphans."]
    return {"title": "Sustained", "notes": notes,
            "tables": [{"title": "Rate per 1,000 (by the times of acknowledgement in the program's log)", "head": ["objects", "images/s"],
                        "rows": _steps(whole["times"])}],
            "ratios": [report.ratio("rate of the whole / burst", rate / measure.middle(burst)["median"], 0.5),
                       report.ratio("time from the last answer until all is in ledger and store / time of the client", late, 0.1, is_most=True),
                       report.ratio("objects missing or mismatched in the check behind it", check["missing"] + check["mismatched"], 0,
                                    is_most=True)]}
