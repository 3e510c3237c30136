#!/usr/bin/python3
"""Measures sending: the whole router against DCMTK's storescu, Orthanc's own client and the link itself. `make bench-deliver` starts it.

Every sender of a part runs in every round, one after the other, to the same receiver over the same link (tests/support/wanlink.py). Tables go to the
terminal, those of a whole run (5 rounds or more) to docs/measured/deliver.md. Everything is started here on free ports and stopped by its process id.
"""
import argparse
import datetime
import pathlib
import shutil
import signal
import statistics
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
sys.dont_write_bytecode = True

import deliver_claim  # noqa: E402
import dicomgen  # noqa: E402
import facts  # noqa: E402
import load  # noqa: E402
import outgoing  # noqa: E402
import peers  # noqa: E402
import processes  # noqa: E402
import report  # noqa: E402
from installation import BUILD  # noqa: E402
from wanlink import WanLink  # noqa: E402

WHOLE = 5
RTT_MS, MBIT = 80, 20
MIB = 1 << 20
DATA = BUILD / "bench" / "data"
DOCUMENT = report.DOCUMENT.with_name("deliver.md")
INTRODUCTION = """# Sending, measured

Written by `make bench-deliver` (`tests/bench/deliver.py`), in which all senders of a part run one after the other in every round, to the same receiver
over the same link. Times are from the birth of a delivery in the ledger until it is `delivered` there, medians (least-most of the rounds); ratios are ratios
of medians of one run. The link is emulated in user space: delay, the rate of each direction, no loss.
"""


def link():
    return f"{RTT_MS} ms round trip, {MBIT} Mbit/s"


def floor_s(size):
    """What the bytes alone take."""
    return size * 8 / (MBIT * 1e6)


class Sink(peers.Discard):
    """Takes everything, also compressed, and keeps nothing."""


class Context:
    def __init__(self, rounds, folder):
        self.rounds, self.folder = rounds, pathlib.Path(folder)
        self.log = self.folder / "clients.log"

    def say(self, line):
        print(line, flush=True)

    def sink(self):
        return Sink(self.folder)


class Running:
    """A receiver while a block runs."""

    def __init__(self, peer):
        self.peer = peer

    def __enter__(self):
        self.peer.start()
        return self.peer

    def __exit__(self, *_):
        self.peer.stop()


def rounds(context, senders):
    """senders: {title: function that gives seconds}; {title: [seconds]}."""
    times = {title: [] for title in senders}
    for number in range(context.rounds):
        for title in list(senders)[number % len(senders):] + list(senders)[:number % len(senders)]:
            times[title].append(senders[title]())
            context.say(f"    {title:<56} {times[title][-1]:8.2f} s")
    return times


def alone(name, seed, make):
    """One object of a study of its own, kept from run to run."""
    place = DATA / name
    if not place.is_dir():
        new = place.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        dicomgen.write_part10(str(new / "one.dcm"), make(dicomgen.Study(seed=seed, when=datetime.datetime(2026, 1, 5, 9, 30))))
        new.rename(place)
    return load.Data(name, place, 1)


def median(values):
    return statistics.median(values)


def table(title, times, size):
    return {"title": title, "head": ["sender", "s", "Mbit/s"],
            "rows": [[name, report.spread(values), report.number(size * 8 / 1e6 / median(values))] for name, values in times.items()]}


# --- parts ------------------------------------------------------------------------------------------------------------------

def small(context, ours):
    """Many small objects: the way there and back of each answer decides."""
    data = load.make("ct", 100, 128, DATA)
    study = ours.receive(data)
    with Running(context.sink()) as sink, WanLink(sink.port, rtt_ms=RTT_MS, mbit=MBIT) as wan:
        times = rounds(context, {
            "yq-router, 12 associations": lambda: ours.send(study, wan.port, connections_max=12),
            "yq-router, 4 associations (default)": lambda: ours.send(study, wan.port),
            "DCMTK storescu": lambda: outgoing.storescu(data, wan.port, context.log)})
    twelve, four, theirs = (median(values) for values in times.values())
    return {"title": f"100 objects of {data.bytes // 100 // 1000} kB, {link()}", "notes": [f"the bytes alone take {floor_s(data.bytes):.2f} s"],
            "tables": [table("Time", times, data.bytes)],
            "ratios": [report.ratio("storescu / ours, 12 associations", theirs / twelve, 5),
                       report.ratio("storescu / ours, 4 associations", theirs / four)]}


def ct(context, ours):
    """Bytes decide; and fewer of them where the peer takes a lossless syntax."""
    data = load.make("ct", 30, 512, DATA)
    study = ours.receive(data)
    with Running(context.sink()) as sink, WanLink(sink.port, rtt_ms=RTT_MS, mbit=MBIT) as wan:
        times = rounds(context, {
            "yq-router, uncompressed": lambda: ours.send(study, wan.port),
            "yq-router, lossless (JPEG-LS)": lambda: ours.send(study, wan.port, compression="lossless"),
            "DCMTK storescu, uncompressed": lambda: outgoing.storescu(data, wan.port, context.log)})
    plain, lossless, _ = (median(values) for values in times.values())
    return {"title": f"30 CT of {data.bytes // 30 // 1000} kB, {link()}", "notes": [f"the bytes alone take {floor_s(data.bytes):.2f} s"],
            "tables": [table("Time", times, data.bytes)],
            "ratios": [report.ratio("share of the link that uncompressed images use", floor_s(data.bytes) / plain, 0.9),
                       report.ratio("the link's floor / ours, lossless", floor_s(data.bytes) / lossless, 1.5)]}


def stat(context, ours):
    """An emergency that enters while a large routine study is under way to the same destination."""
    many, one = load.make("ct", 1000, 512, DATA), alone("stat-dr", 7, lambda study: dicomgen.dr(study, size=2048))
    large, urgent = ours.receive(many), ours.receive(one)
    idle, busy = [], []
    with Running(context.sink()) as sink, WanLink(sink.port, rtt_ms=RTT_MS, mbit=MBIT) as wan:
        for _ in range(context.rounds):
            idle.append(ours.send(urgent, wan.port))
            destination = ours.destination(wan.port)
            routine, _ = ours.forward(large, destination)
            peers.await_true("the large study is under way", lambda d=routine: int(ours.watcher.ask(
                f"SELECT count(*) FROM delivery_item WHERE delivery_id = {d} AND state = 'confirmed'")) >= 8)
            busy.append(ours.await_delivered(*ours.forward(urgent, destination, rank=0)))
            ours.give_up(routine)
            context.say(f"    idle link {idle[-1]:.2f} s, during the large study {busy[-1]:.2f} s")
    times = {"on an idle link": idle, "while 1,000 CT are under way": busy}
    return {"title": f"A STAT DR of {one.bytes / MIB:.1f} MiB against a CT of {many.bytes / MIB:.0f} MiB, {link()}",
            "notes": ["the large study is never finished: it is cancelled when the urgent one has arrived"],
            "tables": [table("Time of the urgent image", times, one.bytes)],
            "ratios": [report.ratio("during / idle", median(busy) / median(idle), 1.3, is_most=True)]}


def loopback(context, ours):
    """Without a link. A stock peer delays its acknowledgements; one that does not, and keeps nothing, shows what each sender itself costs."""
    data = load.make("ct", 250, 512, DATA)
    study = ours.receive(data)
    orthanc = outgoing.Orthanc, outgoing.OrthancNodelay
    result = {"title": f"250 CT of {data.bytes // 250 // 1000} kB over loopback", "tables": [], "ratios": [], "notes": [
        "ours settles a row in the ledger for every object, Orthanc keeps no record of what arrived"]}
    with Running(orthanc[0](context.folder)) as stock, Running(orthanc[1](context.folder)) as nodelay:
        stock.hold(data)
        nodelay.hold(data)
        for sink, target in ((peers.Storescp(context.folder), 3), (context.sink(), None)):
            with Running(sink):
                times = rounds(context, {"yq-router": lambda to=sink: ours.send(study, to.port), stock.title: lambda to=sink: stock.send(to.port),
                                         nodelay.title: lambda to=sink: nodelay.send(to.port)})
            mine, theirs, quick = (median(values) for values in times.values())
            result["tables"].append(table(f"To {sink.title}", times, data.bytes))
            result["ratios"] += [report.ratio(f"to {sink.title}: Orthanc as installed / ours", theirs / mine, target),
                                 report.ratio(f"to {sink.title}: Orthanc with TCP_NODELAY=1 / ours", quick / mine)]
    return result


FRAMES = 1000  # as stored; coded ones are a tenth of it, since each is encoded and decoded


def _multi_frame(study, frames):
    dataset = dicomgen.ct(study, size=512)
    dataset.put(0x00280008, "IS", frames)
    return dataset.put(0x7FE00010, "OW", dataset[0x7FE00010][1] * frames)


def memory(context, ours):
    """The highest resident memory of the router while it sends one frame, and very many of them in one object."""
    ways = {"as stored": (FRAMES, {}), "JPEG-LS, frame by frame": (FRAMES // 10, {"compression": "lossless"})}
    studies = {frames: ours.receive(alone(f"frames-{frames}", frames, lambda study, count=frames: _multi_frame(study, count)))
               for frames in (1, FRAMES // 10, FRAMES)}
    rows, ratios = [], []
    with Running(context.sink()) as sink:
        for way, (frames, columns) in ways.items():
            peaks = []
            for count in (1, frames):
                with processes.PeakWatch(ours.router) as watch:
                    seconds = ours.send(studies[count], sink.port, **columns)
                peaks.append(watch.bytes / MIB)
                context.say(f"    {way:<28} {count:5} frames {peaks[-1]:8.1f} MiB  {seconds:6.2f} s")
            rows.append([way, str(frames), f"{frames * 512 * 512 * 2 / MIB:.0f}", *(report.number(peak) for peak in peaks)])
            ratios.append(report.ratio(f"{way}: {frames} frames / 1 frame", peaks[1] / peaks[0], 1.5, is_most=True))
    return {"title": "Memory of the router while it sends one large object", "notes": [], "ratios": ratios,
            "tables": [{"title": "Highest resident memory, MiB", "head": ["sent", "frames", "MiB", "1 frame", "all frames"], "rows": rows}]}


def claim(context, _):
    """What the queue itself costs, with a router's own statements."""
    return deliver_claim.run(context)


PARTS = {"small": small, "ct": ct, "stat": stat, "loopback": loopback, "memory": memory, "claim": claim}


def run_part(name, count, place):
    folder = tempfile.mkdtemp(prefix="yq-bench-deliver.", dir=place)
    pathlib.Path(folder).chmod(0o755)
    ours = None
    try:
        found = facts.gather(folder)
        ours = outgoing.Ours(folder) if name != "claim" else None  # that part has two ledgers of its own
        return {**PARTS[name](Context(count, folder), ours), "facts": found}
    finally:
        if ours is not None:
            ours.close()
        shutil.rmtree(folder, ignore_errors=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=WHOLE)
    parser.add_argument("--place", default="/var/tmp", help="folder on the disk to measure; needs 3 GB (default %(default)s)")
    parser.add_argument("part", nargs="*", choices=[[], *PARTS], metavar="PART", help=f"{', '.join(PARTS)} (default: all)")
    return parser.parse_args()


def main():
    given = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for name in given.part or list(PARTS):
        print(f"{name}:", flush=True)
        part = run_part(name, given.rounds, given.place)
        report.show(part, lambda line: print(line, flush=True))
        if given.rounds >= WHOLE:
            report.keep("deliver_" + name, part)
            print(f"\nwritten: {report.write_document(DOCUMENT, INTRODUCTION, ['deliver_' + one for one in PARTS])}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
