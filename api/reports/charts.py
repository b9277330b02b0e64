"""A report's chart, as bars that lie below each other or, over time, stand side by side."""

from __future__ import annotations

from typing import Final

from reportlab.graphics import renderPDF
from reportlab.graphics.charts.axes import YValueAxis
from reportlab.graphics.charts.barcharts import BarChart, HorizontalBarChart, VerticalBarChart
from reportlab.graphics.shapes import Drawing, Rect, String
from reportlab.lib.colors import Color
from reportlab.pdfgen.canvas import Canvas

from api.decimals import digits
from api.reports.fonts import BOLD, REGULAR, printable, shortened, width
from api.reports.formats import PLACES
from api.reports.righttoleft import visual
from api.reports.style import INK, MUTED, ROOM, RULE, SERIES, SMALL_SIZE, TEXT_SIZE
from readmodels.reports.report import Chart, Unit

HEAD: Final = 18.0
AXIS: Final = 14.0
STANDING_HEIGHT: Final = 120.0
STANDING_ROOM_MAX: Final = 72.0
"""A few bars do not fill the page."""

BAR: Final = 4.5
BETWEEN: Final = 2.5
LABEL_ROOM: Final = 150.0
VALUE_ROOM: Final = 60.0
TICKS_MAX: Final = 5
STEPS: Final = (1, 2, 5)
MARK: Final = 6.0


def height(chart: Chart) -> float:
    """The height that the chart takes, in points."""
    if not _shows_something(chart):
        return HEAD + TEXT_SIZE * 2
    return HEAD + _body(chart) + AXIS


def draw(canvas: Canvas, chart: Chart, left: float, top: float) -> None:
    whole = height(chart)
    drawing = Drawing(ROOM, whole, initialFontName=REGULAR)
    _add_head(drawing, chart, whole - TEXT_SIZE)
    if _shows_something(chart):
        drawing.add(_standing(chart) if chart.is_over_time else _lying(chart))
    else:
        drawing.add(_string(0, 4, "Nothing to show yet", REGULAR, MUTED))
    renderPDF.draw(drawing, canvas, left, top - whole)


def _shows_something(chart: Chart) -> bool:
    return any(any(bar.values) for bar in chart.bars)


def _body(chart: Chart) -> float:
    if chart.is_over_time:
        return STANDING_HEIGHT
    return len(chart.bars) * (len(chart.series) * BAR + 2 * BETWEEN)


def _add_head(drawing: Drawing, chart: Chart, base: float) -> None:
    """The title and the note, and at the right what the colours mean."""
    title = printable(chart.title)
    drawing.add(_string(0, base, title, BOLD, INK))
    if chart.note:
        start = width(title, BOLD, TEXT_SIZE) + 10
        drawing.add(_string(start, base, printable(chart.note), REGULAR, MUTED, SMALL_SIZE))
    end = ROOM
    for name, colour in reversed([*zip(chart.series, _colours(chart), strict=True)]):
        end -= width(name, REGULAR, SMALL_SIZE)
        drawing.add(_string(end, base, name, REGULAR, MUTED, SMALL_SIZE))
        end -= MARK + 4
        drawing.add(Rect(end, base - 0.5, MARK, MARK, fillColor=colour, strokeColor=None))
        end -= 12


def _standing(chart: Chart) -> VerticalBarChart:
    bars = VerticalBarChart()
    bars.x, bars.y, bars.height = VALUE_ROOM, AXIS, _body(chart)
    bars.width = min(ROOM - VALUE_ROOM, len(chart.bars) * STANDING_ROOM_MAX)
    bars.data = [[bar.values[place] for bar in chart.bars] for place in range(len(chart.series))]
    bars.categoryAxis.categoryNames = _thinned([bar.label for bar in chart.bars], bars.width)
    bars.categoryAxis.labels.dy = -2
    _dress(bars, chart, _colours(chart))
    return bars


def _lying(chart: Chart) -> HorizontalBarChart:
    """The first bar is at the top: this kind of chart begins at the bottom."""
    bars = HorizontalBarChart()
    bars.x, bars.y, bars.width, bars.height = LABEL_ROOM, AXIS, ROOM - LABEL_ROOM - VALUE_ROOM, _body(chart)
    upwards = chart.bars[::-1]
    bars.data = [[bar.values[place] for bar in upwards] for place in reversed(range(len(chart.series)))]
    bars.categoryAxis.categoryNames = [
        visual(shortened(printable(bar.label), REGULAR, SMALL_SIZE, LABEL_ROOM - 8)) for bar in upwards
    ]
    bars.categoryAxis.labels.boxAnchor = "e"
    bars.categoryAxis.labels.dx = -4
    _dress(bars, chart, _colours(chart)[::-1])
    return bars


def _dress(bars: BarChart, chart: Chart, colours: list[Color]) -> None:
    for number, colour in enumerate(colours):
        bars.bars[number].fillColor = colour
        bars.bars[number].strokeColor = None
    bars.strokeColor = None
    bars.barWidth, bars.groupSpacing, bars.barSpacing = BAR, 2 * BETWEEN, 0
    bars.categoryAxis.visibleTicks = False
    bars.categoryAxis.strokeColor = RULE
    _measure(bars.valueAxis, chart)
    for axis in (bars.categoryAxis, bars.valueAxis):
        axis.labels.fontName, axis.labels.fontSize, axis.labels.fillColor = REGULAR, SMALL_SIZE, MUTED


def _measure(axis: YValueAxis, chart: Chart) -> None:
    """Round values on the axis, whole units apart, from nothing to beyond the longest bar."""
    values = [value for bar in chart.bars for value in bar.values]
    step = _step(max(*values, 0, 0) - min(*values, 0, 0))
    axis.valueStep = step
    axis.valueMin = min(*values, 0, 0) // step * step
    axis.valueMax = max(-(-max(*values, 0, 0) // step) * step, step)
    axis.labelTextFormat = lambda value: _tick(round(value), chart.unit)
    axis.visibleGrid, axis.gridStrokeColor, axis.gridStrokeWidth = True, RULE, 0.4
    axis.visibleTicks, axis.strokeColor = False, None


def _step(span: int) -> int:
    """The least of 1, 2, 5, 10, 20 … of which the span holds few enough."""
    scale = 1
    while True:
        for each in STEPS:
            if span <= each * scale * TICKS_MAX:
                return each * scale
        scale *= 10


def _tick(value: int, unit: Unit) -> str:
    places = PLACES[unit]
    return digits(value, places, ",").removesuffix("." + "0" * places)


def _thinned(labels: list[str], room: float) -> list[str]:
    """As many labels as stand beside each other without touching."""
    longest = max(width(label, REGULAR, SMALL_SIZE) for label in labels) + 6
    every = max(1, -(-len(labels) * longest // room))
    return [label if number % every == 0 else "" for number, label in enumerate(labels)]


def _colours(chart: Chart) -> list[Color]:
    return [SERIES[1]] if len(chart.series) == 1 else list(SERIES[: len(chart.series)])


def _string(x: float, y: float, text: str, font: str, colour: Color, size: float = TEXT_SIZE) -> String:
    return String(x, y, text, fontName=font, fontSize=size, fillColor=colour)
