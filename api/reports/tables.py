"""A printed table: how high its rows are, and how heads and rows are drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from reportlab.pdfgen.canvas import Canvas
from reportlab.pdfgen.pathobject import PDFPathObject
from reportlab.pdfgen.textobject import PDFTextObject

from api.reports.columns import Place, placed
from api.reports.fonts import BOLD, REGULAR
from api.reports.righttoleft import visual
from api.reports.style import INK, LEADING, MUTED, RULE
from readmodels.reports.report import Column, Row

SPACE: Final = 4.5


class Table:
    """The printed columns of `rows`, from `left` on and `room` points wide."""

    def __init__(self, columns: Iterable[Column], rows: Sequence[Row], left: float, room: float) -> None:
        self.rows = rows
        self._size, self._places = placed(columns, rows, left, room)
        self._right = left + room

    @property
    def head_height(self) -> float:
        return max(len(place.head) for place in self._places) * self._line + 2 * SPACE

    def heights(self) -> Iterator[float]:
        """The height of each row, which that of its longest text decides."""
        texts = [place for place in self._places if place.is_text]
        for row in self.rows:
            lines = max((len(place.lines(row, self._size)) for place in texts), default=1)
            yield lines * self._line + SPACE

    def draw(self, canvas: Canvas, top: float, numbers: range) -> float:
        """The heads and some of the rows, from `top` down; where the next thing may begin."""
        if not numbers:
            return top
        text, rules = canvas.beginText(), canvas.beginPath()
        top = self._draw_head(text, top)
        _rule(rules, self._places[0].left, self._right, top)
        text.setFont(REGULAR, self._size)
        text.setFillColor(INK)
        for number in numbers:
            top = self._draw_row(text, self.rows[number], top)
            _rule(rules, self._places[0].left, self._right, top)
        canvas.drawText(text)
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.4)
        canvas.drawPath(rules)
        return top

    @property
    def _line(self) -> float:
        return self._size * LEADING

    def _draw_head(self, text: PDFTextObject, top: float) -> float:
        """Heads of fewer lines stand at the bottom."""
        text.setFont(BOLD, self._size)
        text.setFillColor(MUTED)
        end = top - self.head_height
        for place in self._places:
            above = end + SPACE + len(place.head) * self._line
            self._write(text, place, place.head, above, BOLD)
        return end

    def _draw_row(self, text: PDFTextObject, row: Row, top: float) -> float:
        most = 1
        for place in self._places:
            lines = place.lines(row, self._size)
            self._write(text, place, lines, top - SPACE / 2, REGULAR)
            most = max(most, len(lines))
        return top - most * self._line - SPACE

    def _write(
        self, text: PDFTextObject, place: Place, lines: Sequence[str], above: float, font: str
    ) -> None:
        for line in lines:
            above -= self._line
            text.setTextOrigin(place.start(line, font, self._size), above + 0.3 * self._size)
            text.textOut(visual(line))


def _rule(rules: PDFPathObject, left: float, right: float, height: float) -> None:
    rules.moveTo(left, height)
    rules.lineTo(right, height)
