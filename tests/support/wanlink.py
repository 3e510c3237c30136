"""A poor wide-area link between two loopback ports: delay, a rate that all connections share, and cuts by command.

    with WanLink(peer_port, rtt_ms=80, mbit=20) as link:
        ...                      # whoever connects to link.port reaches the peer
        link.cut_after(300_000)  # the link breaks when so many more bytes have gone up
        assert link.broken.wait(60)
        link.mend()

or as a program, commands (cut, freeze, mend, cut_after BYTES, totals) on its standard input, one a line:

    wanlink.py LISTEN_PORT TARGET_PORT [--rtt-ms 80] [--mbit 20]

What is emulated: half of the round trip each way, a round trip more for the first bytes of a connection (its handshake), the rate of each direction, and a
queue in front of it that is as long as the link. What is not: loss of single packets and TCP's slow start.
"""
import argparse
import asyncio
import socket
import struct
import sys
import threading
import time

CHUNK = 8192
AHEAD_S = 0.02  # so much of the rate may be taken before its time: what keeps the wire busy between two looks
WINDOW_MIN = 128 * 1024
PATIENCE_S = 30


class _Lane:
    """One direction of the wire."""

    def __init__(self, link):
        self.link, self.free_at, self.bytes = link, 0.0, 0

    async def take(self, size):
        """When so many bytes arrive at the other end. Returns once the wire is ready for more of this connection."""
        now = time.monotonic()
        self.free_at = max(now, self.free_at) + (size * 8 / (self.link.mbit * 1e6) if self.link.mbit else 0)
        self.bytes += size
        if self.free_at - now > AHEAD_S:
            await asyncio.sleep(self.free_at - now - AHEAD_S)
        return self.free_at + self.link.rtt_ms / 2000


class WanLink:
    def __init__(self, target_port, *, rtt_ms=0, mbit=0, listen_port=0):
        """mbit: megabits a second in each direction, 0: as fast as it goes. listen_port 0: one that is free."""
        self.target_port, self.rtt_ms, self.mbit, self.port = target_port, rtt_ms, mbit, listen_port
        self.up, self.down = _Lane(self), _Lane(self)
        self.connections, self.cuts = 0, 0
        self.broken = threading.Event()  # the link was cut and is not mended
        self.passed = threading.Event()  # as many bytes went up as alarm_after() says
        self._writers, self._alarm_at, self._cut_at, self._loop, self._ready = set(), None, None, None, threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(PATIENCE_S), "the link does not listen"
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(PATIENCE_S)

    # --- commands, from any thread ----------------------------------------------------------------------------------

    def cut(self):
        """Every connection breaks, and new ones do until mend()."""
        self._call(self._break)

    def freeze(self):
        """Nothing passes until mend(); connections stay."""
        self._call(self._flowing.clear)

    def mend(self):
        self._call(self._mend)

    def cut_after(self, size):
        """Breaks when so many more bytes have gone up."""
        self._call(lambda: setattr(self, "_cut_at", self.up.bytes + size))

    def alarm_after(self, size):
        """Sets `passed` when so many more bytes have gone up."""
        self.passed.clear()
        self._call(lambda: setattr(self, "_alarm_at", self.up.bytes + size))

    def totals(self):
        return {"up": self.up.bytes, "down": self.down.bytes, "connections": self.connections, "cuts": self.cuts}

    def _call(self, function):
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (function(), done.set()))
        assert done.wait(PATIENCE_S), "the link does not answer"

    # --- in the thread of the link ------------------------------------------------------------------------------------

    async def _run(self):
        self._loop, self._ended, self._flowing = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        self._flowing.set()
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=CHUNK)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._ended.wait()
        server.close()
        self._drop_all()

    def _look_at_count(self):
        if self._alarm_at is not None and self.up.bytes >= self._alarm_at:
            self._alarm_at = None
            self.passed.set()
        if self._cut_at is not None and self.up.bytes >= self._cut_at:
            self._break()

    def _break(self):
        self._cut_at = None
        self.cuts += 1
        self.broken.set()
        self._drop_all()

    def _mend(self):
        self.broken.clear()
        self._flowing.set()

    def _drop_all(self):
        for writer in list(self._writers):
            self._drop(writer)

    @staticmethod
    def _drop(writer):
        """With a reset, so that neither side takes it for a proper end."""
        raw = writer.get_extra_info("socket")
        if raw is not None and raw.fileno() >= 0:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def _accept(self, reader, writer):
        self.connections += 1
        if self.broken.is_set():
            self._drop(writer)
            return
        self._writers.add(writer)
        away = None
        try:
            far_reader, away = await asyncio.open_connection("127.0.0.1", self.target_port, limit=CHUNK)
            self._writers.add(away)
            for one in (writer, away):
                one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened = time.monotonic() + self.rtt_ms / 1000
            await asyncio.gather(self._carry(reader, away, self.up, opened), self._carry(far_reader, writer, self.down, 0))
        except (OSError, asyncio.CancelledError):  # broken, or the link ends
            pass
        finally:
            for one in filter(None, (writer, away)):
                self._writers.discard(one)
                self._drop(one) if self.broken.is_set() or away is None else one.close()

    async def _carry(self, reader, writer, lane, not_before):
        """Until the sender ends its side; that, too, arrives when its time has come."""
        window = max(WINDOW_MIN, int(2 * self.mbit * 125 * self.rtt_ms))
        queue, room = asyncio.Queue(), asyncio.Semaphore(window // CHUNK)
        delivering = asyncio.create_task(self._deliver(queue, writer, room))
        try:
            while data := await reader.read(CHUNK):
                await room.acquire()
                await self._flowing.wait()
                arrives = await lane.take(len(data))
                if lane is self.up:
                    self._look_at_count()
                queue.put_nowait((max(arrives, not_before + self.rtt_ms / 2000), data))
            queue.put_nowait((time.monotonic() + self.rtt_ms / 2000, b""))
            await delivering
        finally:
            delivering.cancel()

    async def _deliver(self, queue, writer, room):
        while True:
            arrives, data = await queue.get()
            if (wait_s := arrives - time.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            await self._flowing.wait()
            if not data:
                writer.write_eof()
                return
            writer.write(data)
            await writer.drain()
            room.release()


def main():
    options = argparse.ArgumentParser(description="a poor wide-area link between two loopback ports; commands on standard input")
    options.add_argument("listen", type=int)
    options.add_argument("target", type=int)
    options.add_argument("--rtt-ms", type=float, default=80)
    options.add_argument("--mbit", type=float, default=20)
    given = options.parse_args()
    with WanLink(given.target, rtt_ms=given.rtt_ms, mbit=given.mbit, listen_port=given.listen) as link:
        for line in sys.stdin:
            name, *numbers = line.split() or [""]
            if name not in ("cut", "freeze", "mend", "cut_after", "totals"):
                print(f"unknown: {name}", file=sys.stderr)
                continue
            print(getattr(link, name)(*map(int, numbers)) or name, flush=True)


if __name__ == "__main__":
    main()
