"""The mapper: events to stored JSON and back, with upcasting and with personal fields encrypted."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple, get_origin, get_type_hints

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from eventsourcing.persistence import Mapper, StoredEvent, Transcoder
from eventsourcing.utils import get_topic, resolve_topic

from events.catalogue import FEATURES
from events.errors import Erased, Rejected, Undecodable
from events.event import TYPES, Event, register_types
from events.keys import Keyring, seal, unseal

ERASED = "erased"
USER = "user-"
# What the state holds besides the event's own fields.
PERSONAL = "personal"
CLASS_VERSION = "class_version"


class OrjsonTranscoder(Transcoder):
    """JSON by orjson: strict about UTF-8, numbers and nesting, and quick."""

    def encode(self, obj: Any) -> bytes:
        return orjson.dumps(obj)

    def decode(self, data: bytes) -> Any:
        return orjson.loads(data)


@dataclass(frozen=True, slots=True)
class Placed:
    """An event with its place in its stream, in the library's words."""

    originator_id: str
    originator_version: int
    event: Event


class Shape(NamedTuple):
    """How a type of event is taken apart and put together again."""

    cls: type[Event]
    names: tuple[str, ...]
    values: Callable[[Event], Any]
    tuples: tuple[str, ...]
    version: int


@cache
def shape_of(topic: str) -> Shape:
    """The shape of the type called `topic`; raises Undecodable when there is none."""
    # The library imports what an unknown topic names: only topics that we know may get there.
    if topic not in TYPES:
        raise Undecodable(f"no event type is called {topic!r}")
    cls: type[Event] = resolve_topic(topic)
    hints = get_type_hints(cls)
    names = tuple(field.name for field in fields(cls))
    tuples = tuple(name for name in names if get_origin(hints[name]) is tuple)
    return Shape(cls, names, attrgetter(*names, "TOPIC"), tuples, cls.class_version)


class EventMapper(Mapper[str]):
    """The library's mapper for our events.

    Personal fields stand in the state under `personal`, each sealed under the key of the user whose
    stream it is and bound to its place and name, so that no ciphertext can be moved elsewhere. They
    are opened before upcasting: an old version's fields are found whatever they are called today.
    The keys of all users concerned must be at hand in the keyring.
    """

    def __init__(self, keyring: Keyring) -> None:
        super().__init__(OrjsonTranscoder())
        assert FEATURES, "the types of events are known by being imported"
        register_types()
        self._keyring = keyring

    def to_stored_event(self, domain_event: Any, new_cipher: AESGCM | None = None) -> StoredEvent:
        """`domain_event` is a Placed; `new_cipher` the key of a user who is only just coming in."""
        event, stream, version = (
            domain_event.event,
            domain_event.originator_id,
            domain_event.originator_version,
        )
        topic = get_topic(type(event))
        shape = shape_of(topic)
        state = dict(zip(shape.names, shape.values(event), strict=False))
        if event.PERSONAL:
            cipher = new_cipher or self._cipher_to_write(stream)
            sealed = {name: state.pop(name) for name in sorted(event.PERSONAL)}
            state[PERSONAL] = {
                name: seal_text(cipher, text, place(stream, version, name)) for name, text in sealed.items()
            }
        if shape.version > 1:
            state[CLASS_VERSION] = shape.version
        try:
            return StoredEvent(stream, version, topic, self.transcoder.encode(state))
        except TypeError as error:
            raise Rejected(f"{topic} holds what JSON cannot: {error}") from error

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """A Placed; raises Undecodable."""
        stream, version = str(stored_event.originator_id), stored_event.originator_version
        event = self.decode(stream, version, stored_event.topic, stored_event.state)
        return Placed(stream, version, event)

    def decode(self, stream: str, version: int, topic: str, state: bytes) -> Event:
        """The event in its present shape; raises Undecodable, with the reason."""
        cls, _, _, tuples, present = shape_of(topic)
        # All in one piece: this is what reading a long log spends most of its time with.
        try:
            told = orjson.loads(state)
            personal = told.pop(PERSONAL, None)
            if personal is not None:
                told |= self._opened(stream, version, personal)
            stored_version = told.pop(CLASS_VERSION, 1)
            if stored_version != present:
                upcast(cls, told, stored_version)
            for name in tuples:
                told[name] = tuple(told[name])
            return cls(**told)
        except Exception as error:
            raise Undecodable(f"{topic} cannot be read: {type(error).__name__}: {error}") from error

    def _opened(self, stream: str, version: int, personal: dict[str, str]) -> dict[str, str]:
        cipher = self._keyring.cipher(user_of(stream))
        if cipher is None:
            return dict.fromkeys(personal, ERASED)
        return {
            name: open_text(cipher, sealed, place(stream, version, name)) for name, sealed in personal.items()
        }

    def _cipher_to_write(self, stream: str) -> AESGCM:
        cipher = self._keyring.cipher(user_of(stream))
        if cipher is None:
            raise Erased(f"the key of {stream} was destroyed: nothing personal can be added")
        return cipher


def upcast(cls: type[Event], state: dict[str, Any], stored_version: int) -> None:
    """Bring an old state, in place, step by step to the present version."""
    if stored_version > cls.class_version:
        raise ValueError(f"version {stored_version} was written by newer code")
    for version in range(stored_version, cls.class_version):
        getattr(cls, f"upcast_v{version}_v{version + 1}")(state)


def user_of(stream: str) -> int:
    """The user whose stream it is: the only streams that may hold personal fields."""
    if not stream.startswith(USER):
        raise ValueError(f"personal fields belong into the streams of users, not into {stream}")
    return int(stream[len(USER) :])


def seal_text(cipher: AESGCM, text: str, where: bytes) -> str:
    return base64.b64encode(seal(cipher, text.encode(), where)).decode()


def open_text(cipher: AESGCM, sealed: str, where: bytes) -> str:
    try:
        return unseal(cipher, base64.b64decode(sealed, validate=True), where).decode()
    except InvalidTag as error:
        raise ValueError("the ciphertext was changed, moved or made under another key") from error


def place(stream: str, version: int, name: str) -> bytes:
    return f"{stream}|{version}|{name}".encode()


def new_event_id() -> str:
    return str(uuid.uuid4())
