"""Exact decimals in JSON: integers that are kept in hundredths, as clients see them."""

from __future__ import annotations

from typing import Final, cast

import orjson

FLOAT_EXACT_END: Final = 2**46
"""Below it, the float nearest to a number with two decimals prints exactly the digits meant."""


def number(scaled: int, places: int) -> float:
    """An integer number of 10**-places for JSON: beyond what a float can tell, its digits as they are."""
    if abs(scaled) < FLOAT_EXACT_END * 10**places:
        return float(scaled / 10**places)
    return cast("float", orjson.Fragment(digits(scaled, places)))


def digits(scaled: int, places: int, separator: str = "") -> str:
    """`-1234.50` for -123450 and 2; thousands are set apart by `separator`."""
    whole, rest = divmod(abs(scaled), 10**places)
    sign = "-" if scaled < 0 else ""
    grouped = f"{whole:,}".replace(",", separator)
    return f"{sign}{grouped}.{rest:0{places}}" if places else f"{sign}{grouped}"
