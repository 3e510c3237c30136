"""What is sent, and who sends it: studies made once and kept, and DCMTK's storescu with and without TCP_NODELAY.

Every association gets study, series and SOP instance UIDs of its own (storescu +II +IR +IS), so that no receiver sees an object twice.
"""
import concurrent.futures
import datetime
import os
import pathlib
import select
import shutil
import time

import dicomgen
from processes import spawn, stop

VERSION = 1  # of the data: another one makes them anew
CT_SIZE, DR_SIZE = 512, 2448
CLIENT_LIMIT_S = 1800


class Data:
    """A folder of part 10 files that one association sends, `repeat` times over."""

    def __init__(self, name, folder, files, repeat=1):
        self.name, self.folder, self.repeat = name, folder, repeat
        self.paths = sorted(folder.glob("*.dcm"))
        assert len(self.paths) == files, f"{folder}: {len(self.paths)} files, not {files}"
        self.images = files * repeat
        self.bytes = sum(path.stat().st_size for path in self.paths) * repeat


def _write(kind, number, count, size, path):
    study = dicomgen.Study(seed=number, study_uid=f"2.25.{VERSION}", description="", accession="BENCH",
                           when=datetime.datetime(2026, 1, 5, 9, 30))
    if kind == "ct":
        dataset = dicomgen.ct(study, series_uid=f"2.25.{VERSION}.1", number=number + 1, size=size, slices=count, frame_uid="2.25.2")
    else:
        dataset = dicomgen.dr(study, series_uid=f"2.25.{VERSION}.2", number=number + 1, size=size)
    dicomgen.write_part10(str(path), dataset)


def make(kind, count, size, folder, repeat=1):
    """count files of one kind (ct, dr); made by all cores, only when they are not there yet."""
    place = pathlib.Path(folder) / f"{kind}-{count}-{size}-v{VERSION}"
    if not place.is_dir():
        new = place.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
            for done in [pool.submit(_write, kind, number, count, size, new / f"{kind}-{number:04d}.dcm") for number in range(count)]:
                done.result()
        new.rename(place)
    data = Data(kind, place, count, repeat)
    for path in data.paths:  # into the page cache: the disk is the receiver's
        path.read_bytes()
    return data


class Load:
    """So many associations side by side, each with all of the data, by a client as installed or with TCP_NODELAY=1."""

    def __init__(self, data, associations, is_stock):
        self.data, self.associations, self.is_stock = data, associations, is_stock
        self.images = associations * data.images
        self.key = (data.name, associations, "stock" if is_stock else "nodelay")

    def __str__(self):
        return f"{self.data.name.upper()}, {self.associations} assoc., {'stock client' if self.is_stock else 'TCP_NODELAY client'}"


def client_environment(is_stock):
    env = {key: value for key, value in os.environ.items() if key != "TCP_NODELAY"}
    return env if is_stock else {**env, "TCP_NODELAY": "1"}


def assert_environment(process, is_stock):
    """As the running client has it, not as we meant it. For a moment after exec(2) the kernel shows nothing at all."""
    environment = b""
    while not environment and process.poll() is None:
        environment = pathlib.Path(f"/proc/{process.pid}/environ").read_bytes()
    assert environment, "the client ended before its environment was seen"
    found = [item for item in environment.split(b"\0") if item.startswith(b"TCP_NODELAY=")]
    wanted = [] if is_stock else [b"TCP_NODELAY=1"]
    assert found == wanted, f"the client runs with {found}, not with {wanted}"


def start_client(port, data, is_stock, log, repeat=None, calling="CT1", called="YINGQIAO"):
    """One storescu. One study and one series an association."""
    repeat = repeat or data.repeat
    count = str(len(data.paths) * repeat)
    command = ["storescu", "-aet", calling, "-aec", called, "+II", "+IR", count, "+IS", "1", "--repeat", str(repeat),
               "127.0.0.1", str(port), "+sd", str(data.folder)]
    client = spawn(command, client_environment(is_stock), log)
    assert_environment(client, is_stock)
    return client


def _has_ended(client, seconds):
    """To the millisecond: Popen.wait() with a limit looks only every 50 ms, a third of what the fastest runs take."""
    if client.poll() is not None:
        return True
    waiting = os.pidfd_open(client.pid)
    try:
        return bool(select.select([waiting], [], [], max(0, seconds))[0])
    finally:
        os.close(waiting)


def finish(clients, log, until=None):
    """Waits for all; an object that was not taken is a failure, since storescu then ends with a status."""
    until = until or time.monotonic() + CLIENT_LIMIT_S
    for client in clients:
        assert _has_ended(client, until - time.monotonic()), "the clients do not come to their end"
        status = client.wait()
        assert status == 0, f"storescu ended with status {status}: {pathlib.Path(log).read_text(errors='replace')[-1500:]}"


def send(load, port, log, calling="CT1", called="YINGQIAO"):
    """Seconds from the first client's start to the last one's end."""
    clients = []
    began = time.monotonic()
    try:
        for _ in range(load.associations):
            clients.append(start_client(port, load.data, load.is_stock, log, calling=calling, called=called))
        finish(clients, log)
        return time.monotonic() - began
    finally:
        for client in clients:
            stop(client)
