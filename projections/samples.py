"""Verifies a sample: random listed documents, and the indexes they stand in, against their own streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
from redis.asyncio import Redis

from events.store import EventStore
from projections.catalogue import PROJECTIONS
from projections.comparing import Unsteady, evaluated
from projections.differences import Difference, Differences, document, fields
from projections.discards import discarded
from projections.encoding import stored
from projections.retelling import Story, stories_of
from readmodels.changes import member_of, places
from readmodels.documents import Document, Place, Ref
from readmodels.keys import Keys
from readmodels.kinds import KINDS
from readmodels.redis import FETCH, names
from readmodels.scripts import script

FOLDER: Final = Path(__file__).parent / "lua"
SOME, SAMPLE = (script(FOLDER, name) for name in ("some", "sample"))
CHUNK_DOCUMENTS: Final = 50
LISTED_KINDS: Final = tuple(projection.kind for projection in PROJECTIONS)


class Sample:
    """Looks at documents of a generation that goes on meanwhile; each is compared as of its own moment.

    Not looked at are sums, texts that searches look into, and what follows from the departments of people;
    what stands where it should not is found only in the documents that are looked at.
    """

    def __init__(self, store: EventStore, redis: Redis, generation: int) -> None:
        self.found = Differences()
        self._store = store
        self._redis = redis
        self._keys = Keys(generation)

    async def run(self, documents: int) -> Differences:
        """Look at about so many. Raises Unsteady, StoreError, RedisError, OSError."""
        refs = (await self._some(documents))[:documents]
        for start in range(0, len(refs), CHUNK_DOCUMENTS):
            await self._verify(refs[start : start + CHUNK_DOCUMENTS])
        return self.found

    async def _some(self, documents: int) -> list[Ref]:
        indexes = [self._keys.index(f"{kind}:sort:id") for kind in LISTED_KINDS]
        state, *answer = await evaluated(self._redis, SOME, [self._keys.checkpoint], documents, *indexes)
        must_be_readable(state)
        return [
            Ref(kind, member.decode()[1:])
            for kind, members in zip(LISTED_KINDS, answer, strict=True)
            for member in members
        ]

    async def _verify(self, refs: Sequence[Ref]) -> None:
        position, documents = await self._fetched(refs)
        left_out = await discarded(self._store, position)
        for story, held in zip(
            await stories_of(refs, self._store, position + 1, left_out), documents, strict=True
        ):
            self.found.keys += 1
            before = self.found.total
            for difference in fields(f"{story.ref.kind}:{story.ref.id}", held, story.document):
                self.found.add(difference)
            if self.found.total == before and held is not None:
                await self._verify_places(story, held)
        self.found.position = position

    async def _fetched(self, refs: Sequence[Ref]) -> tuple[int, list[Document | None]]:
        words = (self._keys.prefix, names(refs))
        state, position, _, raw, *_ = await evaluated(self._redis, FETCH, [self._keys.checkpoint], *words)
        must_be_readable(state)
        return int(position), orjson.loads(raw)

    async def _verify_places(self, story: Story, held: Document) -> None:
        """Where the document stands; one that has changed since it was fetched is passed over."""
        kind = KINDS[story.ref.kind]
        member = member_of(kind, story.ref, held)
        expected = places(kind, held)
        words = [
            word
            for name, place in expected.items()
            for word in (self._keys.index(name), stored(member, place))
        ]
        keys = [self._keys.checkpoint, self._keys.document(story.ref)]
        _, _, raw, *scores = await evaluated(self._redis, SAMPLE, keys, *words)
        if document({b"": raw or b""}) != held:
            return
        for difference in misplaced(story.ref, expected.items(), scores):
            self.found.add(difference)


def must_be_readable(state: bytes | None) -> None:
    """A listed document that is missing is damage, of which the comparison tells more. Raises Unsteady."""
    if state not in (b"ready", b"damaged"):
        raise Unsteady(f"it is {state.decode() if state else 'absent'}")


def misplaced(ref: Ref, expected: Any, scores: Sequence[bytes | None]) -> Iterator[Difference]:
    for (name, place), score in zip(expected, scores, strict=True):
        right = 0.0 if isinstance(place, str) else float(place)
        if score is None or float(score) != right:
            yield Difference(
                "index", name, ref.id, None if score is None else score.decode(), told_place(place)
            )


def told_place(place: Place) -> str:
    return place if isinstance(place, str) else f"{place:.17g}"
