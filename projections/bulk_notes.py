"""What is noted in Redis of a load under way: its plan, and for each range that is done what it said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from readmodels.changes import DeadLetter
from readmodels.documents import Ref

Notes = Mapping[bytes, bytes]
"""The fields of the hash, as Redis gives them."""

PLAN: Final = "plan"
RANGE: Final = "range:"


def range_field(number: int) -> str:
    return f"{RANGE}{number}"


def bucket_field(bucket: int) -> str:
    """There once all summaries of a bucket are written."""
    return f"bucket:{bucket}"


def note_json(events: int, departments: Mapping[str, int], letters: Sequence[DeadLetter]) -> bytes:
    """Of one range: how many events it has, in which departments its users are, what was not folded."""
    said = [letter._asdict() | {"documents": [[*ref] for ref in letter.documents]} for letter in letters]
    return orjson.dumps({"events": events, "departments": departments, "letters": said})


def events_in(notes: Notes) -> dict[int, int]:
    """The ranges that are done, and how many events each of them has."""
    return {number: said["events"] for number, said in ranges_in(notes)}


def departments_in(notes: Notes) -> dict[str, int]:
    return {user: number for _, said in ranges_in(notes) for user, number in said["departments"].items()}


def letters_in(notes: Notes) -> Iterator[DeadLetter]:
    for _, said in ranges_in(notes):
        for letter in said["letters"]:
            yield DeadLetter(**letter | {"documents": tuple(Ref(*ref) for ref in letter["documents"])})


def ranges_in(notes: Notes) -> Iterator[tuple[int, dict[str, Any]]]:
    for name, said in notes.items():
        if name.startswith(RANGE.encode()):
            yield int(name[len(RANGE) :]), orjson.loads(said)
