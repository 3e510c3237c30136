"""One load on one receiver, and rounds of them: all receivers one after the other, the order turned by one each round."""
import concurrent.futures
import os
import pathlib
import shutil
import statistics
import time

import load as loads
import processes

MIB = 1 << 20


class Sample:
    """What one load did to one receiver. settle_s: from the last answer until everything is where it belongs."""

    def __init__(self, images, seconds, cpu_s=None, peak_bytes=None, ledger_bytes=None, settle_s=None):
        self.rate = images / seconds
        self.cpu_ms = None if cpu_s is None else cpu_s * 1000 / images
        self.peak_mib = None if peak_bytes is None else peak_bytes / MIB
        self.ledger_mib = None if ledger_bytes is None else ledger_bytes / MIB
        self.settle_s = settle_s
        self.whole_rate = None if settle_s is None else images / (seconds + settle_s)


def settle(receiver, count):
    """Waits until the receiver says that it has so many; fails when it has others. Returns the seconds."""
    began = time.monotonic()
    if hasattr(receiver, "await_held"):
        receiver.await_held(count)
    else:
        found = receiver.held()
        assert found in (None, count), f"{receiver.key} has {found} objects, {count} were sent"
    return time.monotonic() - began


def _all_roots(receiver):
    return receiver.roots + ([receiver.ledger_root] if receiver.ledger_root else [])


def _cpu(receiver):
    watcher = getattr(receiver, "watcher", None)
    return processes.cpu_seconds(_all_roots(receiver), without=[watcher.pid] if watcher else [])


def measure(receiver, load, already):
    """already: what it was sent since its start. The disk is quiet when it begins."""
    os.sync()
    before = _cpu(receiver)
    with processes.PeakWatch(receiver.roots[0]) as peak:
        seconds = loads.send(load, receiver.port, receiver.log)
        settle_s = settle(receiver, already + load.images)
    ledger = processes.shared_out_bytes([receiver.ledger_root]) if receiver.ledger_root else None
    return Sample(load.images, seconds, _cpu(receiver) - before, peak.bytes, ledger, settle_s)


class Rounds:
    """samples[(receiver key, load key)] -> one Sample a round."""

    def __init__(self, say):
        self.samples, self.say = {}, say

    def add(self, receiver, load, sample):
        self.samples.setdefault((receiver.key, load.key), []).append(sample)
        cpu = "" if sample.cpu_ms is None else f"  {sample.cpu_ms:6.2f} ms CPU"
        self.say(f"    {receiver.title:<42} {str(load):<34} {sample.rate:8.1f}/s{cpu}")

    def turn(self, receiver, the_loads, warm_up):
        """A start, a few objects unmeasured, every load, a stop."""
        receiver.start()
        try:
            loads.send(warm_up, receiver.port, receiver.log)
            sent = warm_up.images
            settle(receiver, sent)
            for load in the_loads:
                self.add(receiver, load, measure(receiver, load, sent))
                sent += load.images
            return sent
        finally:
            receiver.stop()

    def run(self, receivers, the_loads, warm_up, rounds, after_round=None):
        for number in range(rounds):
            self.say(f"  round {number + 1} of {rounds}")
            at = number % len(receivers)
            for receiver in receivers[at:] + receivers[:at]:
                self.turn(receiver, the_loads, warm_up)
            if after_round:
                after_round(self)

    def values(self, receiver, load, field="rate"):
        """One a round; None where it was not measured."""
        found = [getattr(sample, field) for sample in self.samples.get((receiver, load), [])]
        return None if not found or None in found else found


def middle(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


# --- the floor without any receiver -----------------------------------------------------------------------------------------

class NewFile:
    """A new file and one fdatasync an object."""
    key, title = "raw_new_file", "raw: new file + fdatasync an object (floor)"

    def prepare(self, folder, size):
        self.folder = folder

    def write(self, number, content):
        handle = os.open(self.folder / str(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        self._put(handle, content, 0)
        os.close(handle)

    @staticmethod
    def _put(handle, content, at):
        assert os.pwrite(handle, content, at) == len(content)
        os.fdatasync(handle)

    def finish(self):
        pass


class WrittenFile(NewFile):
    """One fdatasync an object into a file that was written before: no metadata changes."""
    key, title = "raw_written_file", "raw: pre-written file + fdatasync (floor)"

    def prepare(self, folder, size):
        self.handle, self.at = os.open(folder / "written", os.O_RDWR | os.O_CREAT), 0
        for at in range(0, size, MIB):
            os.pwrite(self.handle, bytes(MIB), at)
        os.fsync(self.handle)

    def write(self, number, content):
        self._put(self.handle, content, self.at)
        self.at += len(content)

    def finish(self):
        os.close(self.handle)


class OnePage(WrittenFile):
    """The least that a durable answer can cost, whatever the object: one page of a file that was written before, and its fdatasync."""
    key, title = "raw_one_page", "raw: 4 KiB into a pre-written file + fdatasync (floor)"

    def write(self, number, content):
        self._put(self.handle, content[:4096], self.at)
        self.at += len(content)


RAW = (NewFile, WrittenFile, OnePage)


def _write_all(writer, contents, repeat):
    for turn in range(repeat):
        for number, content in enumerate(contents):
            writer.write(turn * len(contents) + number, content)


def measure_raw(make_writer, load, folder):
    """The bytes of the load, by as many threads as it has associations."""
    contents = [path.read_bytes() for path in load.data.paths]
    place = pathlib.Path(folder) / "raw"
    writers = [make_writer() for _ in range(load.associations)]
    try:
        for number, writer in enumerate(writers):
            (place / str(number)).mkdir(parents=True)
            writer.prepare(place / str(number), load.data.bytes)
        os.sync()
        with concurrent.futures.ThreadPoolExecutor(len(writers)) as pool:
            began = time.monotonic()
            for done in [pool.submit(_write_all, writer, contents, load.data.repeat) for writer in writers]:
                done.result()
            return Sample(load.images, time.monotonic() - began)
    finally:
        for writer in writers:
            writer.finish()
        shutil.rmtree(place, ignore_errors=True)
