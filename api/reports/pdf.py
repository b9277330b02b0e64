"""A report as a PDF: what it speaks of, its summary, its chart and its table, page by page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import BinaryIO, Final

from reportlab import rl_config
from reportlab.pdfgen.canvas import Canvas

from api.reports import charts, fonts
from api.reports.fonts import BOLD, REGULAR, printable, shortened, width, wrapped
from api.reports.formats import SECONDS_END, as_print
from api.reports.righttoleft import visual
from api.reports.style import (
    BOTTOM,
    FIGURE_SIZE,
    FOOT,
    INK,
    LEADING,
    LEFT,
    MUTED,
    PAPER,
    ROOM,
    RULE,
    SMALL_SIZE,
    TEXT_SIZE,
    TITLE_SIZE,
    TOP,
)
from api.reports.tables import Table
from readmodels.reports.report import FORMULA_VERSION, Report

FIGURES_IN_LINE: Final = 5
FIGURE_HEIGHT: Final = 30.0
FIGURE_GAP: Final = 10.0
SECTION: Final = 14.0
LINES_MAX: Final = 3
FIRST_ROWS_ROOM_MIN: Final = 70.0
"""Below that a table begins on the next page."""


def write_pdf(report: Report, file: BinaryIO) -> None:
    """Write the report in A4 landscape. The same report gives the same bytes."""
    fonts.load()
    # Compressed pages need no detour through ASCII, which takes time and room.
    rl_config.useA85 = 0
    canvas = Canvas(file, pagesize=PAPER, invariant=1, pageCompression=1, initialFontName=REGULAR, lang="en")
    canvas.setDateFormatter(lambda *_: made_at(report.moment))
    canvas.setTitle(printable(report.title))
    canvas.setSubject(speaks_of(report))
    canvas.setAuthor("TaskLedger")
    canvas.setCreator("TaskLedger")
    canvas.setProducer("TaskLedger")
    Printing(report, canvas).run()
    canvas.save()


def made_at(moment: str) -> str:
    """The moment that the report speaks of, as PDF writes dates: `D:20250701123000+00'00'`."""
    digits = "".join(filter(str.isdigit, moment[:SECONDS_END]))
    return f"D:{digits}+00'00'"


def speaks_of(report: Report) -> str:
    moment = report.moment[:SECONDS_END].replace("T", " ")
    return f"As of {moment} UTC, position {report.position} of the log, formula version {FORMULA_VERSION}"


class Printing:
    """One report on one canvas; `run` draws all pages."""

    def __init__(self, report: Report, canvas: Canvas) -> None:
        self._report = report
        self._canvas = canvas
        self._table = Table(report.columns, report.rows, LEFT, ROOM)

    def run(self) -> None:
        below = self._draw_front()
        pages = self._pages(below - BOTTOM)
        for number, rows in enumerate(pages, 1):
            self._table.draw(self._canvas, below if number == 1 else TOP, rows)
            self._draw_foot(number, len(pages))
            self._canvas.showPage()

    def _pages(self, first_room: float) -> Sequence[range]:
        """Which rows stand on each page."""
        room = TOP - BOTTOM - self._table.head_height
        first = first_room - self._table.head_height
        return paged(self._table.heights(), first if first >= FIRST_ROWS_ROOM_MIN else 0, room)

    def _draw_front(self) -> float:
        """Title, summary, chart and notes. Where the table may begin."""
        top = self._draw_title()
        top = self._draw_figures(top - SECTION)
        charts.draw(self._canvas, self._report.chart, LEFT, top - SECTION)
        top -= SECTION + charts.height(self._report.chart) + SMALL_SIZE / 2
        return self._lines(self._notes(), REGULAR, SMALL_SIZE, MUTED, top) - SECTION

    def _draw_title(self) -> float:
        top = self._lines([printable(self._report.title)], BOLD, TITLE_SIZE, INK, TOP + TITLE_SIZE / 4)
        top -= TITLE_SIZE / 4
        said = [speaks_of(self._report), *self._report.asked]
        for each in said:
            lines = wrapped(printable(each), REGULAR, TEXT_SIZE, ROOM, LINES_MAX)
            top = self._lines(lines, REGULAR, TEXT_SIZE, MUTED, top)
        return top

    def _draw_figures(self, top: float) -> float:
        """The summary: names above their figures, a few in a line."""
        columns = [column for column in self._report.summary_columns if column.is_printed]
        room = (ROOM + FIGURE_GAP) / FIGURES_IN_LINE
        for number, column in enumerate(columns):
            line, place = divmod(number, FIGURES_IN_LINE)
            left, above = LEFT + place * room, top - line * FIGURE_HEIGHT
            self._rule(left, left + room - FIGURE_GAP, above)
            value = printable(as_print(self._report.summary[column.name], column.unit))
            name = shortened(column.title, REGULAR, SMALL_SIZE, room - FIGURE_GAP)
            self._text(left, above - 10, name, REGULAR, SMALL_SIZE, MUTED)
            size = min(FIGURE_SIZE, (room - FIGURE_GAP) / width(value, BOLD, 1))
            self._text(left, above - 23, value, BOLD, size, INK)
        return top - -(-len(columns) // FIGURES_IN_LINE) * FIGURE_HEIGHT

    def _notes(self) -> Sequence[str]:
        lines = [] if self._report.rows else ["There is nothing in this report."]
        for note in self._report.notes:
            lines += wrapped(printable(note), REGULAR, SMALL_SIZE, ROOM, LINES_MAX)
        return lines

    def _draw_foot(self, number: int, pages: int) -> None:
        self._rule(LEFT, LEFT + ROOM, FOOT + 11)
        said = printable(f"{self._report.title} · {speaks_of(self._report)}")
        self._text(LEFT, FOOT, said, REGULAR, SMALL_SIZE, MUTED)
        self._canvas.drawRightString(LEFT + ROOM, FOOT, f"Page {number} of {pages}")

    def _lines(self, lines: Iterable[str], font: str, size: float, colour: object, top: float) -> float:
        for line in lines:
            top -= size * LEADING
            self._text(LEFT, top, line, font, size, colour)
        return top

    def _text(self, x: float, y: float, text: str, font: str, size: float, colour: object) -> None:
        self._canvas.setFont(font, size)
        self._canvas.setFillColor(colour)
        self._canvas.drawString(x, y, visual(text))

    def _rule(self, left: float, right: float, height: float) -> None:
        self._canvas.setStrokeColor(RULE)
        self._canvas.setLineWidth(0.4)
        self._canvas.line(left, height, right, height)


def paged(heights: Iterable[float], first: float, room: float) -> Sequence[range]:
    """Rows by page, one page at least: `first` is the first page's room, `room` that of the others."""
    pages, start, left, number = [], 0, first, -1
    for number, height in enumerate(heights):
        if height > left:
            pages.append(range(start, number))
            start, left = number, room
        left -= height
    pages.append(range(start, number + 1))
    return pages
