"""Texts on shelves, bucket by bucket: what a range holds whole it writes, the rest waits for other ranges."""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Final, NamedTuple

import orjson

from projections.bulk_plan import Range
from projections.bulk_wire import Packed, long_command, packed, word, word_of
from projections.encoding import by_root
from readmodels.documents import Ref
from readmodels.keys import BUCKET_MAX_BYTES, TAG_DIGITS_SOME, Keys, level_max, tag_digits
from readmodels.shelves import Searched, Shelves, shelves

HIDDEN: Final = bytes.maketrans(b"0123456789", bytes(range(0xF5, 0xFF)))

Tagged = tuple[str, Searched | None]
Neighbours = Mapping[str, Sequence[str | Sequence[str]]]
"""As JSON, by id: a text, its marks, and the shelves on which it is still to be put."""


class Lying(NamedTuple):
    ref: Ref
    searched: Searched
    shelves: list[str]


class Texts:
    """Texts of the documents of a range, `size_bytes` of them since the last `take`."""

    def __init__(self, keys: Keys, number: int, within: Range, buckets: int) -> None:
        self.size_bytes = 0
        self._keys = keys
        self._number = number
        self._within = within
        self._buckets = buckets
        self._parts = 0
        self._lying: list[Lying] = []

    def add(self, ref: Ref, texts: Mapping[str, Searched]) -> None:
        """Take over the one text that lies on some shelves."""
        for searched in texts.values():
            self._lying.append(Lying(ref, searched, [*texts]))
            self.size_bytes += len(searched.text)
            return

    def take(self, *, is_all: bool) -> Iterator[Packed]:
        """The texts so far; `is_all` when no others of the range will come."""
        lying, self._lying, self.size_bytes = self._lying, [], 0
        if is_all and not self._parts:
            yield from self._whole_buckets(lying)
        yield from self._notes(lying)
        self._parts += 1

    def _whole_buckets(self, lying: Sequence[Lying]) -> Iterator[Packed]:
        """The buckets of which all texts are within this range; these texts lie there then."""
        for shelf, roots in of_all(lying).items():
            found: list[bytes] = []
            for root, some in roots.items():
                if self._has_all_of(shelf, root):
                    tagged = [(each.ref.id[-1:], each.searched) for each in some]
                    found += map(entry, buckets_of(shelf, root, sorted(tagged, key=itemgetter(0))))
                    for each in some:
                        each.shelves.remove(shelf)
            yield from long_command("HSET", self._keys.texts(shelf), found, 2)

    def _has_all_of(self, shelf: str, root: str) -> bool:
        """Whether all ids of a root are within these streams, which are in the order of their names."""
        kind, _, _ = shelf.partition(":")
        return root != "0" and self._within.low <= f"{kind}-{root}0" and f"{kind}-{root}9" < self._within.high

    def _notes(self, lying: Sequence[Lying]) -> Iterator[Packed]:
        found: defaultdict[str, dict[str, Sequence[str | Sequence[str]]]] = defaultdict(dict)
        for ref, searched, names in lying:
            if names:
                found[neighbourhood(ref)][ref.id] = (*searched, names)
        for name, neighbours in found.items():
            key = self._keys.loading_texts(bucket_of(name, self._buckets))
            field = f"{name}:{self._number}:{self._parts}"
            yield packed(["HSET", key, field, orjson.dumps(neighbours).decode()])


def of_all(lying: Iterable[Lying]) -> Mapping[str, Mapping[str, list[Lying]]]:
    """Those on the shelf of all texts of their kind, by shelf and root."""
    found: defaultdict[str, defaultdict[str, list[Lying]]] = defaultdict(lambda: defaultdict(list))
    for each in lying:
        shelf = f"{each.ref.kind}:sort:id"
        if shelf in each.shelves:
            found[shelf][each.ref.id[:-1] or "0"].append(each)
    return found


def neighbourhood(ref: Ref) -> str:
    """`task:47` for task 471234: a bucket has texts of one neighbourhood only, whatever its shelf."""
    return f"{ref.kind}:{ref.id[:-TAG_DIGITS_SOME] or '0'}"


def neighbourhoods(fields: Iterable[str]) -> Mapping[str, list[str]]:
    """The fields of notes by the neighbourhood of which they tell."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for field in fields:
        kind, root, _ = field.split(":", 2)
        found[f"{kind}:{root}"].append(field)
    return found


def bucket_of(name: str, count: int) -> int:
    return zlib.crc32(name.encode()) % count


def put_together(notes: Iterable[bytes], keys: Keys) -> Iterator[Packed]:
    """All that is noted of a neighbourhood, on the shelves where it belongs."""
    for shelf, texts in noted(notes).items():
        found = (buckets_of(shelf, root, tagged) for root, tagged in by_root(shelf, texts).items())
        entries = map(entry, chain.from_iterable(found))
        yield from long_command("HSET", keys.texts(shelf), entries, 2)


def noted(notes: Iterable[bytes]) -> Shelves:
    found = shelves()
    for note in notes:
        for key, (text, marks, names) in orjson.loads(note).items():
            searched = Searched(text, marks)
            for shelf in names:
                found[shelf][key] = searched
    return found


def entry(bucket: tuple[str, bytes]) -> bytes:
    field, data = bucket
    return word_of(field) + word(data)


def buckets_of(shelf: str, root: str, tagged: Sequence[Tagged]) -> Iterator[tuple[str, bytes]]:
    """All buckets of a root, as `readmodels.keys.shelf_place` describes them; tags are in their order."""
    pieces = [(int(tag), piece(tag, searched)) for tag, searched in tagged if searched is not None]
    for level, run, data in halved(pieces, level_max(tag_digits(shelf)), 0):
        yield f"{root}:{level}:{run}", data


def piece(tag: str, searched: Searched) -> bytes:
    return b"%b\xff%b" % (searched.text.encode(), (tag + searched.marks).encode().translate(HIDDEN))


def halved(pieces: Sequence[tuple[int, bytes]], level: int, run: int) -> Iterator[tuple[int, int, bytes]]:
    data = b"".join([data for _, data in pieces])
    if len(data) <= BUCKET_MAX_BYTES or level == 0:
        yield level, run, data
        return
    middle = (2 * run + 1) * 2 ** (level - 1)
    cut = bisect_left(pieces, middle, key=itemgetter(0))
    yield from halved(pieces[:cut], level - 1, 2 * run)
    yield from halved(pieces[cut:], level - 1, 2 * run + 1)
