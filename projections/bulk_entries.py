"""Documents that begin from nothing, as commands: what a load writes of them and of all that follows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import orjson

from projections.bulk_wire import Packed, long_command, number_word, word, word_of
from readmodels.changes import member_of, standing
from readmodels.documents import Document, Kind, Place, Places, Ref
from readmodels.keys import Keys, member, placed

SCORES_CACHED_MAX: Final = 10_000
ZERO: Final = word(b"0")


class Entries:
    """Documents and their places in indexes, in commands for the generation of `keys`.

    `documents` are held, and `size_bytes` of JSON. Raises whatever a kind's functions raise.
    """

    def __init__(self, keys: Keys) -> None:
        self.documents = 0
        self.size_bytes = 0
        self._keys = keys
        self._json: list[bytes] = []
        self._scored: defaultdict[str, list[bytes]] = defaultdict(list)
        self._places: defaultdict[str, list[bytes]] = defaultdict(list)

    def add(self, kind: Kind, ref: Ref, document: Document, stands_in: Places) -> None:
        """Take a document over, each once."""
        json = orjson.dumps(document)
        self._json.append(word(self._keys.document(ref).encode()) + word(json))
        self.documents += 1
        self.size_bytes += len(json)
        self._enter(member_of(kind, ref, document), document.get("id"), stands_in)

    def take_documents(self) -> Iterator[Packed]:
        """The documents so far; indexes stay: many entries of one cost less than few."""
        taken, self._json, self.documents = self._json, [], 0
        return long_command("MSET", None, taken, 2)

    def take(self) -> Iterator[Packed]:
        """All so far."""
        yield from self.take_documents()
        for index, entries in self._scored.items():
            yield from long_command("ZADD", self._keys.index(index), entries, 2)
        for index, entries in self._places.items():
            yield from long_command("HSET", self._keys.places(index), entries, 2)
        self.size_bytes = 0
        self._scored.clear()
        self._places.clear()

    def _enter(self, key: str, number: object, stands_in: Places) -> None:
        who, scored = word(member(key).encode()), self._scored
        # Nearly all places are the document's own number.
        at_number = number_word(number) + who if type(number) is int else b""
        for index, place in stands_in.items():
            if place is number and at_number:
                scored[index].append(at_number)
            elif isinstance(place, str):
                scored[index].append(ZERO + word_of(placed(place, key)))
                self._places[index].append(who + word_of(place))
            else:
                scored[index].append(score_word(place) + who)


def score_word(place: Place) -> bytes:
    """Raises TypeError for what is no score."""
    return number_word(place) if type(place) is int else float_word(place)


@lru_cache(maxsize=SCORES_CACHED_MAX)
def float_word(place: Place) -> bytes:
    """Dates, most of which many documents share."""
    return word_of(standing(place))
