"""Modalities at work, several at once, each over an association of its own: what they send, what they were told, and how they come back.

    senders = [Sender(home, objects) for objects in batches]
    start_all(senders)
    ...                               # stop, kill, fill something
    join_all(senders)
    [one for sender in senders for one in sender.objects if one.status == 0]       # acknowledged

A sender that loses its association comes back as soon as somebody listens. What was under way then and got no answer is sent again, or not,
as it was told to do.
"""
import threading
import time

import dicomgen
from dicomraw import Association, Gone, Rejected
from receiving import CALLING, PATIENCE_S, Sent

SMALL, MIDDLE, LARGE = 10_000, 600_000, 5_000_000  # bytes of pixels


def make_objects(random, sizes):
    """Images of one new study, one for each size; the same random numbers give the same images."""
    study = dicomgen.Study(name="CHEN^MEI=陈^梅", patient_id="TS-%08d" % random.randrange(10**8), seed=random.getrandbits(64))
    series = study.random.uid()
    objects = []
    for number, size in enumerate(sizes, 1):
        image = dicomgen.sc(study, series_uid=series, number=number, size=1)
        rows, columns = size // 1000, 1000
        for tag, vr, value in ((0x00280010, "US", rows), (0x00280011, "US", columns), (0x7FE00010, "OB", random.randbytes(rows * columns))):
            image.put(tag, vr, value)
        objects.append(Sent(image))
    return objects


class Tally:
    """Bytes that all senders have given to the network; `reached` is set when they are so many."""

    def __init__(self, threshold=None):
        self._lock = threading.Lock()
        self.bytes, self.threshold, self.reached = 0, threshold, threading.Event()

    def add(self, count):
        with self._lock:
            self.bytes += count
            if self.threshold is not None and self.bytes >= self.threshold:
                self.reached.set()


class _Counted(Association):
    def __init__(self, *arguments, tally, **more):
        self.tally = tally
        super().__init__(*arguments, **more)

    def send(self, data):
        self.tally.add(len(data))
        super().send(data)


class Sender(threading.Thread):
    def __init__(self, home, objects, *, resends=True, pdv_size=None, tally=None):
        """objects: a list, or a generator, of which as many are sent as come before finish(). pdv_size: bytes of a fragment."""
        super().__init__(daemon=True)
        self.home, self._waiting = home, iter(objects)
        self.objects = []  # those that it has begun to send
        self.resends, self.pdv_size, self.tally = resends, pdv_size, tally or Tally()
        self.losses = self.sent_again = 0
        self.failure = None
        self._is_finishing = threading.Event()

    def finish(self):
        """No further object."""
        self._is_finishing.set()

    # --- its thread ---------------------------------------------------------------------------------------------

    def run(self):
        try:
            one = self._next()
            while one:
                one = self._send_from(one)
        except Exception as failure:  # noqa: BLE001 (shown by join_all)
            self.failure = failure

    def _next(self):
        one = None if self._is_finishing.is_set() else next(self._waiting, None)
        if one:
            self.objects.append(one)
        return one

    def _send_from(self, one):
        """Over one association; returns what is to be sent over the next one."""
        began = False
        try:
            with self._associate() as peer:
                while one:
                    began = True
                    one.status = peer.store(one.sop_class, one.uid, one.bytes, one.syntax, pdv_size=self.pdv_size)
                    began = False
                    one = self._next()
        except (Gone, OSError):
            self.losses += 1
            if began and not self.resends:
                return self._next()
            self.sent_again += began
        return one

    def _associate(self):
        contexts = [(dicomgen.SOP["sc"], [dicomgen.EXPLICIT])]
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return _Counted("127.0.0.1", self.home.dicom_port, CALLING, "YINGQIAO", contexts, tally=self.tally)
            except (Gone, OSError, Rejected):
                if time.monotonic() > deadline:
                    raise
                threading.Event().wait(0.02)  # nobody listens: a modality tries again


def start_all(senders):
    for sender in senders:
        sender.start()


def finish_all(senders):
    """Those with more to send than anybody waits for: none begins another object."""
    for sender in senders:
        sender.finish()
    join_all(senders)


def join_all(senders):
    """Until each has sent what it has."""
    for sender in senders:
        sender.join(2 * PATIENCE_S)
        assert not sender.is_alive(), "a sender does not come to its end"
        if sender.failure:
            raise sender.failure
