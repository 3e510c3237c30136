"""Rounds of delivery in which the link breaks or falls silent, yq-router or PostgreSQL are killed, and what the peer holds is compared.

    with Chapter(seed) as chapter:
        for number in range(1, 7):
            print(chapter.play(number).line())

Everything about a round is drawn from the seed and its number: what happens, after how many bytes or at which named point, what is sent, whether a second
router works beside the first. outcome.faults is empty when the peer has the right set of objects, bit by bit, and every delivery is settled.
"""
import dataclasses
import functools
import random
import re
import signal
import threading
import time

from installation import PATIENCE_S, TREE, Installation
from returning import Peer, Site
from wanlink import WanLink

SETTINGS = {"YQ_POLL_INTERVAL": "200 ms", "YQ_DELIVERY_BACKOFF_MIN": "50 ms", "YQ_DELIVERY_BACKOFF_MAX": "400 ms", "YQ_DIMSE_TIMEOUT": "2 s",
            "YQ_CONNECT_TIMEOUT": "2 s", "YQ_LEDGER_TIMEOUT": "5 s", "YQ_DELIVERY_TURN": "300 ms"}
CUT, FREEZE, ROUTER, LEDGER = "cut", "freeze", "router", "ledger"
# The rounds go through them in turn.
KINDS = [CUT, ROUTER, LEDGER, CUT, ROUTER, FREEZE]
STUDIES, OBJECTS = 3, 4
SIZES = [2_000, 60_000, 300_000]
EACH_OBJECT = re.compile("item")


@functools.cache
def kill_points():
    """Every point that the sources of delivery name."""
    sources = sorted([*(TREE / "router").glob("*.c"), *(TREE / "lib/domain").glob("delivery*.c")])
    return sorted({name for path in sources for name in re.findall(r'file_kill_point\("(delivery[^"]+)"\)', path.read_text())})


@dataclasses.dataclass
class Plan:
    number: int
    kind: str
    sizes: tuple       # of the objects of each study
    ranks: tuple
    after_bytes: int   # that have gone to the peer: the moment
    point: str         # of a router: name:count
    is_doubled: bool   # a second router works as well
    mbit: float

    @classmethod
    def draw(cls, seed, number):
        chance = random.Random(f"{seed}/{number}")
        kind = KINDS[(number - 1) % len(KINDS)]
        sizes = tuple(tuple(chance.choices(SIZES, [20, 40, 40], k=OBJECTS)) for _ in range(STUDIES))
        points = list(kill_points())
        random.Random(f"{seed}/points").shuffle(points)
        turn, rest = divmod(number - 1, len(KINDS))
        name = points[(turn * KINDS.count(ROUTER) + KINDS[:rest].count(ROUTER)) % len(points)]
        count = chance.randint(1, STUDIES * OBJECTS) if EACH_OBJECT.search(name) else 1
        return cls(number, kind, sizes, tuple(chance.randrange(4) for _ in range(STUDIES)),
                   chance.randrange(1, sum(map(sum, sizes))), f"{name}:{count}", kind != FREEZE and chance.random() < 0.4, chance.choice([0, 20, 100]))

    def moment(self):
        return self.point if self.kind == ROUTER else f"{self.after_bytes}B"


COLUMNS = ["round", "kind", "moment", "routers", "objects", "attempts", "cuts", "missing", "changed", "unsettled", "seconds"]


@dataclasses.dataclass
class Outcome:
    plan: Plan
    values: dict
    faults: list

    def row(self):
        return [str(self.values[name]) for name in COLUMNS]

    def line(self):
        found = "; ".join(self.faults) or "all there"
        return (f"round {self.plan.number:4d}  {self.plan.kind:<7} {self.plan.moment():<26} {self.values['objects']:3d} objects in "
                f"{self.values['attempts']:2d} tries  {self.values['seconds']:5.1f} s  {found}")


class Chapter:
    """Some rounds on one installation, each on what the earlier ones left."""

    def __init__(self, seed):
        self.seed, self.wanted = seed, {}
        self.home = Installation(SETTINGS, prefix="yq-deliver.", is_durable=True)

    def __enter__(self):
        self.home.__enter__()
        try:
            self.site = Site(self.home)
            self.peer = Peer(self.home.home / "peer", "--fork")
            self.peer.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if hasattr(self, "peer"):
            self.peer.end()
        self.home.close()

    def play(self, number):
        plan = Plan.draw(self.seed, number)
        self.home.sql("UPDATE destination SET is_enabled = false")
        with WanLink(self.peer.port, mbit=plan.mbit) as link:
            self.site.add_destination(link.port)
            return _Round(self, plan, link).play()

    def broken(self, number, reason):
        """The outcome of a round that did not come to its end."""
        plan = Plan.draw(self.seed, number)
        values = {**dict.fromkeys(COLUMNS, 0), "round": number, "kind": plan.kind, "moment": plan.moment()}
        return Outcome(plan, values, [" ".join(reason.split())[:500]])


class _Round:
    def __init__(self, chapter, plan, link):
        self.chapter, self.home, self.plan, self.link = chapter, chapter.home, plan, link
        self.first = int(self.home.sql("SELECT coalesce(max(delivery_id), 0) FROM delivery")[0][0])
        self.is_reached = True

    def _prepare(self):
        studies = [self.chapter.site.add_study(sizes) for sizes in self.plan.sizes]
        for _, objects in studies:
            self.chapter.wanted.update(objects)
        for (study, _), rank in zip(studies, self.plan.ranks):
            self.chapter.site.forward(study, self.link.port, rank)

    # --- what happens -------------------------------------------------------------------------------------------

    def _start_router(self):
        self.home.start("yq-router", YQ_KILL_AT=self.plan.point if self.plan.kind == ROUTER else "")
        if self.plan.is_doubled:
            self.home.start_as("second", "yq-router")

    def _strike(self):
        if self.plan.kind == CUT:
            assert self.link.broken.wait(PATIENCE_S), "nothing is sent"
            self.link.mend()
        elif self.plan.kind == FREEZE:
            assert self.link.passed.wait(PATIENCE_S), "nothing is sent"
            self.link.freeze()
            self._await(lambda: self._count("d.state <> 'sending'") == STUDIES, "a silent peer is waited for without end")
            self.link.mend()
        elif self.plan.kind == LEDGER:
            assert self.link.passed.wait(PATIENCE_S), "nothing is sent"
            self.home.kill_ledger()
            self.home.start_ledger()
        else:
            self._await(self._has_died, "the router goes on")

    def _has_died(self):
        """At its point; or everything is done, by the second router perhaps, and the point was not reached."""
        if self.home.running["yq-router"].poll() is not None:
            assert self.home.wait_ended("yq-router") == -signal.SIGKILL, self.home.log("yq-router")[-3000:]
            self.home.start("yq-router")
            return True
        self.is_reached = self._count("d.state <> 'delivered'") > 0
        return not self.is_reached

    # --- what is left -------------------------------------------------------------------------------------------

    def _count(self, condition):
        return int(self.home.sql(f"SELECT count(*) FROM delivery d WHERE d.delivery_id > {self.first} AND {condition}")[0][0])

    @staticmethod
    def _await(is_so, what):
        deadline = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < deadline, what
            threading.Event().wait(0.1)  # what is awaited stands in the ledger, or is the end of a process

    def play(self):
        began = time.monotonic()
        self._prepare()
        if self.plan.kind == CUT:
            self.link.cut_after(self.plan.after_bytes)
        else:
            self.link.alarm_after(self.plan.after_bytes)
        self._start_router()
        faults = []
        try:
            self._strike()
            self._await(lambda: self._count("d.state <> 'delivered'") == 0, "not everything is delivered")
        except AssertionError as error:
            faults.append(str(error))
        for name in list(self.home.running):
            if name != "yq-storescp":
                self.home.stop(name)
        return self._judge(began, faults)

    def _judge(self, began, faults):
        held, wanted = self.chapter.peer.holds(), self.chapter.wanted
        values = {
            "round": self.plan.number, "kind": self.plan.kind, "moment": self.plan.moment(), "routers": 2 if self.plan.is_doubled else 1,
            "objects": sum(map(len, self.plan.sizes)), "cuts": self.link.totals()["cuts"],
            "attempts": int(self.home.sql(f"SELECT count(*) FROM delivery_attempt WHERE delivery_id > {self.first}")[0][0]),
            "missing": sum(uid not in held for uid in wanted), "changed": sum(wanted.get(uid) != digest for uid, digest in held.items()),
            "unsettled": self._count("d.state <> 'delivered' OR d.worker IS NOT NULL OR EXISTS (SELECT FROM delivery_item i WHERE "
                                     "i.delivery_id = d.delivery_id AND i.state <> 'confirmed') OR EXISTS (SELECT FROM delivery_attempt a "
                                     "WHERE a.delivery_id = d.delivery_id AND a.ended_at IS NULL)"),
            "seconds": round(time.monotonic() - began, 1),
        }
        faults += [f"{name}: {values[name]}" for name in ("missing", "changed", "unsettled") if values[name]]
        if faults:
            faults.append(str(self.home.sql(f"SELECT state, rank, failures, last_error FROM delivery WHERE delivery_id > {self.first}")))
        if not self.is_reached and not self.plan.is_doubled:
            faults.append("the point was not reached")
        return Outcome(self.plan, values, faults)
