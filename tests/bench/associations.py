"""1,000 associations open at once: what they cost, whether sixteen that send notice the others, and what the next one hears."""
import resource

import measure
import processes
import report
from dicomraw import IMPLICIT, VERIFICATION, Association, Rejected
from load import Load, make
from ours import Ours

MOST, SENDING, IMAGES = 1000, 16, 100
GIB = 1 << 30
CONGESTION = (2, 3, 1)  # transient, presentation related, temporary congestion (PS3.8 table 9-21)


class Idle:
    """So many associations that are open and say nothing."""

    def __init__(self, port, count):
        self.port, self.count, self.open = port, count, []

    def one_more(self):
        return Association("127.0.0.1", self.port, "CT1", "YINGQIAO", [(VERIFICATION, [IMPLICIT])], timeout=60)

    def __enter__(self):
        try:
            for _ in range(self.count):
                self.open.append(self.one_more())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for association in self.open:
            association.abort()
        self.open = []


class Alone:
    """The sixteen, without anybody else."""
    key, title = "alone", f"{SENDING} alone"

    def __init__(self, ours):
        self.ours, self.sent = ours, 0

    def measure(self, load):
        return measure.measure(self.ours, load, self.sent)


class Crowded(Alone):
    key, title = "crowded", f"{SENDING} beside {MOST - SENDING} idle ones"

    def measure(self, load):
        with Idle(self.ours.port, MOST - SENDING):
            return super().measure(load)


def _allow_descriptors():
    """A socket each in this process, too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = MOST + 100
    if soft != resource.RLIM_INFINITY and soft < need:
        resource.setrlimit(resource.RLIMIT_NOFILE, (need if hard == resource.RLIM_INFINITY else min(need, hard), hard))


def _ask_beyond(idle):
    """What the association after the last one hears: (result, source, reason), or None when it was taken."""
    try:
        idle.one_more().abort()
        return None
    except Rejected as rejected:
        return rejected.result, rejected.source, rejected.reason


def _fill(ours):
    """All taken, and each of them still answers."""
    with Idle(ours.port, MOST) as idle:
        heard = _ask_beyond(idle)
        memory = processes.resident_bytes(ours.roots[0])
        answering = sum(association.echo() == 0 for association in idle.open)
    return {"heard": heard, "memory": memory, "answering": answering}


def run(context):
    load = Load(make("ct", IMAGES, 512, context.data), SENDING, False)
    _allow_descriptors()
    rounds, ours = measure.Rounds(context.say), Ours(context.folder)
    ways = [Alone(ours), Crowded(ours)]
    try:
        ours.start()
        full = _fill(ours)
        context.say(f"    {MOST} open: {full['memory'] / measure.MIB:.0f} MiB, {full['answering']} answer, the next one hears {full['heard']}")
        sent = 0
        for number in range(context.rounds):
            for way in ways[::-1] if number % 2 else ways:
                way.sent = sent
                rounds.add(way, load, way.measure(load))
                sent += load.images
    finally:
        ours.close()
    return tell(rounds, load, full)


def tell(rounds, load, full):
    alone, crowded = (rounds.values(key, load.key) for key in ("alone", "crowded"))
    peak = max(rounds.values("crowded", load.key, "peak_mib"))
    rows = [[title, report.spread(values), report.spread(rounds.values(key, load.key, "cpu_ms")),
             f"{max(rounds.values(key, load.key, 'peak_mib')):.0f}"]
            for key, title, values in (("alone", Alone.title, alone), ("crowded", Crowded.title, crowded))]
    each = [one / other for one, other in zip(crowded, alone)]
    notes = [f"{load}: {IMAGES} images each; association_max at its default of {MOST}.",
             f"With {MOST} idle ones yq-storescp has {full['memory'] / measure.MIB:.0f} MiB resident, {full['answering']} of them answer a C-ECHO, and "
             f"one more is {'taken' if full['heard'] is None else 'rejected with result %d, source %d, reason %d' % full['heard']} "
             "(2, 3, 1: transient, temporary congestion)."]
    span = f" ({report.number(min(each))}-{report.number(max(each))})"
    return {"title": f"{MOST} associations", "notes": notes,
            "tables": [{"title": "Sixteen that send", "head": ["", "images/s", "CPU ms/image", "peak MiB"], "rows": rows}],
            "ratios": [report.ratio(f"rate of {SENDING}, beside {MOST - SENDING} idle ones / alone",
                                    measure.middle(crowded)["median"] / measure.middle(alone)["median"], 0.8, span=span),
                       report.ratio("peak memory of yq-storescp, GiB", max(peak * measure.MIB, full["memory"]) / GIB, 1, is_most=True),
                       report.ratio(f"associations that answer, of {MOST}", full["answering"], MOST),
                       report.ratio("the next one: rejected as transient congestion (1: yes)", int(full["heard"] == CONGESTION), 1)]}
