# SPDX-License-Identifier: Apache-2.0
"""A line to a server that can be cut, frozen and mended: a proxy for TCP, on a thread."""
import asyncio
import threading


class Line:
    """Cut: what is connected is reset, and nobody is let in. Frozen: bytes go in and none comes out,
    as when a laptop sleeps or a router forgets."""

    def __init__(self, address, port, to):
        self.address, self.port, self.to = address, port, to
        self.writers = set()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self._call(self._begin())

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    async def _begin(self):
        self.moving = asyncio.Event()
        self.moving.set()
        await self._listen()

    async def _listen(self):
        self.server = await asyncio.start_server(self._serve, self.address, self.port)

    async def _serve(self, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.to)
        except OSError:
            writer.transport.abort()
            return
        self.writers |= {writer, far_writer}
        await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))
        self.writers -= {writer, far_writer}

    async def _carry(self, reader, writer):
        try:
            while data := await reader.read(1 << 16):
                await self.moving.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    async def _cut(self):
        self.server.close()
        for w in self.writers:
            w.transport.abort()
        await self.server.wait_closed()

    async def _mend(self):
        self.moving.set()
        if not self.server.is_serving():
            await self._listen()

    async def _freeze(self):
        self.moving.clear()

    def cut(self):
        self._call(self._cut())

    def freeze(self):
        self._call(self._freeze())

    def mend(self):
        self._call(self._mend())

    def close(self):
        self.cut()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(30)
