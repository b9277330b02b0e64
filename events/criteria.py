"""What somebody looks for in the log: criteria that an event meets or does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

import orjson

from events.log import Stored
from events.mapper import CLASS_VERSION, PERSONAL

Scalar = str | int | float | bool | None

DATA: Final = "data"
GLOB: Final = frozenset("*?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """All that is given must hold; `types` are alternatives, in which `*` and `?` stand for letters.

    `fields` are paths into the payload with the value to be found there: `("status", "completed")`. A
    list in the payload is any of its elements. Values are typed: the text "1" is not the number 1. What
    identifies a person is encrypted and cannot be looked for.
    """

    types: tuple[str, ...] = ()
    stream: str | None = None
    actor_id: int | None = None
    request_id: str | None = None
    causation_id: str | None = None
    event_id: str | None = None
    fields: tuple[tuple[str, Scalar], ...] = ()

    def is_met_by(self, stored: Stored) -> bool:
        """Whether a stored event is one of those that are looked for; every event where nothing is given."""
        return (
            (not self.types or self.takes_type(stored.topic))
            and self.stream in (None, stored.stream)
            and self.actor_id in (None, stored.actor_id)
            and self.request_id in (None, stored.request_id)
            and self.causation_id in (None, stored.causation_id)
            and self.event_id in (None, stored.event_id)
            and (not self.fields or _holds(stored.state, self.fields))
        )

    def takes_type(self, topic: str) -> bool:
        # A bracket is a letter like any other here, for fnmatch only within brackets.
        return any(fnmatchcase(topic, pattern.replace("[", "[[]")) for pattern in self.types)

    def has_patterns(self) -> bool:
        """Whether its types have to be compared with those that there are."""
        return any(GLOB & set(pattern) for pattern in self.types)


def payload_of(state: bytes) -> Any:
    """The payload without what the log adds to it and without ciphertext; None where it is no JSON."""
    try:
        payload = orjson.loads(state)
    except orjson.JSONDecodeError:
        return None
    if isinstance(payload, dict):
        return {name: value for name, value in payload.items() if name not in (PERSONAL, CLASS_VERSION)}
    return payload


def leaves(value: Any, path: str = DATA) -> Iterator[tuple[str, Scalar]]:
    """The scalar values in a payload, each with its path: `data.changes.title`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield path, value


def _holds(state: bytes, fields: tuple[tuple[str, Scalar], ...]) -> bool:
    found = {(path, *_typed(value)) for path, value in leaves(payload_of(state))}
    return all((f"{DATA}.{path}", *_typed(value)) in found for path, value in fields)


def _typed(value: Scalar) -> tuple[str, Scalar]:
    """For Python, True is 1; in JSON it is not."""
    return ("boolean" if isinstance(value, bool) else "other"), value
