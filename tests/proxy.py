"""A proxy between a store and its Postgres that can lose answers, freeze, or be gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

SOCKET = ".s.PGSQL.5432"


class Proxy:
    """`url` leads through it.

    `lose_answer_to` is a word: the answer to what holds it is cut off, and with `stays_away_then`
    nobody gets through afterwards. What holds `lose_question_with` never reaches the server.
    """

    def __init__(self, behind: Path, url: str) -> None:
        self.url = url
        self.lose_answer_to: bytes | None = None
        self.lose_question_with: bytes | None = None
        self.lost = 0
        self.stays_away = False
        self.stays_away_then = False
        self._thawed = asyncio.Event()
        self._thawed.set()
        self._behind = behind
        self._writers: set[asyncio.StreamWriter] = set()
        self._conversations: set[asyncio.Task[None]] = set()

    def freeze(self) -> None:
        """Hold every byte back, as a server does that is stopped."""
        self._thawed.clear()

    def thaw(self) -> None:
        self._thawed.set()

    async def close(self) -> None:
        """End every connection, and see them ended."""
        self.thaw()
        for writer in list(self._writers):
            writer.close()
        await asyncio.gather(*self._conversations, return_exceptions=True)

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.stays_away:
            writer.close()
        else:
            conversation = asyncio.create_task(self._converse(reader, writer))
            self._conversations.add(conversation)
            conversation.add_done_callback(self._conversations.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(str(self._behind))
        ends = (writer, far_writer)
        self._writers.update(ends)
        answers = asyncio.create_task(self._answers(far_reader, writer))
        questions = asyncio.create_task(self._questions(reader, far_writer, answers))
        ways = (questions, answers)
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        if answers.cancelled():
            await questions
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for end in ends:
            end.close()
        await asyncio.gather(*(end.wait_closed() for end in ends), return_exceptions=True)
        self._writers.difference_update(ends)

    async def _questions(
        self, reader: asyncio.StreamReader, far: asyncio.StreamWriter, answers: asyncio.Task[None]
    ) -> None:
        while data := await reader.read(1 << 16):
            await self._thawed.wait()
            if self.lose_question_with is not None and self.lose_question_with in data:
                self.lose_question_with = None
                self.lost += 1
                return
            losing = self.lose_answer_to is not None and self.lose_answer_to in data
            if losing:
                self.lose_answer_to = None
                self.lost += 1
                self.stays_away = self.stays_away_then
                answers.cancel()
            far.write(data)
            await far.drain()
            if losing:
                # Long enough for the server to commit before its client seems gone.
                await asyncio.sleep(0.3)
                return

    async def _answers(self, far: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await far.read(1 << 16):
            await self._thawed.wait()
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def proxied(database_url: str, folder: Path) -> AsyncIterator[Proxy]:
    """A proxy to `database_url`, a unix-socket URL, with its own socket in `folder`."""
    behind = Path(str(conninfo_to_dict(database_url)["host"])) / SOCKET
    proxy = Proxy(behind, make_conninfo(database_url, host=str(folder)))
    server = await asyncio.start_unix_server(proxy.serve, path=str(folder / SOCKET))
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
        await server.wait_closed()
