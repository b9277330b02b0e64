"""Lines with texts that run from right to left, as they are drawn: from left to right.

Hebrew and Arabic words are turned around, numbers and foreign words between them are not. This is the
Unicode bidirectional algorithm (UAX 9) without explicit steering characters, which are never printed.
The libraries for it leave brackets and marks in the wrong places.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Final

CACHE_MAX: Final = 4096
MIRRORED: Final = str.maketrans("()[]{}<>«»", ")(][}{><»«")
CLOSING: Final = {")": "(", "]": "[", "}": "{"}
STRONG: Final = {"L": "L", "R": "R", "AL": "R"}
NUMBERS: Final = {"EN", "AN"}

_RIGHT_TO_LEFT: Final = re.compile(
    r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)


@lru_cache(CACHE_MAX)
def visual(line: str) -> str:
    """The characters of one line from left to right."""
    if not _RIGHT_TO_LEFT.search(line):
        return line
    units = list(_units(line))
    levels = _levels(units)
    for level in range(max(levels), 0, -1):
        _turn(units, levels, level)
    return "".join(units)


def _units(line: str) -> Iterator[str]:
    """Characters with the marks that stand on them."""
    unit = ""
    for character in line:
        if unit and unicodedata.category(character) != "Mn":
            yield unit
            unit = ""
        unit += character
    yield unit


def _levels(units: Sequence[str]) -> list[int]:
    """How often each unit is turned around: odd ones run from right to left."""
    kinds = [unicodedata.bidirectional(unit[0]) for unit in units]
    base = next((STRONG[kind] for kind in kinds if kind in STRONG), "L")
    found = _between(_bracketed(units, _numbered(kinds, base), base), base)
    turned = {"L": 0, "R": 1, "N": 2} if base == "L" else {"L": 2, "R": 1, "N": 2}
    return [turned[kind] for kind in found]


def _numbered(kinds: Sequence[str], base: str) -> list[str]:
    """`L` and `R`, `N` for numbers that stand behind letters from right to left, and `-` for others."""
    found, last = [], base
    for place, kind in enumerate(kinds):
        last = kind if kind in STRONG else last
        if kind in STRONG:
            found.append(STRONG[kind])
        elif kind in NUMBERS or _in_number(kinds, place, last):
            found.append("L" if last == "L" else "N")
        else:
            found.append("-")
    return found


def _in_number(kinds: Sequence[str], place: int, last: str) -> bool:
    """`1,000` is one number, and so is `50%`, except behind Arabic letters."""
    before = place > 0 and kinds[place - 1] in NUMBERS
    after = place + 1 < len(kinds) and kinds[place + 1] in NUMBERS
    if kinds[place] == "ET":
        return last != "AL" and (before or after)
    return before and after and kinds[place] in ({"CS"} if last == "AL" else {"CS", "ES"})


def _bracketed(units: Sequence[str], kinds: Sequence[str], base: str) -> list[str]:
    """A pair of brackets runs with the line when something in it does, else with what it is within."""
    found = list(kinds)
    for start, end in sorted(_pairs(units, kinds)):
        inside = {_side(kind) for kind in found[start + 1 : end] if kind != "-"}
        before = next((_side(kind) for kind in reversed(found[:start]) if kind != "-"), base)
        if inside:
            found[start] = found[end] = base if base in inside else before
    return found


def _pairs(units: Sequence[str], kinds: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where brackets that belong together open and close."""
    opened: list[int] = []
    for place, unit in enumerate(units):
        if kinds[place] != "-":
            continue
        if unit in CLOSING.values():
            opened.append(place)
        fitting = [number for number, start in enumerate(opened) if units[start] == CLOSING.get(unit)]
        if fitting:
            yield opened[fitting[-1]], place
            del opened[fitting[-1] :]


def _between(kinds: Sequence[str], base: str) -> list[str]:
    """What stands between two of one direction has that direction, other signs the line's own."""
    found: list[str] = []
    before = base
    runs = [(kind, len(list(run))) for kind, run in groupby(kinds)]
    for (kind, length), (following, _) in zip(runs, [*runs[1:], (base, 0)], strict=True):
        if kind == "-":
            found += [before if before == _side(following) else base] * length
        else:
            found += [kind] * length
            before = _side(kind)
    return found


def _side(kind: str) -> str:
    return "L" if kind == "L" else "R"


def _turn(units: list[str], levels: list[int], least: int) -> None:
    """Turn every run of units around whose level is `least` or more, in place."""
    start = 0
    for is_turned, run in groupby(levels[:], lambda level: level >= least):
        end = start + len(list(run))
        if is_turned:
            turned = units[start:end][::-1]
            units[start:end] = [unit.translate(MIRRORED) for unit in turned]
            levels[start:end] = levels[start:end][::-1]
        start = end
