"""What a coordinator and its workers tell each other: frames of JSON on a socket, each after its length."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final, NamedTuple

import orjson

LENGTH_BYTES: Final = 4
FRAME_MAX_BYTES: Final = 256 * 2**20

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the log is, and where read models go. Secrets: never shown, never in a command line."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    master_key: bytes = field(repr=False)


class Order(NamedTuple):
    """What a worker has to know before its first job: whose generation it writes, and up to where.

    It holds `documents_max` documents at the most, and texts and entries of indexes that follow from
    `entries_max_bytes` of documents. Redis carries out `part_max_bytes` at once, about. Summaries lie in
    so many `buckets`. What lets one in is never shown.
    """

    database_url: str
    redis_url: str
    master_key: str
    generation: int | str
    epoch: int
    end: int
    event_id: str
    recorded_at: str
    discarded: Sequence[int]
    buckets: int
    documents_max: int
    entries_max_bytes: int
    part_max_bytes: int
    redis_timeout_s: float

    def __repr__(self) -> str:
        return f"{type(self).__name__}(generation={self.generation!r}, epoch={self.epoch}, end={self.end})"


def sealed(master_key: bytes) -> str:
    """A key as JSON can hold it."""
    return base64.b64encode(master_key).decode()


def opened(master_key: str) -> bytes:
    return base64.b64decode(master_key)


def framed(message: Message) -> bytes:
    frame = orjson.dumps(message)
    return len(frame).to_bytes(LENGTH_BYTES, "big") + frame


def length_of(head: bytes) -> int:
    """How long the rest of a frame is. Raises OSError for what is no frame of ours."""
    length = int.from_bytes(head, "big")
    if length > FRAME_MAX_BYTES:
        raise OSError(f"a frame of {length} bytes; {FRAME_MAX_BYTES} is the most")
    return length


async def receive(reader: asyncio.StreamReader) -> Message:
    """Raises EOFError (IncompleteReadError), OSError where nobody speaks any more."""
    length = length_of(await reader.readexactly(LENGTH_BYTES))
    message: Message = orjson.loads(await reader.readexactly(length))
    return message


def receive_blocking(stream: BinaryIO) -> Message | None:
    """None where nobody speaks any more."""
    head = stream.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    frame = stream.read(length_of(head))
    message: Message | None = orjson.loads(frame) if frame else None
    return message
