"""The columns of a printed table: what they show, and where each has its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from api.reports.fonts import BOLD, REGULAR, printable, width, wrapped
from api.reports.formats import as_print
from readmodels.reports.report import Column, Row, Unit

SIZES: Final = (7.5, 7.0, 6.5, 6.0, 5.5, 5.0, 4.5, 4.0)
"""The first size of letters in which everything finds room is taken."""

GAP: Final = 9.0
LINES_MAX: Final = 4
ROOM_MIN: Final = 44.0
ROOM_MAX: Final = 300.0


@dataclass(frozen=True, slots=True)
class Place:
    """A column on the page: its left edge and its room in points, and its head line by line."""

    name: str
    unit: Unit
    is_text: bool
    left: float
    room: float
    head: Sequence[str]

    def lines(self, row: Row, size: float) -> Sequence[str]:
        """What stands in the column for a row; only texts are ever broken."""
        text = printable(as_print(row[self.name], self.unit))
        return wrapped(text, REGULAR, size, self.room, LINES_MAX) if self.is_text else [text]

    def start(self, line: str, font: str, size: float) -> float:
        """Where a line begins: texts at the left edge, figures so that they end at the right one."""
        return self.left if self.is_text else self.left + self.room - width(line, font, size)


def is_text(column: Column) -> bool:
    return column.unit in {Unit.TEXT, Unit.PERSON}


def placed(
    columns: Iterable[Column], rows: Sequence[Row], left: float, room: float
) -> tuple[float, Sequence[Place]]:
    """The size of the letters, and the places of the columns from `left` on, `room` points in all."""
    shown = [column for column in columns if column.is_printed]
    size, rooms = _rooms(shown, [_widest(column, rows) for column in shown], room)
    lefts = accumulate((each + GAP for each in rooms[:-1]), initial=left)
    places = zip(shown, lefts, rooms, strict=True)
    return size, [_place(column, size, start, wide) for column, start, wide in places]


def _place(column: Column, size: float, left: float, room: float) -> Place:
    head = wrapped(column.title, BOLD, size, room, LINES_MAX)
    return Place(column.name, column.unit, is_text(column), left, room, head)


def _widest(column: Column, rows: Iterable[Row]) -> float:
    """The width of the widest text of a column in a font of size 1; all digits are equally wide."""
    texts = {printable(as_print(row[column.name], column.unit)) for row in rows}
    if not is_text(column):
        return width(max(texts, key=len, default=""), REGULAR, 1)
    return max((width(text, REGULAR, 1) for text in texts), default=0)


def _rooms(columns: Sequence[Column], widest: Sequence[float], room: float) -> tuple[float, list[float]]:
    """The size of the letters and the room of each column.

    Figures get what they need. Texts share what is left when that is less than they want, and all
    columns share when it is more.
    """
    free = room - GAP * (len(columns) - 1)
    for size in SIZES:
        least = [
            max(_word(column.title, size), min(need * size, ROOM_MIN) if is_text(column) else need * size)
            for column, need in zip(columns, widest, strict=True)
        ]
        if sum(least) <= free:
            break
    want = [
        max(low, min(need * size, ROOM_MAX)) if is_text(column) else low
        for column, need, low in zip(columns, widest, least, strict=True)
    ]
    spare, wanted = max(free - sum(least), 0), sum(want) - sum(least)
    if spare < wanted:
        part = spare / wanted
        return size, [low + (high - low) * part for low, high in zip(least, want, strict=True)]
    # A number that only names its row stays close to the row's name.
    sharing = [column.unit is not Unit.ID for column in columns]
    more = (spare - wanted) / max(sum(sharing), 1)
    return size, [high + more * shares for high, shares in zip(want, sharing, strict=True)]


def _word(title: str, size: float) -> float:
    """The width of a head's longest word, which is not broken."""
    return max(width(word, BOLD, size) for word in title.split())
