"""Changes as Redis commands: absolute ones only, so that writing them twice is writing them once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Final, TypeVar

import orjson

from readmodels.changes import Changes
from readmodels.documents import Document, Place, Ref
from readmodels.keys import BUCKET_MAX_BYTES, Keys, level_max, member, placed, shelf_place, tag_digits
from readmodels.shelves import Searched

# Lua unpacks the words of one command onto its stack. Even, because words come in pairs.
COMMAND_WORDS_MAX: Final = 2_000
# What else a command moves: a bucket is read and written whole. Tags so near to each other mostly share one.
BUCKET_BYTES: Final = 1_000
NEIGHBOURS: Final = 64
SHELF_HEAD: Final = 5
SHELF_WORDS: Final = {"SHELVE": 3, "MARK": 2}

Word = str | float
Command = list[Word]
Changed = TypeVar("Changed")


def commands_of(changes: Changes, keys: Keys) -> Iterator[Command]:
    yield from documents(changes.documents, keys)
    for index, members in changes.removed.items():
        yield from removals(index, members, changes.added.get(index, {}), keys)
    for index, members in changes.added.items():
        yield from additions(index, members, keys)
    for shelf, texts in changes.texts.items():
        yield from shelving(shelf, texts, keys)
    for shelf, marks in changes.marks.items():
        yield from marking(shelf, marks, keys)
    yield from several("SADD", keys.parked, [f"{ref.kind}:{ref.id}" for ref in changes.parked])
    yield from several("SREM", keys.parked, [f"{ref.kind}:{ref.id}" for ref in changes.freed])


def documents(changed: Mapping[Ref, Document | None], keys: Keys) -> Iterator[Command]:
    kept: list[Word] = []
    gone: list[Word] = []
    for ref, document in changed.items():
        if document is None:
            gone.append(keys.document(ref))
        else:
            kept += (keys.document(ref), orjson.dumps(document).decode())
    yield from several("MSET", None, kept)
    yield from several("DEL", None, gone)


def removals(
    index: str, left: Mapping[str, Place], moved: Mapping[str, Place], keys: Keys
) -> Iterator[Command]:
    yield from several("ZREM", keys.index(index), [stored(key, place) for key, place in left.items()])
    texts = [member(key) for key, place in left.items() if isinstance(place, str) and key not in moved]
    yield from several("HDEL", keys.places(index), texts)


def additions(index: str, entered: Mapping[str, Place], keys: Keys) -> Iterator[Command]:
    scored: list[Word] = []
    texts: list[Word] = []
    for key, place in entered.items():
        if isinstance(place, str):
            scored += (0, placed(place, key))
            texts += (member(key), place)
        else:
            scored += (place, member(key))
    yield from several("ZADD", keys.index(index), scored)
    yield from several("HSET", keys.places(index), texts)


def shelving(shelf: str, texts: Mapping[str, Searched | None], keys: Keys) -> Iterator[Command]:
    """Commands that apply.lua carries out itself: tags in their order, marks and texts, "" where one goes."""
    for root, tags in by_root(shelf, texts).items():
        command = shelf_command("SHELVE", shelf, root, keys)
        for tag, searched in tags:
            command += (tag, searched.marks, searched.text) if searched else (tag, "", "")
        yield command


def marking(shelf: str, marks: Mapping[str, str], keys: Keys) -> Iterator[Command]:
    """Commands for apply.lua, too: tags in their order and the new marks of texts that lie there."""
    for root, tags in by_root(shelf, marks).items():
        yield shelf_command("MARK", shelf, root, keys) + [word for each in tags for word in each]


def by_root(shelf: str, changed: Mapping[str, Changed]) -> Mapping[str, list[tuple[str, Changed]]]:
    """What changes on a shelf, by tag, in the order in which buckets hold it."""
    roots: defaultdict[str, list[tuple[str, Changed]]] = defaultdict(list)
    for key, each in changed.items():
        root, tag = shelf_place(shelf, key)
        roots[root].append((tag, each))
    for tags in roots.values():
        tags.sort(key=itemgetter(0))
    return roots


def shelf_command(name: str, shelf: str, root: str, keys: Keys) -> Command:
    return [name, keys.texts(shelf), root, level_max(tag_digits(shelf)), BUCKET_MAX_BYTES]


def size_bytes(command: Command) -> int:
    """What Redis has to move for a command, about."""
    words = "".join(map(str, command))
    return BUCKET_BYTES * buckets(command) + (len(words) if words.isascii() else len(words.encode()))


def buckets(command: Command) -> int:
    """How many buckets a command rewrites, about."""
    each = SHELF_WORDS.get(str(command[0]))
    return len({int(tag) // NEIGHBOURS for tag in command[SHELF_HEAD::each]}) if each else 0


def stored(key: str, place: Place) -> str:
    return placed(place, key) if isinstance(place, str) else member(key)


def several(name: str, key: str | None, rest: Sequence[Word]) -> Iterable[Command]:
    """One command or, where it would be too long, several of the same."""
    if not rest:
        return
    head: Command = [name] if key is None else [name, key]
    for start in range(0, len(rest), COMMAND_WORDS_MAX):
        yield [*head, *rest[start : start + COMMAND_WORDS_MAX]]
