"""Sums are exact in JSON, however large they grow."""

from __future__ import annotations

import json
from decimal import Decimal

import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from api.decimals import digits, number
from api.reports.formats import as_json
from api.taskflow.formats import hours, money
from commands.money import MONEY_MAX_CENTS, half_up
from readmodels import rounding
from readmodels.reports.report import Unit

AMOUNTS = st.one_of(st.integers(-(2**63), 2**63), st.integers(2**51, 2**53), st.integers(-(10**7), 10**7))


@given(AMOUNTS, st.integers(1, 2))
@example(95 * (MONEY_MAX_CENTS - 2), 2)
@example(2**46 * 100 - 1, 2)
@example(2**46 * 100, 2)
@example(14506913449330391, 1)
@example(5708554746973333, 1)
def test_what_stands_in_json_is_the_number_to_its_last_digit(scaled: int, places: int) -> None:
    written = orjson.dumps(number(scaled, places)).decode()
    assert json.loads(written, parse_float=Decimal, parse_int=Decimal) == Decimal(scaled).scaleb(-places)
    assert Decimal(digits(scaled, places)) == Decimal(scaled).scaleb(-places)


@given(AMOUNTS)
def test_money_hours_and_figures_of_reports_are_written_alike(cents: int) -> None:
    written = orjson.dumps(money(cents))
    assert written == orjson.dumps(hours(cents)) == orjson.dumps(as_json(cents, Unit.CENTS))


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**9))
def test_what_is_decided_and_what_is_reported_is_rounded_alike(numerator: int, denominator: int) -> None:
    assert half_up(numerator, denominator) == rounding.half_up(numerator, denominator)
