"""Arrays that are made here arrive in PostgreSQL as the values that they were made of."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.arrays import Array, ArrayDumper, byteas, int4s, int8s, texts, timestamps, uuids

Connection = psycopg.Connection[tuple[Any, ...]]
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
AT = "2025-07-01T12:00:00.000001Z"


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as opened:
        opened.adapters.register_dumper(Array, ArrayDumper)
        yield opened


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(
    columns=st.tuples(
        st.lists(TEXTS | st.none()),
        st.lists(st.integers(-(2**63), 2**63 - 1) | st.none()),
        st.lists(st.integers(-(2**31), 2**31 - 1)),
        st.lists(st.binary(max_size=20)),
        st.lists(st.uuids().map(str)),
    )
)
def test_values_come_back_as_they_went_in(connection: Connection, columns: tuple[Any, ...]) -> None:
    makers: Sequence[Callable[[Any], Array]] = (texts, int8s, int4s, byteas, uuids)
    arrays = [make(column) for make, column in zip(makers, columns, strict=True)]
    asked = b"select %s::text[], %s::bigint[], %s::int[], %s::bytea[], %s::uuid[]::text[]"
    assert connection.execute(asked, arrays).fetchone() == columns


def test_instants_keep_their_microseconds(connection: Connection) -> None:
    early = "1969-12-31T23:59:59.999999Z"
    asked = b"select array(select t at time zone 'UTC' from unnest(%s::timestamptz[]) t)::text[]"
    assert connection.execute(asked, [timestamps([AT, None, early])]).fetchone() == (
        ["2025-07-01 12:00:00.000001", None, "1969-12-31 23:59:59.999999"],
    )


@pytest.mark.parametrize(
    ("make", "value", "error"),
    [
        (texts, "\ud800", UnicodeError),
        (texts, {"a": 1}, TypeError),
        (int4s, 2**31, struct.error),
        (int8s, 2**63, struct.error),
        (int8s, "7", struct.error),
        (uuids, "nonsense", ValueError),
    ],
)
def test_what_the_database_could_not_hold_is_refused_here(
    make: Callable[[Any], Array], value: object, error: type[Exception]
) -> None:
    with pytest.raises(error):
        make([value])
