"""Compares a generation key by key with the live one, which goes on meanwhile: both at the same position."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from projections.differences import Differences, Held, differing, of_types
from projections.writer import keys_under
from readmodels.connecting import call
from readmodels.keys import Keys
from readmodels.scripts import Script, script

FOLDER: Final = Path(__file__).parent / "lua"
COMPARE, ELEMENTS, SCAN = (script(FOLDER, name) for name in ("compare", "elements", "scan"))
LARGE_ELEMENTS_MIN: Final = 1_000
TOLD_ELEMENTS_MAX: Final = 5_000
SCAN_ELEMENTS: Final = 500
SCANNED: Final = frozenset({b"zset", b"hash", b"set"})
CHUNK_KEYS: Final = 200
WAIT_TIMEOUT_S: Final = 10.0
WAIT_INTERVAL_S: Final = 0.05

Word = str | bytes | int
Advance = Callable[[int], Awaitable[None]]
"""Folds the generation that is compared forward to a position."""


class Unsteady(Exception):
    """The live generation cannot be compared with: the message says what it is."""


class Answer(NamedTuple):
    """What a script tells of one generation, and the position that it speaks of."""

    position: int
    words: Sequence[Any]


class Comparison:
    """Compares generation `rebuilt` with `live`; nobody but `advance` moves the former.

    For each chunk of keys the live values are read together with the position that they are at, then the
    other generation is folded forward to exactly there, and its values are read. So nobody has to stand
    still, and every difference is one. Keys that only come into being while this runs may be left out.
    """

    def __init__(self, redis: Redis, live: int, rebuilt: int, position: int, advance: Advance) -> None:
        self.found = Differences(position=position)
        self._redis = redis
        self._live = Keys(live)
        self._rebuilt = Keys(rebuilt)
        self._advance = advance

    async def run(self) -> Differences:
        """All differences. Raises Unsteady, RedisError, OSError, and what `advance` raises."""
        await self._wait_for_live()
        async for keys in self._keys(self._live):
            await self._compare(keys)
        async for keys in self._keys(self._rebuilt):
            await self._look_for_missing(keys)
        return self.found

    async def _wait_for_live(self) -> None:
        """Until the live generation is where the other one is, which cannot go back."""
        try:
            async with asyncio.timeout(WAIT_TIMEOUT_S):
                while await self._is_live_behind():  # noqa: ASYNC110 - its runner is elsewhere
                    await asyncio.sleep(WAIT_INTERVAL_S)
        except TimeoutError:
            raise Unsteady(f"the live generation has not reached position {self.found.position}") from None

    async def _is_live_behind(self) -> bool:
        return (await self._ask(self._live, COMPARE, [], 0, 0)).position < self.found.position

    async def _keys(self, of: Keys) -> AsyncIterator[list[str]]:
        """The names of all keys of a generation without its prefix, some at a time; not its checkpoint."""
        async for found in keys_under(self._redis, of.prefix):
            names = [key.decode()[len(of.prefix) :] for key in found if key.decode() != of.checkpoint]
            for start in range(0, len(names), CHUNK_KEYS):
                yield names[start : start + CHUNK_KEYS]

    async def _compare(self, names: list[str]) -> None:
        """Compare what keys hold; Redis tells as many at a time as does not keep it for long."""
        while names:
            live, rebuilt = await self._both(COMPARE, names, [], LARGE_ELEMENTS_MIN, TOLD_ELEMENTS_MAX)
            told = min(len(live), len(rebuilt))
            for name, one, other in zip(names[:told], live[:told], rebuilt[:told], strict=True):
                await self._note(name, one, other)
            self.found.keys += told
            names = names[told:]

    async def _note(self, name: str, live: Sequence[Any], rebuilt: Sequence[Any]) -> None:
        is_large = b"large" in (live[0], rebuilt[0])
        types = {type_of(live), type_of(rebuilt)} - {b"none"}
        if len(types) > 1 or (is_large and not types <= SCANNED):
            self.found.add(of_types(name, type_of(live), type_of(rebuilt)))
        elif is_large:
            await self._compare_large(name, types.pop().decode())
        elif live != rebuilt:
            for difference in differing(name, held(live), held(rebuilt)):
                self.found.add(difference)

    async def _compare_large(self, name: str, kind: str) -> None:
        async for elements in self._elements(self._live, name, kind):
            await self._compare_elements(name, kind, list(elements), of_live=True)
        async for elements in self._elements(self._rebuilt, name, kind):
            await self._compare_elements(name, kind, list(elements), of_live=False)

    async def _compare_elements(self, name: str, kind: str, elements: list[bytes], *, of_live: bool) -> None:
        """`of_live` elements are compared; of the others only those that the live one lacks are news."""
        live, rebuilt = await self._both(ELEMENTS, [], [name], kind, *elements)
        ours, theirs = (
            {
                element: as_bytes(value)
                for element, value in zip(elements, values, strict=True)
                if value is not None
            }
            for values in (live, rebuilt)
        )
        if not of_live:
            ours, theirs = {}, {each: value for each, value in theirs.items() if each not in ours}
        for difference in differing(name, ours, theirs):
            self.found.add(difference)

    async def _elements(self, of: Keys, name: str, kind: str) -> AsyncIterator[Sequence[bytes]]:
        cursor: bytes | int = 0
        while True:
            answer = await self._ask(of, SCAN, [name], kind, cursor, SCAN_ELEMENTS)
            cursor, found = answer.words
            elements = found if kind == "set" else found[::2]
            for start in range(0, len(elements), SCAN_ELEMENTS):
                yield elements[start : start + SCAN_ELEMENTS]
            if int(cursor) == 0:
                return

    async def _look_for_missing(self, names: list[str]) -> None:
        """What the live generation has not got at all."""
        while names:
            live, rebuilt = await self._both(COMPARE, names, [], LARGE_ELEMENTS_MIN, TOLD_ELEMENTS_MAX)
            told = min(len(live), len(rebuilt))
            for name, one, other in zip(names[:told], live[:told], rebuilt[:told], strict=True):
                if one[0] == b"none" and other[0] != b"none":
                    await self._note(name, one, other)
            names = names[told:]

    async def _both(
        self, asked: Script, names: list[str], keys: list[str], *words: Word
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        """What both say at one position, which is wherever the live one is at the moment."""
        live = await self._ask(self._live, asked, keys, *words, *under(self._live, names))
        if live.position < self.found.position:
            raise Unsteady("the live generation was begun anew")
        await self._advance(live.position)
        self.found.position = live.position
        rebuilt = await self._ask(self._rebuilt, asked, keys, *words, *under(self._rebuilt, names))
        assert rebuilt.position == live.position, "somebody else moves the generation that is compared"
        return live.words, rebuilt.words

    async def _ask(self, of: Keys, asked: Script, keys: list[str], *words: Word) -> Answer:
        answer = await evaluated(self._redis, asked, [of.checkpoint, *under(of, keys)], *words)
        if answer[0] != b"ready":
            raise Unsteady(f"the live generation is {answer[0].decode() if answer[0] else 'absent'}")
        return Answer(int(answer[1]), answer[2:])


async def evaluated(redis: Redis, asked: Script, keys: Sequence[str], *words: Word) -> Any:
    """What a script answers. Raises RedisError, OSError."""
    rest = (len(keys), *keys, *words)
    try:
        return await call(redis, "EVALSHA", asked.sha, *rest)
    except NoScriptError:
        return await call(redis, "EVAL", asked.text, *rest)


def under(of: Keys, names: Sequence[str]) -> list[str]:
    return [of.prefix + name for name in names]


def as_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def type_of(told: Sequence[Any]) -> bytes:
    """The type that compare.lua tells of a key, also of a large one."""
    kind: bytes = told[1] if told[0] == b"large" else told[0]
    return kind


def held(told: Sequence[Any]) -> Held:
    """What compare.lua tells of a key, by element."""
    kind, content = told
    found: Mapping[bytes, bytes] = {}
    if kind == b"string":
        found = {b"": content}
    elif kind in (b"zset", b"hash"):
        found = dict(zip(content[::2], map(as_bytes, content[1::2]), strict=True))
    elif kind == b"set":
        found = dict.fromkeys(content, b"1")
    elif kind == b"list":
        found = {str(place).encode(): each for place, each in enumerate(content)}
    elif kind != b"none":
        found = {b"": b"of type " + as_bytes(kind)}
    return found
