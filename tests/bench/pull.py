#!/usr/bin/python3
"""Measures DICOMweb: yq-gateway against Orthanc with its DICOMweb plugin, both as installed, over loopback. `make bench-pull` starts it.

Both hold the same objects and are asked in turn in every round. Tables go to the terminal, those of a whole run (5 rounds or more) to
docs/measured/pull.md. Everything is started here on free ports and stopped by its process id.
"""
import argparse
import concurrent.futures
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
sys.dont_write_bytecode = True

import dicomgen  # noqa: E402
import dicomraw  # noqa: E402
import facts  # noqa: E402
import load  # noqa: E402
import outgoing  # noqa: E402
import peers  # noqa: E402
import processes  # noqa: E402
import report  # noqa: E402
from installation import BUILD  # noqa: E402
from released_viewer import ReleasedViewer  # noqa: E402
from wanlink import WanLink  # noqa: E402

WHOLE, MIB, CHUNK = 5, 1 << 20, 1 << 20
DATA = BUILD / "bench" / "data"
CT_STUDY, CT_SERIES = f"2.25.{load.VERSION}", f"2.25.{load.VERSION}.1"  # as load.make() writes them
DOCUMENT = report.DOCUMENT.with_name("pull.md")
STUDIES = 100_000
SLICES, PICTURES, MBIT, RTT_MS = 2000, 8, 20, 20  # of the first image
MESSAGES = 20_000  # of one association: their numbers have 16 bits
INTRODUCTION = """# DICOMweb, measured

Written by `make bench-pull` (`tests/bench/pull.py`): yq-gateway, asked directly, against Orthanc with orthanc-dicomweb, each with the settings that it is
installed with; the same objects, over loopback, in turn. Times are medians (least-most of the rounds); ratios are ratios of medians of one run.
"""
SURNAMES = {"ZHANG": "张", "WANG": "王", "LI": "李", "ZHAO": "赵", "CHEN": "陈", "YANG": "杨", "HUANG": "黄", "ZHOU": "周", "WU": "吴", "XU": "徐", "SUN": "孙",
            "HU": "胡", "ZHU": "朱", "GAO": "高", "LIN": "林", "HE": "何", "GUO": "郭", "MA": "马", "LUO": "罗", "LIANG": "梁"}


class Answer:
    """One answer, read to its end: first byte and end in seconds, bytes, and the text when it is wanted."""

    def __init__(self, port, path, accept, cookie=None, keep=False):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        try:
            began = time.monotonic()
            connection.request("GET", path, headers={"Accept": accept, **({"Cookie": cookie} if cookie else {})})
            answer = connection.getresponse()
            assert answer.status == 200, (path, answer.status, answer.read(500))
            self.bytes, parts = 0, []
            buffer = memoryview(bytearray(CHUNK))
            self.first_s = None
            while got := answer.readinto(buffer):
                self.first_s = self.first_s or time.monotonic() - began
                self.bytes += got
                if keep:
                    parts.append(bytes(buffer[:got]))
            self.whole_s = time.monotonic() - began
            self.text = b"".join(parts)
        finally:
            connection.close()


def await_count(what, count, wanted):
    """For as long as it grows."""
    while (before := count()) < wanted:
        peers.await_true(what, lambda: count() > before)


class Gateway:
    title = "yq-gateway"

    def __init__(self, folder):
        self.ours = outgoing.Ours(folder)
        home = self.ours.home
        done = home.yqctl("account", "add", "bench", "--name", "bench", "--site", "SAMPLE", "--role", "radiographer", json=True)
        home.start("yq-gateway")
        self.api = home.api()
        self.api.login("bench", done["password"])
        self.home = home

    @property
    def pid(self):
        return self.home.running["yq-gateway"].pid

    def hold(self, data):
        self.ours.receive(data)

    def get(self, path, accept, keep=False):
        return Answer(self.home.http_port, "/dicom-web" + path, accept, self.api.cookie, keep)

    def restart(self):
        self.home.stop("yq-gateway")
        self.home.start("yq-gateway")

    def store_port(self):
        return self.home.dicom_port

    def rest(self, count):
        await_count("everything is in the ledger", lambda: int(self.ours.watcher.ask("SELECT count(*) FROM study")), count)

    def close(self):
        self.ours.close()


class Orthanc(outgoing.Orthanc):
    title = "Orthanc + orthanc-dicomweb"

    def __init__(self, folder):
        super().__init__(folder)
        self.start()
        assert self.ask("/plugins").count("dicom-web"), "the plugin orthanc-dicomweb is not installed"

    @property
    def pid(self):
        return self.process.pid

    def get(self, path, accept, keep=False):
        return Answer(self.http_port, "/dicom-web" + path, accept, None, keep)

    def restart(self):
        processes.stop(self.process)
        self._launch(["/usr/sbin/Orthanc", f"--logdir={self.folder}", self.folder / "etc"])
        self.await_ready()

    def loosen(self, is_loose):
        """Takes objects without syncing each and without the stall of an answer, to be filled; or all as installed again, to be measured."""
        self.has_nodelay = is_loose
        settings = self.folder / "etc" / "orthanc.json"
        text = settings.read_text()
        changed = re.sub(r'("SyncStorageArea"\s*:\s*)(true|false)', rf"\g<1>{'false' if is_loose else 'true'}", text)
        assert changed != text, "the setting is not where it was"
        settings.write_text(changed)
        self.restart()

    def store_port(self):
        return self.port

    def rest(self, count):
        await_count("everything is stored", self.held, count)

    def close(self):
        self.stop()


class Both:
    """The two with the same objects, in an order that turns."""

    def __init__(self, folder):
        self.folder, self.gateway, self.orthanc = folder, None, None

    def __enter__(self):
        self.gateway = Gateway(self.folder)
        self.orthanc = Orthanc(self.folder)
        return self

    def __exit__(self, *_):
        for one in (self.gateway, self.orthanc):
            if one is not None:
                one.close()

    def hold(self, data):
        for one in (self.gateway, self.orthanc):
            one.hold(data)

    def rounds(self, count, ask):
        """{title: [what ask(one) gives]}"""
        found = {self.gateway.title: [], self.orthanc.title: []}
        for number in range(count):
            for one in (self.gateway, self.orthanc) if number % 2 else (self.orthanc, self.gateway):
                found[one.title].append(ask(one))
        return found


def median(values):
    return statistics.median(values)


def milliseconds(values):
    return report.spread([value * 1000 for value in values])


def ratio_of(found, what, read, target=None):
    """Theirs over ours."""
    ours, theirs = ([read(one) for one in values] for values in found.values())
    return report.ratio(what, median(theirs) / median(ours), target)


# --- parts ------------------------------------------------------------------------------------------------------------------

def drop_caches():
    os.sync()
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")


def study(context):
    """A CT of 250 slices by WADO-RS: warm, the first byte when everything is cold, and what it costs in memory."""
    data = load.make("ct", 250, 512, DATA)
    accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
    with Both(context.folder) as both:
        both.hold(data)

        def warm(one):
            answer = one.get(f"/studies/{CT_STUDY}", accept)
            assert answer.bytes > data.bytes, "not all of it"
            context.say(f"    {one.title:<30} {answer.whole_s:6.2f} s, first byte {answer.first_s * 1000:7.1f} ms")
            return answer

        def cold(one):
            one.restart()
            drop_caches()
            return warm(one)
        warm(both.gateway), warm(both.orthanc)
        found = both.rounds(context.rounds, warm)
        before = processes.resident_bytes(both.gateway.pid)
        with processes.PeakWatch(both.gateway.pid) as watch:
            warm(both.gateway)
        chilled = both.rounds(context.rounds, cold) if os.getuid() == 0 else None
    growth = max(watch.bytes - before, 0) / MIB
    rows = [[title, report.spread([one.whole_s for one in answers]), report.number(data.bytes / MIB / median([one.whole_s for one in answers])),
             milliseconds([one.first_s for one in answers]), milliseconds([one.first_s for one in chilled[title]]) if chilled else "not measured"]
            for title, answers in found.items()]
    ratios = [ratio_of(found, "whole study, warm: Orthanc / ours", lambda one: one.whole_s, 1)]
    if chilled:
        ours, theirs = chilled[Gateway.title], chilled[Orthanc.title]
        ratios.append(report.ratio("cold: Orthanc's answer / our first byte", median([one.whole_s for one in theirs]) / median([one.first_s for one in ours]), 10))
        ratios.append(ratio_of(chilled, "cold: Orthanc's first byte / our first byte", lambda one: one.first_s))
    ratios.append(report.ratio("growth of the gateway's memory, MiB", growth, 8, is_most=True))
    return {"title": "WADO-RS of a CT of 250 slices", "notes": ["cold: the program was started anew and the page cache dropped"], "ratios": ratios,
            "tables": [{"title": "Answers", "head": ["server", "s", "MiB/s", "first byte, warm, ms", "first byte, cold, ms"], "rows": rows}]}


def metadata(context):
    """What a viewer reads before it shows anything."""
    data = load.make("ct", 250, 512, DATA)
    with Both(context.folder) as both:
        both.hold(data)

        def ask(one):
            answer = one.get(f"/studies/{CT_STUDY}/series/{CT_SERIES}/metadata", "application/dicom+json", keep=True)
            assert len(json.loads(answer.text)) == 250
            context.say(f"    {one.title:<30} {answer.whole_s * 1000:8.1f} ms")
            return answer
        ask(both.gateway), ask(both.orthanc)
        found = both.rounds(context.rounds, ask)
    return {"title": "Metadata of a series of 250 slices", "notes": [], "ratios": [ratio_of(found, "Orthanc / ours", lambda one: one.whole_s, 5)],
            "tables": [{"title": "Answers", "head": ["server", "ms", "kB"], "rows": [
                [title, milliseconds([one.whole_s for one in answers]), report.number(answers[0].bytes / 1000)] for title, answers in found.items()]}]}


def _small(number):
    chance = random.Random(number)
    latin = chance.choice(sorted(SURNAMES))
    dataset = dicomgen.sc(dicomgen.Study(seed=number), size=8)
    dataset.put(0x00080005, "CS", "ISO_IR 192")
    dataset.put(0x00100010, "PN", f"{latin}^BENCH{number % 5000}={SURNAMES[latin]}^测{number % 50}")
    dataset.put(0x00100020, "LO", f"B{number:06d}")
    dataset.put(0x00080020, "DA", f"2026{1 + chance.randrange(12):02d}{1 + chance.randrange(28):02d}")
    return dataset


def _fill(port, called, numbers):
    sop_class = _small(0).text(0x00080016)
    with dicomraw.Association("127.0.0.1", port, "CT1", called, [(sop_class, [dicomgen.EXPLICIT])], timeout=300) as peer:
        for number in numbers:
            dataset = _small(number)
            assert peer.store(sop_class, dataset.text(0x00080018), dataset.encode(dicomgen.EXPLICIT), dicomgen.EXPLICIT) in (0, 0xB000)


def _fill_all(port, called, count):
    for start in range(0, count, MESSAGES):
        _fill(port, called, range(start, min(start + MESSAGES, count)))


def qido(context):
    """Studies by the beginning of a name and a week, among a hundred thousand."""
    path = "/studies?PatientName=ZHANG*&StudyDate=20260301-20260307"
    with Both(context.folder) as both:
        began = time.monotonic()
        both.orthanc.loosen(True)
        with concurrent.futures.ProcessPoolExecutor(2) as pool:
            for done in [pool.submit(_fill_all, one.store_port(), called, context.studies) for one, called in ((both.gateway, "YINGQIAO"), (both.orthanc, "ORTHANC"))]:
                done.result()
        for one in (both.gateway, both.orthanc):
            one.rest(context.studies)
        both.orthanc.loosen(False)
        context.say(f"    both hold {context.studies} studies after {time.monotonic() - began:.0f} s")
        counts = set()

        def ask(one):
            answer = one.get(path, "application/dicom+json", keep=True)
            counts.add(len(json.loads(answer.text)))
            context.say(f"    {one.title:<30} {answer.whole_s * 1000:8.1f} ms")
            return answer
        ask(both.gateway), ask(both.orthanc)
        found = both.rounds(context.rounds, ask)
        assert len(counts) == 1, f"they do not find the same: {counts}"
    return {"title": f"QIDO-RS among {context.studies} studies, name and days", "notes": [f"`{path}`: {counts.pop()} studies, the same from both"],
            "ratios": [ratio_of(found, "Orthanc / ours", lambda one: one.whole_s, 3)],
            "tables": [{"title": "Answers", "head": ["server", "ms"], "rows": [[title, milliseconds([one.whole_s for one in answers])]
                                                                               for title, answers in found.items()]}]}


def _slices(count):
    """A CT of so many slices, a few pictures over and over."""
    study = dicomgen.Study(seed=1, study_uid="2.25.77", patient_id="FIRST1", accession="FIRST", description="")
    pictures = [dicomgen.ct(study, series_uid="2.25.77.1", number=1 + number, size=512, slices=PICTURES, frame_uid="2.25.78")[0x7FE00010] for number in range(PICTURES)]
    for number in range(1, count + 1):
        dataset = dicomgen.ct(study, series_uid="2.25.77.1", sop_uid=f"2.25.77.1.{number}", number=number, size=8, frame_uid="2.25.78", thickness=0.5)
        for tag in (0x00280010, 0x00280011):
            dataset.put(tag, "US", 512)
        dataset[0x7FE00010] = pictures[number % PICTURES]
        yield dataset


def _send(port, called, datasets):
    sop_class = dicomgen.SOP["ct"]
    with dicomraw.Association("127.0.0.1", port, "CT1", called, [(sop_class, [dicomgen.EXPLICIT])], timeout=300) as peer:
        for dataset in datasets:
            assert peer.store(sop_class, dataset.text(0x00080018), dataset.encode(dicomgen.EXPLICIT), dicomgen.EXPLICIT) in (0, 0xB000)


def first(context):
    """The first image of a CT of 2,000 slices in OHIF, over a link of 20 Mbit/s."""
    warm = dicomgen.Study(seed=2, study_uid="2.25.79", patient_id="FIRST2", accession="WARM", description="")
    with Both(context.folder) as both:
        for one, called in ((both.gateway, "YINGQIAO"), (both.orthanc, "ORTHANC")):
            _send(one.store_port(), called, [dicomgen.ct(warm, size=64)])
            _send(one.store_port(), called, _slices(SLICES))
        both.gateway.rest(2)
        peers.await_true("the study can be read", lambda: both.gateway.get("/studies/2.25.77/metadata", "application/dicom+json").bytes > 0)
        visits = _visits(context, both)
    rows = [[title, *(report.spread([one[what] / 1000 for one in ones]) for what in ("seen_ms", "metadata_ms"))] for title, ones in visits.items()]
    ours, same, released = visits.values()

    def ratio(what, theirs, target=None):
        return report.ratio(what, median([one["seen_ms"] for one in theirs]) / median([one["seen_ms"] for one in ours]), target)
    return {"title": f"The first image of a CT of {SLICES} slices in OHIF, {MBIT} Mbit/s and {RTT_MS} ms",
            "notes": ["a browser in which another study was opened three times before; until a picture is on the screen; WebGL is drawn by the processor here",
                      f"{ReleasedViewer.title}: the same version from npm, by nginx beside Orthanc, as OHIF's recipe has it (but browsers may keep its files)",
                      f"{Orthanc.title}: our viewer, aimed at Orthanc; what our page asks before OHIF has started is of use to our server only"],
            "ratios": [ratio("Orthanc with OHIF as released / ours", released, 2), ratio("Orthanc with our viewer / ours", same)],
            "tables": [{"title": "Seen", "head": ["server", "s", "of it the series' metadata, s"], "rows": rows}]}


def _visits(context, both):
    """{title: [what first_image.mjs says of a visit]}"""
    name, _, value = both.gateway.api.cookie.partition("=")
    with ReleasedViewer(context.folder, both.orthanc.http_port) as released, WanLink(both.gateway.home.http_port, rtt_ms=RTT_MS, mbit=MBIT) as near, \
            WanLink(both.orthanc.http_port, rtt_ms=RTT_MS, mbit=MBIT) as far, WanLink(released.port, rtt_ms=RTT_MS, mbit=MBIT) as theirs:
        page = f"http://127.0.0.1:{near.port}"
        servers = [{"title": Gateway.title, "page": page, "root": None}, {"title": Orthanc.title, "page": page, "root": f"http://127.0.0.1:{far.port}/dicom-web"},
                   {"title": ReleasedViewer.title, "page": f"http://127.0.0.1:{theirs.port}", "root": None}]
        wanted = {"cookie": {"name": name, "value": value}, "warm": "2.25.79", "study": "2.25.77", "rounds": context.rounds, "servers": servers}
        found = {one["title"]: [] for one in servers}
        with subprocess.Popen(["node", HERE / "first_image.mjs", json.dumps(wanted)], stdout=subprocess.PIPE, text=True) as browser:
            for line in browser.stdout:
                visit = json.loads(line)
                found[visit["title"]].append(visit)
                context.say(f"    {visit['title']:<48} {visit['seen_ms'] / 1000:8.2f} s")
    assert browser.returncode == 0 and all(len(visits) == context.rounds for visits in found.values())
    return found


PARTS = {"study": study, "metadata": metadata, "first": first, "qido": qido}


class Context:
    def __init__(self, rounds, studies, folder):
        self.rounds, self.studies, self.folder = rounds, studies, pathlib.Path(folder)

    @staticmethod
    def say(line):
        print(line, flush=True)


def run_part(name, given):
    folder = tempfile.mkdtemp(prefix="yq-bench-pull.", dir=given.place)
    pathlib.Path(folder).chmod(0o755)
    try:
        found = facts.gather(folder)
        return {**PARTS[name](Context(given.rounds, given.studies, folder)), "facts": found}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=WHOLE)
    parser.add_argument("--studies", type=int, default=STUDIES, help="of the part qido (default %(default)s)")
    parser.add_argument("--place", default="/var/tmp", help="folder on the disk to measure; needs 3 GB (default %(default)s)")
    parser.add_argument("part", nargs="*", choices=[[], *PARTS], metavar="PART", help=f"{', '.join(PARTS)} (default: all)")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for name in given.part or list(PARTS):
        print(f"{name}:", flush=True)
        part = run_part(name, given)
        report.show(part, lambda line: print(line, flush=True))
        if given.rounds >= WHOLE:
            report.keep("pull_" + name, part)
            print(f"\nwritten: {report.write_document(DOCUMENT, INTRODUCTION, ['pull_' + one for one in PARTS])}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
