"""Sessions of a page without a browser: they keep its parts drawn, as Streamlit's own script in a browser does."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect


class Session:
    """One visitor's session of a page.

    Attributes:
        drawings: scripts of the page, and of its parts, that have ended.
    """

    def __init__(self, socket: ClientConnection, page: str, query: str) -> None:
        self._socket, self._page, self._query = socket, page, query
        self._script = ""
        self._parts: dict[str, asyncio.Task[None]] = {}
        self.drawings = 0

    async def run(self) -> None:
        """Ask for the page, and go on until the socket closes."""
        await self._ask()
        try:
            async for message in self._socket:
                assert isinstance(message, bytes)
                await self._take(ForwardMsg.FromString(message))
        finally:
            self._forget(self._parts)

    async def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._script = message.new_session.page_script_hash
        elif kind == "auto_rerun":
            part = message.auto_rerun.fragment_id
            self._forget([part])
            self._parts[part] = asyncio.create_task(self._keep(part, message.auto_rerun.interval))
        elif kind == "stop_auto_rerun":
            self._forget(message.stop_auto_rerun.fragment_ids)
        elif kind == "script_finished":
            self.drawings += 1

    async def _keep(self, part: str, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            await self._ask(part)

    async def _ask(self, part: str = "") -> None:
        asked = BackMsg()
        asked.rerun_script.query_string = self._query
        if part:
            asked.rerun_script.fragment_id, asked.rerun_script.is_auto_rerun = part, True
            asked.rerun_script.page_script_hash = self._script
        else:
            asked.rerun_script.page_name = self._page
        await self._socket.send(asked.SerializeToString())

    def _forget(self, parts: Iterable[str]) -> None:
        for part in list(parts):
            if task := self._parts.pop(part, None):
                task.cancel()


@asynccontextmanager
async def sessions(url: str, page: str, query: str, count: int) -> AsyncIterator[list[Session]]:
    """Open so many sessions of a page of the lab at ``url``, and close them in the end."""
    address = url.replace("http://", "ws://") + "/_stcore/stream"
    sockets = [await connect(address, origin=url, subprotocols=["streamlit"], max_size=None) for _ in range(count)]  # type: ignore[arg-type, list-item]
    opened = [Session(socket, page, query) for socket in sockets]
    tasks = [asyncio.create_task(session.run()) for session in opened]
    try:
        yield opened
    finally:
        for socket in sockets:
            await socket.close()
        await asyncio.gather(*tasks, return_exceptions=True)
