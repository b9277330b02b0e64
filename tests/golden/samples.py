"""Reading the golden samples, and writing those that are missing: `python -m tests.golden.samples`.

A sample that exists is never written again: it stands for what is in somebody's log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import orjson

from events.catalogue import FEATURES
from events.event import TYPES, Event
from events.keys import Keyring
from events.mapper import EventMapper, Placed

FOLDER = Path(__file__).parent / "events"
KEYS = Path(__file__).parent / "keys.json"
USER_ID = 7
STREAM_VERSION = 3


@dataclass(frozen=True)
class Sample:
    """`state` as the log holds it, `fields` as the event is read today."""

    stream: str
    version: int
    topic: str
    state: Mapping[str, Any]
    fields: Mapping[str, Any]

    @property
    def stream_place(self) -> tuple[str, int, str]:
        return self.stream, self.version, self.topic

    @property
    def class_version(self) -> int:
        return int(self.state.get("class_version", 1))


def product_types() -> dict[str, type[Event]]:
    """The event types of the product; tests define more of their own."""
    modules = {feature.__name__ for feature in FEATURES}
    return {topic: cls for topic, cls in TYPES.items() if cls.__module__ in modules}


def samples() -> dict[str, Sample]:
    """All samples by file name."""
    return {path.name: Sample(**json.loads(path.read_text())) for path in sorted(FOLDER.glob("*.json"))}


def keyring() -> Keyring:
    """The keyring that opens the samples' personal fields."""
    kept = json.loads(KEYS.read_text())
    ring = Keyring(bytes.fromhex(kept["master_key"]))
    ring.learn([USER_ID], {USER_ID: bytes.fromhex(kept["wrapped_key"])})
    return ring


def file_name(topic: str, class_version: int) -> str:
    return f"{topic}.v{class_version}.json"


def write_missing() -> list[str]:
    """Write samples of the present versions that have none; their names."""
    if not KEYS.exists():
        master_key = bytes(range(32))
        _, wrapped = Keyring(master_key).new_key(USER_ID)
        KEYS.write_text(json.dumps({"master_key": master_key.hex(), "wrapped_key": wrapped.hex()}) + "\n")
    mapper = EventMapper(keyring())
    written = []
    for topic, cls in product_types().items():
        path = FOLDER / file_name(topic, cls.class_version)
        if not path.exists():
            path.write_text(as_json(mapper, example(cls)))
            written.append(path.name)
    return written


def as_json(mapper: EventMapper, event: Event) -> str:
    stored = mapper.to_stored_event(Placed(event.stream, STREAM_VERSION, event))
    sample = Sample(
        event.stream,
        STREAM_VERSION,
        stored.topic,
        orjson.loads(stored.state),
        orjson.loads(orjson.dumps(asdict(event))),
    )
    return json.dumps(asdict(sample), indent=2, ensure_ascii=False) + "\n"


def example(cls: type[Event]) -> Event:
    """An event with a telling value in every field."""
    hints = get_type_hints(cls)
    return cls(**{field.name: value(field.name, hints[field.name]) for field in fields(cls)})


TELLING = {
    "user_id": USER_ID,
    "changes": {"description": "Zwei Büros, 1 000 m²", "end_date": None},
    "claim": "email:8f14e45fceea167a5a36dedd4bea2543",
    "holder": f"user-{USER_ID}",
    "status": "cancelled",
    "priority": "urgent",
    "role": "manager",
    "start_date": "2025-01-01T00:00:00.000000Z",
    "end_date": "2025-12-31T23:59:59.999999Z",
    "incurred_on": "2025-03-31T00:00:00.000000Z",
    "severity": "critical",
    "probability": "high",
    "due_date": "2025-07-01T12:30:00.000000Z",
    "credits": (
        {"user_id": 7, "centihours": 150, "hourly_rate_cents": 4000, "cost_cents": 6000},
        {"user_id": 8, "centihours": -25, "hourly_rate_cents": 0, "cost_cents": 0},
    ),
}


def value(name: str, hint: Any) -> Any:
    if name in TELLING:
        return TELLING[name]
    if isinstance(hint, UnionType):
        return value(name, next(one for one in get_args(hint) if one is not NoneType))
    if get_origin(hint) is tuple:
        return (value(name, get_args(hint)[0]), USER_ID)
    return {int: 12, bool: True, str: f"{name} „Ünïcode“"}[hint]


if __name__ == "__main__":
    for name in write_missing():
        print(name)
