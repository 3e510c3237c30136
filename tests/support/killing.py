"""Rounds of reception under load in which yq-storescp, PostgreSQL, or both are killed with SIGKILL, and what is left is counted.

    with Chapter(seed) as chapter:
        for number in range(1, 21):
            print(chapter.play(number).line())

Everything about a round is drawn from the seed and its number: what dies, where, what is sent, who sends again. Only the scheduling of the
machine is not. An outcome says what was found; outcome.faults is empty when every promise was kept.
"""
import dataclasses
import functools
import os
import random
import re
import select
import signal
import threading
import time

from installation import PATIENCE_S, TREE, Failed, Installation
from receiving import await_indexed, holds, prepare
from senders import LARGE, MIDDLE, SMALL, Sender, Tally, join_all, make_objects, start_all

SENDERS, OBJECTS = 4, 6
STORESCP, LEDGER, BOTH = "storescp", "ledger", "both"
# Which part dies, and whether at a named point or at a random moment; the rounds go through them in turn.
KINDS = [(STORESCP, True), (LEDGER, False), (BOTH, True), (STORESCP, False), (STORESCP, True), (BOTH, False)]
# Points of the spill lane alone, and of the ring alone.
SPILL_ONLY = re.compile("-record-")
RING_ONLY = re.compile("-(backlog|free)$")
# Passed on the way to an answer, once for each object or for a few that end together; the others may be passed once for everything.
BEFORE_ANSWER = re.compile("-(begin|append|data-sync|record-write|record-sync|commit)$")


@functools.cache
def kill_points():
    """Every point that the sources of reception name."""
    texts = [path.read_text() for folder in ("lib/intake", "lib/store") for path in sorted((TREE / folder).glob("*.c"))]
    # Bringing in from quarantine is done by yqctl and yq-gateway, which tests/e2e/test_doubts.py kills.
    return sorted({name for text in texts for name in re.findall(r'file_kill_point\("([^"]+)"\)', text) if not name.startswith("redrive_")})


@dataclasses.dataclass
class Plan:
    """What happens in one round."""

    number: int
    victim: str
    point: str = ""        # name:count; empty: at a random moment
    is_spilling: bool = False
    after_bytes: int = 0   # of all senders together: the moment when there is no point
    pause_ms: float = 0    # and a little later
    is_ledger_first: bool = False
    again: str = ""        # a point behind the answer at which the next life may end as well
    resends: tuple = ()
    pdv_sizes: tuple = ()
    sizes: tuple = ()      # of each sender's objects

    @classmethod
    def draw(cls, seed, number):
        chance = random.Random(f"{seed}/{number}")
        victim, at_point = KINDS[(number - 1) % len(KINDS)]
        plan = cls(number, victim, after_bytes=0, pause_ms=chance.choice([0, 5, 50]) * chance.random(), is_ledger_first=chance.random() < 0.5)
        plan.is_spilling = chance.random() < 0.3
        if at_point:
            plan.point = plan._draw_point(seed, chance)
        if chance.random() < 0.25:
            plan.again = chance.choice([name for name in kill_points() if not BEFORE_ANSWER.search(name)])
        plan.resends = tuple(chance.random() < 0.5 for _ in range(SENDERS))
        plan.pdv_sizes = tuple(chance.choice([4096, 16000, None]) for _ in range(SENDERS))
        plan.sizes = tuple(tuple(chance.choices([SMALL, MIDDLE, LARGE], [50, 35, 15], k=OBJECTS)) for _ in range(SENDERS))
        plan.after_bytes = chance.randrange(sum(map(sum, plan.sizes)))
        return plan

    def _draw_point(self, seed, chance):
        """The points in a mixed order, so that each comes before one comes twice."""
        points = list(kill_points())
        random.Random(f"{seed}/points").shuffle(points)
        turn, rest = divmod(self.number - 1, len(KINDS))
        before = turn * sum(at_point for _, at_point in KINDS) + sum(at_point for _, at_point in KINDS[:rest])
        name = points[before % len(points)]
        self.is_spilling = bool(SPILL_ONLY.search(name)) or (self.is_spilling and not RING_ONLY.search(name))
        return f"{name}:{chance.randint(1, 4) if BEFORE_ANSWER.search(name) else 1}"

    def lane(self):
        return "spill" if self.is_spilling else "ring"

    def moment(self):
        return self.point or f"{self.after_bytes}B+{self.pause_ms:.1f}ms"


COLUMNS = ["round", "victim", "moment", "lane", "reached", "deaths", "sent", "acknowledged", "unanswered", "kept_unanswered", "sent_again", "missing",
           "doubled", "half_received", "left_over", "store_faults", "seconds"]


@dataclasses.dataclass
class Outcome:
    plan: Plan
    values: dict
    faults: list

    def row(self):
        return [str(self.values[name]) for name in COLUMNS]

    def line(self):
        found = "; ".join(self.faults) or "all kept"
        return (f"round {self.plan.number:4d}  {self.plan.victim:<8} {self.plan.moment():<28} {self.values['acknowledged']:3d} acknowledged "
                f"of {self.values['sent']:3d}  {self.values['seconds']:5.1f} s  {found}")


class Chapter:
    """Some rounds on one installation, each on what the earlier ones left."""

    def __init__(self, seed):
        self.seed = seed
        self.home = Installation({"YQ_POLL_INTERVAL": "100 ms", "YQ_STORE_RESERVE": "1 MiB", "YQ_LEDGER_TIMEOUT": "5 s"}, prefix="yq-fault.",
                                 is_durable=True)
        self.sent = {}  # SOP Instance UID -> SHA-256, over all rounds
        self.told = {}  # the same of what was acknowledged

    def __enter__(self):
        self.home.__enter__()
        try:
            prepare(self.home)
            self.home.start("yq-storescp")  # leaves the snapshot of devices
            self.home.stop("yq-storescp")
        except BaseException:
            self.home.close()
            raise
        return self

    def __exit__(self, *_):
        self.home.close()

    def play(self, number):
        return _Round(self, Plan.draw(self.seed, number)).play()

    def broken(self, number, reason):
        """The outcome of a round that did not come to its end."""
        plan = Plan.draw(self.seed, number)
        values = {**dict.fromkeys(COLUMNS, 0), "round": number, "victim": plan.victim, "moment": plan.moment(), "lane": plan.lane(), "reached": "no"}
        return Outcome(plan, values, [" ".join(reason.split())[:500]])


class _Round:
    def __init__(self, chapter, plan):
        self.chapter, self.home, self.plan = chapter, chapter.home, plan
        self.deaths, self.is_reached = 0, True
        chance = random.Random(f"{chapter.seed}/{plan.number}/objects")
        self.tally = Tally(plan.after_bytes)
        self.senders = [Sender(self.home, make_objects(chance, sizes), resends=resends, pdv_size=pdv_size, tally=self.tally)
                        for sizes, resends, pdv_size in zip(plan.sizes, plan.resends, plan.pdv_sizes)]
        self.settings = {"YQ_JOURNAL_RING": "0 B"} if plan.is_spilling else {}

    # --- dying and coming back ----------------------------------------------------------------------------------

    def _kill_ledger(self):
        self.home.kill_ledger()
        self.deaths += 1

    def _kill_storescp(self):
        self.home.kill("yq-storescp")
        self.deaths += 1

    def _has_died(self):
        """Takes note of a yq-storescp that ended at a kill point. Every other end is a fault."""
        process = self.home.running.get("yq-storescp")
        if process is None or process.poll() is None:
            return False
        status = self.home.wait_ended("yq-storescp")
        assert status == -signal.SIGKILL, f"yq-storescp ended by itself: {status}\n{self.home.log('yq-storescp')[-3000:]}"
        self.deaths += 1
        return True

    def _await_death_or_end(self):
        """Until yq-storescp has died at its point, or all was sent and nothing waits."""
        handle = os.pidfd_open(self.home.running["yq-storescp"].pid)
        try:
            while not select.select([handle], [], [], 0.05)[0]:
                if not any(sender.is_alive() for sender in self.senders) and self._waits_for_nothing():
                    return select.select([handle], [], [], 0)[0]
            return True
        finally:
            os.close(handle)

    def _waits_for_nothing(self):
        status = self.home.yqctl("status", json=True)
        return status["journal"]["objects"] == 0

    def _strike_at_point(self):
        self.is_reached = bool(self._await_death_or_end())
        if self.is_reached:
            assert self._has_died()
        else:
            self._kill_storescp()
        if self.plan.victim == BOTH:
            self._kill_ledger()

    def _strike_at_moment(self):
        assert self.tally.reached.wait(PATIENCE_S), "the senders do not send"
        threading.Event().wait(self.plan.pause_ms / 1000)  # what is drawn: no event is waited for
        strikes = {STORESCP: [self._kill_storescp], LEDGER: [self._kill_ledger], BOTH: [self._kill_storescp, self._kill_ledger]}
        for strike in sorted(strikes[self.plan.victim], key=lambda one: one == self._kill_ledger, reverse=self.plan.is_ledger_first):
            strike()

    def _revive(self):
        """storescp first, as it needs no ledger; its second life may end early, too."""
        if self.plan.victim != LEDGER:
            self._start_storescp(YQ_KILL_AT=self.plan.again)
        if self.plan.victim != STORESCP:
            self.home.start_ledger()

    def _start_storescp(self, **more):
        try:
            self.home.start("yq-storescp", **self.settings, **more)
        except Failed:
            if not more.get("YQ_KILL_AT"):
                raise
            self.deaths += 1
            self._start_storescp()

    def _finish(self):
        """All is sent, and everything is in the ledger; a second death meanwhile is followed by a third life."""
        deadline = time.monotonic() + 2 * PATIENCE_S
        while any(sender.is_alive() for sender in self.senders) or not self._waits_for_nothing():
            if self._has_died():
                self._start_storescp()
            assert time.monotonic() < deadline, "reception does not come to its end\n" + self.home.log("yq-storescp")[-3000:]
            threading.Event().wait(0.02)
        join_all(self.senders)
        if self._has_died():
            self._start_storescp()

    # --- the round ----------------------------------------------------------------------------------------------

    def play(self):
        began = time.monotonic()
        self.home.start("yq-storescp", **self.settings, YQ_KILL_AT=self.plan.point)
        start_all(self.senders)
        if self.plan.point:
            self._strike_at_point()
        else:
            self._strike_at_moment()
        self._revive()
        self._finish()
        return self._judge(began)

    def _judge(self, began):
        found = await_indexed(self.home)
        ended = self.home.stop("yq-storescp")
        objects = [one for sender in self.senders for one in sender.objects]
        self.chapter.sent.update((one.uid, one.sha256) for one in objects)
        self.chapter.told.update((one.uid, one.sha256) for one in objects if one.status == 0)
        held, left = holds(self.home), left_over(self.home)
        sent, told = self.chapter.sent, self.chapter.told
        values = {
            "round": self.plan.number, "victim": self.plan.victim, "moment": self.plan.moment(),
            "lane": self.plan.lane(), "reached": "yes" if self.is_reached else "no", "deaths": self.deaths,
            "sent": len(objects), "acknowledged": sum(one.status == 0 for one in objects),
            "unanswered": sum(one.status is None for one in objects),
            "kept_unanswered": sum(one.status is None and one.uid in held for one in objects),
            "sent_again": sum(sender.sent_again for sender in self.senders),
            "missing": sum(uid not in held for uid in told),
            "doubled": self._doubled(),
            "half_received": sum(held[uid] != sent.get(uid) for uid in held),
            "left_over": len(left),
            "store_faults": sum(found[name] for name in ("missing", "mismatched", "orphans", "quarantined")),
            "seconds": round(time.monotonic() - began, 1),
        }
        faults = [f"{name.replace('_', ' ')}: {values[name]}" for name in ("missing", "doubled", "half_received", "left_over", "store_faults") if values[name]]
        faults += [f"left: {name}" for name in left] + ([f"exit status {ended}"] if ended else [])
        faults += [f"refused with {one.status:04x}" for one in objects if one.status]
        faults += [] if self.is_reached else ["the point was not reached"]
        if self.plan.victim == LEDGER and any(sender.losses for sender in self.senders):
            faults.append("reception did not go on without the ledger")
        return Outcome(self.plan, values, faults)

    def _doubled(self):
        """Second objects under one UID, and files in the store beyond the rows of the ledger."""
        conflicts = len(self.home.yqctl("conflict", "list", json=True))
        files = sum(1 for _ in (self.home.home / "store").glob("??/??/" + "[0-9a-f]" * 32))
        return conflicts + files - int(self.home.sql("SELECT count(*) FROM instance")[0][0])


def left_over(home):
    """Files of objects under way, when nothing is: in the journal, and in the store beside the finished ones."""
    store = [path.name for path in (home.home / "store").glob("??/??/*") if not re.fullmatch("[0-9a-f]{32}", path.name)]
    return store + [path.name for pattern in ("*.part", "*.rec") for path in (home.home / "journal").glob("slot-*/" + pattern)]
