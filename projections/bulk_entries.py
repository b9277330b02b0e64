"""Documents that begin from nothing, as commands: what a load writes of them and of all that follows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import orjson

from projections.bulk_plan import Range
from projections.bulk_wire import Packed, called, long_command, word, word_of
from projections.encoding import by_root, shelf_command
from readmodels.changes import member_of, standing
from readmodels.documents import Document, Kind, Places, Ref
from readmodels.keys import BUCKET_MAX_BYTES, Keys, level_max, member, placed, tag_digits
from readmodels.scripts import script
from readmodels.shelves import Searched, Shelves, shelved, shelves

SHELVE: Final = script(Path(__file__).parent / "lua", "shelves", "shelve")
SHELVED_TEXTS_MAX: Final = 500
SCORES_CACHED_MAX: Final = 10_000
NUMBERS: Final = frozenset({int, float})
HIDDEN: Final = bytes.maketrans(b"0123456789", bytes(range(0xF5, 0xFF)))

Tagged = tuple[str, Searched | None]


class Entries:
    """What follows from documents of the streams `within`, in commands for the generation of `keys`.

    `documents` are held, and `size_bytes` of JSON and texts. Raises whatever a kind's functions raise.
    """

    def __init__(self, keys: Keys, within: Range | None = None) -> None:
        self.documents = 0
        self.size_bytes = 0
        self._keys = keys
        self._within = within
        self._json: list[bytes] = []
        self._scored: defaultdict[str, list[bytes]] = defaultdict(list)
        self._places: defaultdict[str, list[bytes]] = defaultdict(list)
        self._texts: Shelves = shelves()

    def add(self, kind: Kind, ref: Ref, document: Document, stands_in: Places) -> None:
        """Take a document over, each once."""
        json = orjson.dumps(document)
        self._json.append(word(self._keys.document(ref).encode()) + word(json))
        self.documents += 1
        self.size_bytes += len(json)
        self._enter(member_of(kind, ref, document), document.get("id"), stands_in)
        if kind.text is not None:
            self._shelve(ref, shelved(kind, document, stands_in))

    def take_documents(self) -> Iterator[Packed]:
        """The documents so far; indexes and texts stay: many entries of one cost less than few."""
        taken, self._json, self.documents = self._json, [], 0
        return long_command("MSET", None, taken, 2)

    def take(self) -> Iterator[Packed]:
        """All so far."""
        yield from self.take_documents()
        for index, entries in self._scored.items():
            yield from long_command("ZADD", self._keys.index(index), entries, 2)
        for index, entries in self._places.items():
            yield from long_command("HSET", self._keys.places(index), entries, 2)
        for shelf, texts in self._texts.items():
            yield from self._shelving(shelf, texts)
        self.size_bytes = 0
        self._scored.clear()
        self._places.clear()
        self._texts.clear()
        # Other texts of the same buckets may come later.
        self._within = None

    def _enter(self, key: str, number: object, stands_in: Places) -> None:
        who, scored = word(member(key).encode()), self._scored
        # Nearly all places are the document's own number.
        at_number = word_of(number) + who if type(number) is int else b""
        for index, place in stands_in.items():
            if place is number and at_number:
                scored[index].append(at_number)
            elif type(place) in NUMBERS:
                scored[index].append(score_word(place) + who)
            elif isinstance(place, str):
                scored[index].append(word(b"0") + word_of(placed(place, key)))
                self._places[index].append(who + word_of(place))
            else:
                standing(place)

    def _shelve(self, ref: Ref, found: dict[str, Searched]) -> None:
        for shelf, searched in found.items():
            self._texts[shelf][ref.id] = searched
            self.size_bytes += len(searched.text)

    def _shelving(self, shelf: str, texts: dict[str, Searched | None]) -> Iterator[Packed]:
        """Whole buckets where all that belongs into them is at hand, else texts to be put among others."""
        whole: list[bytes] = []
        for root, tagged in by_root(shelf, texts).items():
            found = bucket(tagged) if self._has_all_of(shelf, root) else b""
            if found and len(found) <= BUCKET_MAX_BYTES:
                whole.append(word_of(f"{root}:{level_max(tag_digits(shelf))}:0") + word(found))
            else:
                yield from self._put_among(shelf, root, tagged)
        yield from long_command("HSET", self._keys.texts(shelf), whole, 2)

    def _has_all_of(self, shelf: str, root: str) -> bool:
        """Whether all tags of a root are within these streams, which are in the order of their names."""
        kind, _, rest = shelf.partition(":")
        if self._within is None or rest != "sort:id" or root == "0":
            return False
        return self._within.low <= f"{kind}-{root}0" and f"{kind}-{root}9" < self._within.high

    def _put_among(self, shelf: str, root: str, tagged: Sequence[Tagged]) -> Iterator[Packed]:
        for start in range(0, len(tagged), SHELVED_TEXTS_MAX):
            command = shelf_command("SHELVE", shelf, root, self._keys)
            for tag, searched in tagged[start : start + SHELVED_TEXTS_MAX]:
                assert searched is not None
                command += (tag, searched.marks, searched.text)
            yield called(SHELVE, command)


@lru_cache(maxsize=SCORES_CACHED_MAX)
def score_word(number: float) -> bytes:
    """Raises TypeError for what is no score."""
    return word_of(standing(number))


def bucket(tagged: Sequence[Tagged]) -> bytes:
    """A bucket as `readmodels.keys.shelf_place` describes it."""
    return b"".join(
        b"%b\xff%b" % (searched.text.encode(), (tag + searched.marks).encode().translate(HIDDEN))
        for tag, searched in tagged
        if searched is not None
    )
