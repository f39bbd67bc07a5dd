# SPDX-License-Identifier: Apache-2.0
"""A bad line: a TCP proxy of our own between a device and its hub, for delay, rate, stalls and cuts at any byte."""
import asyncio
import contextlib
import socket
import threading
import time

PIECE = 16384


class Line:
    """line = Line(port) listens on line.port and passes on to 127.0.0.1:port. All settings may be changed at any time.

    buffer_bytes is what waits inside of it at most, about, when what comes is too fast: it may be as a modem's.

    delay_s       each piece arrives so much later, in both directions
    bytes_per_s   of each direction; None: without bound
    stall         (every_bytes, seconds): what loss does to TCP, a pause after so many bytes
    cut_up/down   bytes after which the connection is reset, counted from when it is set; None: never
    flip_up       the byte at this place from now on has a bit flipped, once
    """

    def __init__(self, port, buffer_bytes=None):
        self.target = port
        self.buffer_bytes = buffer_bytes
        self.delay_s, self.bytes_per_s, self.stall = 0.0, None, None
        self.cut_up = self.cut_down = self.flip_up = None
        self.silent = False  # swallows everything, closes nothing
        self.up_bytes = self.down_bytes = self.connections = 0
        self._open, self._is_down = set(), False
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    # --- what a test does to it ---

    def down(self):
        """Nobody answers any more; what was open is reset."""
        self._is_down = True
        self.reset()

    def up(self):
        self._is_down = False

    def reset(self):
        asyncio.run_coroutine_threadsafe(self._reset(), self._loop).result(10)

    def is_empty(self):
        """No connection is open."""
        return not self._open

    def stop(self):
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)

    # --- the line ---

    def _run(self):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(
            self._serve, "127.0.0.1", 0, limit=self.buffer_bytes // 4 if self.buffer_bytes else PIECE))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError, RuntimeError):
            self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _reset(self):
        for writer in list(self._open):
            abort(writer)

    async def _serve(self, reader, writer):
        if self._is_down:
            abort(writer)
            return
        self.connections += 1
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target, limit=PIECE)
        except OSError:
            abort(writer)
            return
        if self.buffer_bytes:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.buffer_bytes // 2)
        pair = {writer, up_writer}
        self._open |= pair
        tasks = [asyncio.ensure_future(self._carry(reader, up_writer, "up")),
                 asyncio.ensure_future(self._carry(up_reader, writer, "down"))]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait(tasks, timeout=2)
        for one in pair:
            abort(one)
        for task in tasks:
            task.cancel()
        self._open -= pair

    def _piece(self):
        """Of a slow line, what it carries in 20 ms."""
        return min(PIECE, max(512, self.bytes_per_s // 50)) if self.bytes_per_s else PIECE

    async def _carry(self, reader, writer, way):
        queue = asyncio.Queue(maxsize=64)
        sender = asyncio.ensure_future(self._deliver(queue, writer, way))
        try:
            while data := await reader.read(self._piece()):
                await queue.put((time.monotonic() + self.delay_s, data))
                if self.bytes_per_s:  # here, so that what is too fast waits where it came from
                    await asyncio.sleep(len(data) / self.bytes_per_s)
        except (OSError, asyncio.IncompleteReadError):
            pass
        await queue.put((time.monotonic() + self.delay_s, b""))
        await sender

    async def _deliver(self, queue, writer, way):
        since_stall = 0
        while True:
            due, data = await queue.get()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if not data:
                with contextlib.suppress(OSError, RuntimeError):
                    writer.write_eof()
                return
            if self.silent:
                continue
            data, cut = self._meddle(data, way)
            if writer.is_closing():
                continue
            with contextlib.suppress(OSError, RuntimeError):
                writer.write(data)
                await writer.drain()
            setattr(self, f"{way}_bytes", getattr(self, f"{way}_bytes") + len(data))
            if cut:
                await self._reset()
                return
            since_stall += len(data)
            if self.stall and since_stall >= self.stall[0]:
                since_stall = 0
                await asyncio.sleep(self.stall[1])

    def _meddle(self, data, way):
        cut = False
        left = getattr(self, f"cut_{way}")
        if left is not None:
            if left <= len(data):
                data, cut = data[:left], True
                setattr(self, f"cut_{way}", None)
            else:
                setattr(self, f"cut_{way}", left - len(data))
        if way == "up" and self.flip_up is not None:
            if self.flip_up < len(data):
                changed = bytearray(data)
                changed[self.flip_up] ^= 1
                data, self.flip_up = bytes(changed), None
            else:
                self.flip_up -= len(data)
        return data, cut


def abort(writer):
    """A reset, not a polite end."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    with contextlib.suppress(RuntimeError):
        writer.transport.abort()
