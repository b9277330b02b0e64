"""The read model in Redis or Valkey: each query is one script, so that its answer is of one moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from readmodels.connecting import call
from readmodels.documents import FIELD_END, Document, Ref, score
from readmodels.keys import TAG_DIGITS_ALL, TAG_DIGITS_SOME, Keys, level_max
from readmodels.kinds import KINDS
from readmodels.large import is_large
from readmodels.model import NotReady, Page, Query, Range, TooBusy, TooLong
from readmodels.noted import present
from readmodels.pipe import Pipe, Word, shared_pipe
from readmodels.scripts import Script, script
from readmodels.snapshots import CHUNK_DOCUMENTS, SNAPSHOT_DOCUMENTS_MAX, Scope, Selection, Snapshot, TooLarge
from readmodels.turns import Turns

FOLDER: Final = Path(__file__).parent / "lua"
FETCH, MEMBERS, PARKED, SNAPSHOT, DAMAGED = (
    script(FOLDER, name) for name in ("fetch", "members", "parked", "snapshot", "damaged")
)
PAGE: Final = script(
    FOLDER / "page", "question", "conditions", "shelves", "texts", "order", "picking", "page"
)
FETCH_MAX: Final = 1000
SNAPSHOT_TIMEOUT_S: Final = 5.0
SNAPSHOT_LARGE_BYTES: Final = 256 * 1024
LARGE_WAITING_MAX: Final = 200
LARGE_PAGE_TIMEOUT_S: Final = 5.0
PAGE_SCRIPT_MAX_S: Final = 1.0
NOWHERE: Final = ()
"""A group without an index, in which nothing stands."""


class RedisModel:
    """Reads one generation. Bytes come out of Redis: `redis` must not decode responses.

    Raises NotReady while the generation is absent, being filled or damaged, when Redis does not
    answer within `timeout_s`, and when it lost what this process has already seen or heard of:
    `announced` gives the build and the position that were heard last. `saw` is told what each answer
    says of the checkpoint, and what was announced when it was asked for.

    Snapshots and large pages are read through `large`, a client that waits longer than
    SNAPSHOT_TIMEOUT_S. A large one keeps Redis from everything else for a while, so these take turns;
    beyond LARGE_WAITING_MAX the next ones are TooBusy, and who has waited too long is told NotReady
    or, for a page, TooBusy. A page that takes Redis more than `page_script_max_s` of work is TooLong.
    """

    def __init__(
        self,
        redis: Redis,
        generation: int | str,
        timeout_s: float = 2.0,
        *,
        large: Redis | None = None,
        page_script_max_s: float = PAGE_SCRIPT_MAX_S,
        announced: Callable[[], tuple[bytes, int]] = lambda: (b"", 0),
        saw: Callable[[Sequence[bytes | None], tuple[bytes, int]], None] = lambda *_: None,
    ) -> None:
        self.keys = Keys(generation)
        self._redis = redis
        self._pipe = shared_pipe(redis, timeout_s)
        self._large = shared_pipe(large or redis, SNAPSHOT_TIMEOUT_S)
        self.pipes: Final = {"small": self._pipe, "large": self._large}
        self.turns = self._turns = Turns(SNAPSHOT_LARGE_BYTES, LARGE_WAITING_MAX)
        self._page_script_max_s = page_script_max_s
        self._announced = announced
        self._saw = saw
        self._build: bytes | None = None
        self._seen = 0

    async def fetch(self, refs: Iterable[Ref]) -> Mapping[Ref, Document]:
        asked = list(dict.fromkeys(refs))
        found: dict[Ref, Document] = {}
        for start in range(0, len(asked), FETCH_MAX):
            found |= await self._fetch(asked[start : start + FETCH_MAX])
        return found

    async def page(self, query: Query) -> Page:
        if not is_large(query):
            return await self._page(query, self._pipe)
        try:
            async with asyncio.timeout(LARGE_PAGE_TIMEOUT_S), self._turns.large():
                return await self._page(query, self._large)
        except TimeoutError:
            raise TooBusy(f"a page waits for more than {LARGE_PAGE_TIMEOUT_S:g} seconds") from None

    async def _page(self, query: Query, pipe: Pipe) -> Page:
        asked = words(query, self._page_script_max_s)
        answer, position = await self._ask(PAGE, [], self.keys.prefix, asked, pipe=pipe)
        if not answer:
            raise TooLong(f"a page of {query.kind} takes more than {self._page_script_max_s:g} seconds")
        total, documents, parked = answer
        page = Page(orjson.loads(documents), total, position)
        if parked:
            await self._note(parked, [Ref(query.kind, str(each["id"])) for each in page.documents])
        return page

    async def members(self, index: str) -> list[str]:
        (stored,), _ = await self._ask(MEMBERS, [self.keys.index(index)])
        return [each.rsplit(b"\0", 1)[-1][1:].decode() for each in stored]

    async def snapshot(self, scope: Scope, today: str) -> Snapshot:
        question = tuple(each.kind for each in scope.selections)
        try:
            async with asyncio.timeout(SNAPSHOT_TIMEOUT_S), self._turns.turn(question):
                snapshot = await self._snapshot(scope, today)
        except TimeoutError:
            raise NotReady(f"a snapshot takes more than {SNAPSHOT_TIMEOUT_S:g} seconds") from None
        self._turns.note(question, snapshot.size_bytes)
        return snapshot

    async def _snapshot(self, scope: Scope, today: str) -> Snapshot:
        asked = scope_words(scope, today)
        answer, position = await self._ask(SNAPSHOT, [], self.keys.prefix, asked, pipe=self._large)
        if not answer:
            raise TooLarge
        moment, documents, counts, parked = answer
        note_sums(parked)
        chunks = {each.kind: found for each, found in zip(scope.selections, documents, strict=True)}
        tallies = {each.name: found for each, found in zip(scope.tallies, counts, strict=True)}
        return Snapshot(position, moment.decode(), chunks, tallies)

    async def position(self) -> int:
        return (await self._ask(FETCH, [], self.keys.prefix, b"[]"))[1]

    async def parked(self, refs: Iterable[Ref]) -> set[Ref]:
        asked = list(refs)
        if not asked:
            return set()
        (stopped,), _ = await self._ask(
            PARKED, [self.keys.parked], *(f"{ref.kind}:{ref.id}" for ref in asked)
        )
        return {ref for ref, is_stopped in zip(asked, stopped, strict=True) if is_stopped}

    async def _fetch(self, refs: Sequence[Ref]) -> dict[Ref, Document]:
        (raw, parked), _ = await self._ask(FETCH, [], self.keys.prefix, names(refs))
        if parked:
            await self._note(parked, refs)
        pairs = zip(refs, orjson.loads(raw), strict=True)
        return {ref: document for ref, document in pairs if document is not None}

    async def _note(self, parked: int, refs: Iterable[Ref]) -> None:
        """Tell whoever wants to know what of this stands still, or is a sum that may lack something."""
        noted, own = present(), []
        for ref in refs:
            if KINDS[ref.kind].is_summary:
                note_sums(parked)
            else:
                own.append(ref)
        if noted is not None and not noted.shows_parked:
            noted.shows_parked = bool(await self.parked(own))

    async def _ask(
        self, asked: Script, keys: list[str], *rest: Word, pipe: Pipe | None = None
    ) -> tuple[list[Any], int]:
        """What a script answers behind the checkpoint, and the checkpoint's position."""
        # Answers may overtake each other: only what was seen before asking must not be lost.
        heard = self._announced()
        known = ((self._build, self._seen), heard)
        answer = await (pipe or self._pipe).run(asked, [self.keys.checkpoint, *keys], *rest)
        self._saw(answer[:3], heard)
        state, position, build = answer[:3]
        if state == b"damaged":
            await self._report_damage()
        if state != b"ready":
            raise NotReady(f"the read model is {state.decode() if state else 'absent'}")
        if any(build == of_build and int(position) < seen for of_build, seen in known):
            raise NotReady("Redis lost its latest changes; they are being folded again")
        self._seen = max(int(position), self._seen) if build == self._build else int(position)
        self._build = build
        return answer[3:], int(position)

    async def _report_damage(self) -> None:
        # Whoever meets the damage next reports it, should this not get through.
        with suppress(RedisError, OSError, TimeoutError):
            await call(self._redis, "EVAL", DAMAGED.text, 1, self.keys.checkpoint)


def note_sums(parked: int) -> None:
    """Sums were read while so many documents are parked."""
    if noted := present():
        noted.lacking = max(noted.lacking, parked)


def names(refs: Iterable[Ref]) -> bytes:
    """References as fetch.lua reads them."""
    return orjson.dumps([word for ref in refs for word in ref])


def words(query: Query, script_max_s: float) -> bytes:
    """A query as page.lua reads it: what is absent is left out, scores are texts."""
    asked: dict[str, Any] = {
        "kind": query.kind,
        "where": query.where,
        "ranges": [bounds(each) for each in query.ranges],
        "without": [bounds(each) for each in query.without],
        "sort": query.sort,
        "descending": query.descending,
        "ties": query.ties,
        "finds_listed_only": query.finds_listed_only,
        "offset": query.offset,
        "limit": query.limit,
        "time_max_s": script_max_s,
    }
    if query.through is not None:
        asked["through"] = asdict(query.through)
    if query.text:
        asked["text"] = query.text.casefold()
        if FIELD_END in query.text:
            asked["where"] = [*query.where, NOWHERE]
        for shelves, digits in (("all", TAG_DIGITS_ALL), ("some", TAG_DIGITS_SOME)):
            asked[f"shelf_of_{shelves}"] = {"digits": digits, "level_max": level_max(digits)}
        asked["marks"] = {
            name: (place, digit)
            for place, group in enumerate(KINDS[query.kind].marks, start=1)
            for digit, name in enumerate(group, start=1)
        }
    return orjson.dumps(asked)


def scope_words(scope: Scope, today: str) -> bytes:
    """A scope as snapshot.lua reads it."""
    return orjson.dumps(
        {
            "selections": [
                {"kind": each.kind, "is_listed": each.is_listed, **bounds(each)} for each in scope.selections
            ],
            "tallies": [asdict(each) for each in scope.tallies],
            "today": today,
            "today_score": repr(score(today)),
            "chunk": CHUNK_DOCUMENTS,
            "documents_max": SNAPSHOT_DOCUMENTS_MAX,
        }
    )


def bounds(wanted: Range | Selection) -> dict[str, str]:
    low = "-inf" if wanted.minimum is None else repr(float(wanted.minimum))
    high = "+inf" if wanted.maximum is None else repr(float(wanted.maximum))
    return {"index": wanted.index, "minimum": low, "maximum": high}
