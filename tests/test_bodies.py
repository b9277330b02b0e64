"""JSON bodies keep every digit, and what no field could hold is refused before any field sees it."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from decimal import Decimal

import orjson
import pytest
from aiohttp import StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from api.bodies import parse_object, read_body
from api.errors import BadRequest, PayloadTooLarge
from api.shapes import has_hundredths_only, instant_of, is_email
from api.taskflow.formats import hours, moment, money
from commands.money import MONEY_MAX_CENTS
from events.instants import instant

NAMES = st.text(max_size=5).filter(lambda text: not any("\ud800" <= each <= "\udfff" for each in text))
OBJECTS = st.dictionaries(
    NAMES,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63) | NAMES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
        max_leaves=10,
    ),
)


@given(OBJECTS)
def test_what_is_json_comes_out_as_it_went_in(value: dict[str, object]) -> None:
    raw = json.dumps(value).encode()
    assert parse_object(raw, depth_max=32) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=12))
def test_no_digit_of_a_number_is_lost(number: Decimal) -> None:
    found = parse_object(b'{"n": %s}' % f"{number:f}".encode(), depth_max=32)["n"]
    assert found == number
    assert isinstance(found, Decimal)


@given(st.integers(0, MONEY_MAX_CENTS))
def test_money_is_shown_with_exactly_the_cents_meant(cents: int) -> None:
    shown = orjson.dumps(money(cents)).decode()
    assert Decimal(shown) == Decimal(cents) / 100
    assert hours(cents) == money(cents)


@given(st.decimals(0, 10**12, places=5))
def test_two_decimals_at_most(number: Decimal) -> None:
    assert has_hundredths_only(number) == ((number * 10**5) % 1000 == 0)


@pytest.mark.parametrize("depth", [1, 2, 31, 32])
def test_nesting_is_counted_in_objects_and_lists(depth: int) -> None:
    raw = b'{"a": ' * depth + b"1" + b"}" * depth
    assert parse_object(raw, depth_max=depth)
    with pytest.raises(BadRequest, match="nest"):
        parse_object(raw, depth_max=depth - 1)


def test_a_name_twice_at_any_level_is_refused() -> None:
    with pytest.raises(BadRequest, match="twice"):
        parse_object(b'{"a": [{"b": 1, "b": 1}]}', depth_max=32)


def test_a_hostile_email_is_judged_quickly() -> None:
    assert not is_email("a" * 100_000)
    assert not is_email("a." * 60)
    assert not is_email("a@" + "b." * 58)
    assert is_email("a" * 108 + "@example.com")
    assert not is_email("a" * 109 + "@example.com")


@given(st.datetimes(timezones=st.timezones()))
def test_every_moment_that_utc_can_say_is_understood(when: datetime) -> None:
    offset = when.utcoffset()
    if offset is None or offset.total_seconds() % 60:
        return
    text = when.isoformat()
    try:
        expected = instant(when)
    except OverflowError:
        with pytest.raises(ValueError, match="-"):
            instant_of(text)
        return
    assert instant_of(text) == expected
    assert moment(instant_of(text)) == f"{expected[:19]}Z"


def arrived(*parts: bytes) -> web.Request:
    """A request whose body is there already, without having said how long it is."""
    payload = StreamReader(BaseProtocol(asyncio.get_running_loop()), 2**16)
    for part in parts:
        payload.feed_data(part)
    payload.feed_eof()
    headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    return make_mocked_request("POST", "/api/projects", headers, payload=payload)


async def test_a_body_that_is_there_already_is_read_whole_and_bounded() -> None:
    assert await read_body(arrived(b'{"a":', b"1}"), bytes_max=7, timeout_s=1) == b'{"a":1}'
    assert await read_body(arrived(), bytes_max=7, timeout_s=1) == b""
    with pytest.raises(PayloadTooLarge):
        await read_body(arrived(b'{"a":', b"12}"), bytes_max=7, timeout_s=1)
