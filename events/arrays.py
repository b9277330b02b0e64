"""Arrays as they go over the wire to PostgreSQL, made in one go: what a group holds is thousands of values.

psycopg makes them value by value, looks for their type anew each time, and prepares the statement again
where a column holds nothing but nulls.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from psycopg.adapt import Dumper
from psycopg.pq import Format

from events.columns import POSTGRES_EPOCH
from events.connections import Connection
from events.instants import Instant, moment

# The numbers of types in PostgreSQL's catalogue, which never change.
BYTEA: Final = 17
INT8: Final = 20
INT4: Final = 23
TEXT: Final = 25
TIMESTAMPTZ: Final = 1184
UUID: Final = 2950

_head = struct.Struct(">iiiii").pack
_length = struct.Struct(">i").pack
_int4 = struct.Struct(">ii").pack
_int8 = struct.Struct(">iq").pack
_NULL: Final = _length(-1)


@dataclass(frozen=True, slots=True)
class Array:
    """One array of one dimension, in PostgreSQL's binary format."""

    data: bytes


class ArrayDumper(Dumper):
    """The type is told by the statement, which casts each array."""

    format = Format.BINARY

    def dump(self, obj: Array) -> bytes:
        return obj.data


def use_arrays(connection: Connection) -> None:
    """Take an Array as a parameter on this connection."""
    connection.adapters.register_dumper(Array, ArrayDumper)


def texts(values: Iterable[str | None]) -> Array:
    """Raises UnicodeError for a text that UTF-8 cannot hold, TypeError for what is no text."""
    return _array(TEXT, [_NULL if value is None else _sized(str.encode(value)) for value in values])


def byteas(values: Iterable[bytes]) -> Array:
    return _array(BYTEA, [_sized(value) for value in values])


def int4s(values: Iterable[int]) -> Array:
    """Raises struct.error for a number that 4 bytes cannot hold; so does `int8s` for 8."""
    return _array(INT4, [_int4(4, value) for value in values])


def int8s(values: Iterable[int | None]) -> Array:
    return _array(INT8, [_NULL if value is None else _int8(8, value) for value in values])


def uuids(values: Iterable[str]) -> Array:
    """Of texts with or without hyphens. Raises ValueError for what is no UUID."""
    return _array(UUID, [_sized(bytes.fromhex(value.replace("-", ""))) for value in values])


def timestamps(values: Iterable[Instant | None]) -> Array:
    return _array(TIMESTAMPTZ, [_NULL if at is None else _int8(8, _microseconds(at)) for at in values])


def _microseconds(at: Instant) -> int:
    return (moment(at) - POSTGRES_EPOCH) // timedelta(microseconds=1)


def _sized(value: bytes) -> bytes:
    return _length(len(value)) + value


def _array(element: int, values: list[bytes]) -> Array:
    """Dimensions, whether there may be nulls, the elements' type; the dimension's length and first index."""
    if not values:
        return Array(struct.pack(">iii", 0, 0, element))
    return Array(_head(1, 1, element, len(values), 1) + b"".join(values))
