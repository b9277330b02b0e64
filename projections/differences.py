"""Differences between two read models, by document and field; what is told of them is bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson

LISTED_MAX: Final = 100
TOLD_CHARACTERS_MAX: Final = 200

Held = Mapping[bytes, bytes]
"""What a key holds, by member, field or place; one that is a plain text has it under the empty name."""


class Difference(NamedTuple):
    """`what` is document, index, places, texts or parked, `name` which of them (`task:12`).

    `field` is the document's field, the member of the index, the bucket of texts. `live` and `rebuilt` are
    what stands there, None for nothing.
    """

    what: str
    name: str
    field: str
    live: str | None
    rebuilt: str | None


@dataclass(slots=True)
class Differences:
    """All are counted, by what they are; the first LISTED_MAX are kept. `keys` is how many were compared."""

    keys: int = 0
    position: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    listed: list[Difference] = field(default_factory=list)

    def add(self, difference: Difference) -> None:
        """`what` comes from the key as well: somebody may have made one by hand."""
        self.counts[cut(difference.what)] += 1
        if len(self.listed) < LISTED_MAX:
            what, name, inner, live, rebuilt = difference
            sides = (live and cut(live), rebuilt and cut(rebuilt))
            self.listed.append(Difference(cut(what), cut(name), cut(inner), *sides))

    @property
    def total(self) -> int:
        return self.counts.total()

    def as_json(self) -> dict[str, Any]:
        return {
            "keys": self.keys,
            "position": self.position,
            "differences": self.total,
            "counts": dict(sorted(self.counts.items())),
            "listed": [difference._asdict() for difference in self.listed],
        }


def differing(key: str, live: Held, rebuilt: Held) -> Iterator[Difference]:
    """How the contents of one key differ; `key` is without the prefix of its generation."""
    what, _, name = key.partition(":")
    if what == "document":
        yield from fields(name, document(live), document(rebuilt))
        return
    for member in sorted(live.keys() | rebuilt.keys()):
        if live.get(member) != rebuilt.get(member):
            yield Difference(
                what, name, element(what, member), told(live.get(member)), told(rebuilt.get(member))
            )


def of_types(key: str, live: bytes, rebuilt: bytes) -> Difference:
    """One difference for a whole key: Redis has its two values under types that cannot be compared."""
    what, _, name = key.partition(":")
    sides = (None if kind == b"none" else f"of type {kind.decode()}" for kind in (live, rebuilt))
    return Difference(what, name, "", *sides)


def fields(
    name: str, live: Mapping[str, Any] | None, rebuilt: Mapping[str, Any] | None
) -> Iterator[Difference]:
    """How two documents differ; the field of one that one side lacks is empty."""
    if live is None or rebuilt is None:
        yield Difference("document", name, "", told_json(live), told_json(rebuilt))
        return
    for each in sorted(live.keys() | rebuilt.keys()):
        before, after = live.get(each, ...), rebuilt.get(each, ...)
        if before != after or type(before) is not type(after):
            yield Difference("document", name, each, told_json(before), told_json(after))


def document(held: Held) -> Mapping[str, Any] | None:
    """What is no JSON object, as somebody may have written it by hand, stands under a name of its own."""
    if not held:
        return None
    raw = held.get(b"", b"")
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        found = None
    return found if isinstance(found, dict) else {"(no document)": told(raw)}


def element(what: str, member: bytes) -> str:
    """`12` for the member `b12` of an index, and its text with it in an index of texts."""
    if what not in ("index", "places"):
        return told(member) or ""
    text, separator, key = member.rpartition(b"\0")
    # An id has its length in a letter before it; what has none was not put there by us.
    number = told(key if key[:1].isdigit() else key[1:]) or ""
    return f"{number} at {told(text)}" if separator else number


def told_json(value: Any) -> str | None:
    return None if value is None or value is ... else cut(orjson.dumps(value).decode())


def told(raw: bytes | None) -> str | None:
    return None if raw is None else cut(raw.decode(errors="backslashreplace"))


def cut(text: str) -> str:
    """A text that PostgreSQL can keep as well, which holds no NUL, and no longer than is of use."""
    text = text.replace("\0", "\\0")
    return text if len(text) <= TOLD_CHARACTERS_MAX else text[:TOLD_CHARACTERS_MAX] + "…"
