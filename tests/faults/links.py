"""Links between the parts of the lab: proxies that stall, slow down, cut and lose what goes through them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.faults.conversations import Conversation, Ends, reset
from tests.faults.repeats import Repeats

Target = Callable[[], Path | int]
"""Where a link leads to at the moment: the path of a socket, or a port of this machine."""

Name = tuple[str, str]
"""Who asks and who is asked: `("server-1", "postgres")`, `("client", "server-1")`."""

LISTEN_BACKLOG: Final = 1024


class Link:
    """A port of this machine behind which `target` answers, as long as nothing is wrong with the way there.

    `cuts` counts the answers that were lost by `cut_after`, `hits` how often anybody was
    cut off or turned away.
    """

    def __init__(self, name: Name, target: Target, chance: random.Random) -> None:
        self.name = name
        self.target = target
        self.port = 0
        self.cuts = 0
        self.hits = 0
        self.cut_word: bytes | None = None
        self.repeats: Repeats | None = None
        self.thawed = asyncio.Event()
        self.thawed.set()
        self._chance = chance
        self._delay_s = (0.0, 0.0)
        self._is_refusing = False
        self._server: asyncio.Server | None = None
        self._conversations: dict[Conversation, asyncio.Task[None]] = {}

    async def open(self) -> None:
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self.port, backlog=LISTEN_BACKLOG
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server:
            self._server.close()
        tasks = [*self._conversations.values()]
        self.reset()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def conversations(self) -> int:
        """How many connections go through it now."""
        return len(self._conversations)

    @property
    def is_silent(self) -> bool:
        """Whether whoever asks may wait for ever: all is held back, or a connection is half open."""
        return not self.thawed.is_set() or any(each.is_deaf for each in self._conversations)

    def stall(self) -> None:
        """Hold every byte back, both ways, until `resume`."""
        self.thawed.clear()

    def resume(self) -> None:
        self.thawed.set()

    def reset(self) -> None:
        """End every connection at once, as a router does that forgot it; what was held back is lost."""
        self.hits += 1
        for conversation in list(self._conversations):
            conversation.reset()

    def refuse(self) -> None:
        """Let nobody through, nor those who are connected, until `heal`."""
        self._is_refusing = True
        self.reset()

    def half_open(self) -> None:
        """Lose whatever goes through the present connections; neither end is told. New ones are sound."""
        for conversation in self._conversations:
            conversation.is_deaf = True

    def delay(self, ms: float, jitter_ms: float = 0.0) -> None:
        """Let every byte come later by `ms`, give or take `jitter_ms`, in order."""
        self._delay_s = (ms / 1000, jitter_ms / 1000)

    def cut_after(self, word: bytes) -> None:
        """Once: lose the answer to a question that holds `word`, when it comes, and reset the connection."""
        self.cut_word = word

    def repeat(self, times: int) -> Repeats:
        """Of a link of clients: send each request so many times, on further connections, until `heal`."""
        self.repeats = Repeats(self._far, times, self._chance)
        return self.repeats

    def heal(self) -> None:
        """As new, for whoever connects; connections that are half open are ended."""
        self.repeats = None
        self._is_refusing = False
        self.cut_word = None
        self._delay_s = (0.0, 0.0)
        self.resume()
        for conversation in list(self._conversations):
            if conversation.is_deaf:
                conversation.reset()

    def delay_s(self) -> float:
        """How much later the next bytes come."""
        mean_s, jitter_s = self._delay_s
        return max(0.0, mean_s + self._chance.uniform(-jitter_s, jitter_s)) if mean_s else 0.0

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = await self._far()
        if far is None:
            self.hits += 1
            reset(writer)
            return
        conversation = Conversation(self, (reader, writer), far)
        task = asyncio.ensure_future(conversation.run())
        self._conversations[conversation] = task
        try:
            await task
        finally:
            del self._conversations[conversation]

    async def _far(self) -> Ends | None:
        """A connection to the target; None where it is away, or nobody is let through."""
        target, far = self.target(), None
        with suppress(OSError):
            if isinstance(target, Path):
                far = await asyncio.open_unix_connection(str(target))
            else:
                far = await asyncio.open_connection("127.0.0.1", target)
        if far and self._is_refusing:
            far[1].close()
            return None
        return far


class Links:
    """All links of a lab by who asks and who is asked."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._links: dict[Name, Link] = {}

    def __getitem__(self, name: Name) -> Link:
        return self._links[name]

    def __iter__(self) -> Iterator[Link]:
        return iter(self._links.values())

    def of(self, part: str) -> list[Link]:
        """Those by which `part` asks others."""
        return [link for link in self if link.name[0] == part]

    def to(self, part: str) -> list[Link]:
        """Those by which `part` is asked."""
        return [link for link in self if link.name[1] == part]

    async def add(self, asks: str, answers: str, target: Target) -> Link:
        """A new link that is open."""
        link = self._links[asks, answers] = Link((asks, answers), target, self._chance)
        await link.open()
        return link

    def heal(self) -> None:
        for link in self:
            link.heal()

    async def close(self) -> None:
        await asyncio.gather(*(link.close() for link in self))
