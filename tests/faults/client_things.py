"""Things that clients made: what they know of each, and whether an answer shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.faults.client_wire import TASKFORGE, Answer, Person

NAMES: Final[Mapping[str, str]] = {"project": "name", "task": "title", "tag": "name"}
NAME: Final = "description"
"""Under which name a thing bears a text of its own, which each change of it replaces."""


@dataclass(slots=True)
class Thing:
    """What its `owner` was told about it last, `expected` by the names of its dialect.

    One write at a time is about it (`busy_with`); while its outcome is unknown nobody else touches it.
    `texts` are the texts of its own in the order in which they were sent, the acknowledged ones up to
    place `acknowledged`.
    """

    kind: str
    id: int
    path: str
    owner: Person
    expected: dict[str, Any]
    texts: list[str]
    position: int
    etag: str = ""
    acknowledged: int = 0
    busy_with: str = ""
    """The key of the write that is about it now; one that is sent again later on does not end that."""
    tasks: int = 0
    """Of a project: how many of its tasks were acknowledged."""
    since: dict[str, int] = field(default_factory=dict)
    """From which position on it is as expected, by name; from the beginning unless it is said."""

    @property
    def is_busy(self) -> bool:
        return bool(self.busy_with)

    @property
    def is_forged(self) -> bool:
        return self.path.startswith(TASKFORGE)

    def take(self, told: Mapping[str, Any], position: int) -> None:
        """Expect what was acknowledged at a position; what is known from a later one stays."""
        for name, value in told.items():
            if position >= self.since.get(name, 0):
                self.expected[name], self.since[name] = value, position
        self.position = max(position, self.position)

    @property
    def name(self) -> str:
        return f"{self.kind} {self.id}"


def shown(thing_kind: str, path: str, answer: Answer) -> dict[str, Any]:
    """The one thing that an answer is about; people and tags beside it by their ids."""
    data = answer.data if path.startswith(TASKFORGE) else answer.data.get(thing_kind)
    return {name: _brief(value) for name, value in (data or {}).items()}


def _brief(value: Any) -> Any:
    return [each["id"] for each in value] if isinstance(value, list) else value


def difference(expected: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """What is shown otherwise than it was acknowledged; empty for nothing."""
    return ", ".join(
        f"{name} is {found.get(name)!r} instead of {value!r}"
        for name, value in expected.items()
        if found.get(name) != value
    )


def text_of(kind: str, found: Mapping[str, Any]) -> str:
    """The text by which a thing, as it is shown, can be told from what it was before."""
    return str(found.get(NAMES.get(kind, NAME)))
