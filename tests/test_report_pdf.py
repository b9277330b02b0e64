"""Reports as PDF: what is printed is what the other forms say, whatever the texts in it."""

from __future__ import annotations

import io
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from api.reports import fonts
from api.reports.arabic import shaped
from api.reports.fonts import BOLD, ELLIPSIS, REGULAR, printable, width, wrapped
from api.reports.formats import as_print
from api.reports.json_data import data_of
from api.reports.pdf import paged, write_pdf
from api.reports.righttoleft import visual
from api.reports.style import LEFT, ROOM
from api.reports.tables import Table
from readmodels.reports.report import Bar, Chart, Column, Report, Unit
from tests.made_reports import AWKWARD, budgets, documents, listed

ROW = re.compile(r"^(\d+) .*? ([\d,.-]+) ([\d,.-]+) ([\d,.-]+) ([\d,.-]+) %$", re.MULTILINE)
BAR = re.compile(rb"n 150 [\d.]+ ([\d.]+) 4.5 re f")
BRACKETS = str.maketrans("(", ")")
STANDING = re.compile(rb"n [\d.]+ 14 [\d.]+ ([\d.]+) re f")


def printed(report: Report) -> PdfReader:
    file = io.BytesIO()
    write_pdf(report, file)
    return PdfReader(file)


def texts(report: Report) -> list[str]:
    return [page.extract_text() for page in printed(report).pages]


def amount(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


def bars(report: Report, shape: re.Pattern[bytes] = BAR) -> list[float]:
    """The lengths of the bars on the first page, in the order of their drawing."""
    contents = printed(report).pages[0].get_contents()
    assert contents is not None
    return [float(length) for length in shape.findall(contents.get_data())]


def charted(values: Sequence[tuple[int, ...]], *, over_time: bool = False, unit: Unit = Unit.CENTS) -> Report:
    series = tuple(f"Series {number}" for number in range(len(values[0]) if values else 1))
    drawn = [Bar(f"Bar {number}", each) for number, each in enumerate(values)]
    chart = Chart("A chart", unit, series, drawn, "A note", is_over_time=over_time)
    return replace(budgets(documents(["A"])), chart=chart)


def test_printed_totals_are_the_sums_of_printed_rows_and_those_of_json() -> None:
    report = budgets(documents(["Name"] * 300, [(n * 333_33, n * 401_01) for n in range(300)]))
    pages = texts(report)
    rows = [row for page in pages for row in ROW.findall(page)]
    assert [int(row[0]) for row in rows] == [*range(1, 301)]
    summary = data_of(report)["budget_analysis"]
    for place, (total, title) in enumerate(
        [("total_allocated", "Allocated"), ("total_spent", "Spent"), ("remaining_budget", "Remaining")], 1
    ):
        shown = re.search(rf"^{title}\n(.*)$", pages[0], re.MULTILINE)
        assert shown
        assert sum(amount(row[place]) for row in rows) == amount(shown[1]) == Decimal(repr(summary[total]))


def test_every_page_says_what_it_speaks_of_and_repeats_the_heads() -> None:
    pages = texts(budgets(documents(["Name"] * 100)))
    assert len(pages) > 3
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
        assert "As of 2026-03-31 14:05:09 UTC, position 1234 of the log, formula version 1" in page
        assert "No. Project Allocated Spent Remaining Variance" in page


def test_what_narrows_a_report_stands_below_its_title() -> None:
    report = replace(budgets(documents(["A"])), asked=("From 2025-01-01", "Until 2025-06-30"))
    assert "formula version 1\nFrom 2025-01-01\nUntil 2025-06-30\n" in texts(report)[0]


def test_only_what_fits_on_paper_is_printed() -> None:
    text = texts(listed(documents(["A"])))[0]
    assert "-ana" in text
    assert "All about" not in text
    assert "2025-06-20" not in text


def test_a_table_begins_on_the_first_page_with_some_rows_or_on_the_second() -> None:
    begun = set()
    for bars in range(8, 18):
        drawn = charted([(1, 2, 3)] * bars)
        pages = texts(replace(drawn, rows=[*drawn.rows] * 20))
        rows = len(ROW.findall(pages[0]))
        assert ("No. Project" in pages[0]) == (rows > 0)
        assert rows == 0 or rows >= 3
        assert sum(len(ROW.findall(page)) for page in pages) == 20
        begun.add(rows > 0)
    assert begun == {True, False}


def test_an_empty_report_is_a_page_that_says_so() -> None:
    (page,) = texts(budgets(documents([])))
    assert "There is nothing in this report." in page
    assert "Nothing to show yet" in page
    assert "Page 1 of 1" in page


def test_the_fonts_are_in_the_document_in_part() -> None:
    document = printed(budgets(documents(AWKWARD)))
    found = {}
    for page in document.pages:
        resources: Any = page["/Resources"]
        for font in resources["/Font"].values():
            embedded: Any = font.get_object()
            found[embedded["/BaseFont"]] = embedded["/FontDescriptor"]["/FontFile2"].get_data()
    assert {name.partition("+")[2] for name in found} == {"DejaVuSans", "DejaVuSans-Bold"}
    assert all(20_000 < len(data) < 100_000 for data in found.values())


def test_awkward_names_are_texts() -> None:
    """What pypdf reads is in the order of reading, but for numbers beside Hebrew."""
    pages = texts(budgets(documents(AWKWARD)))
    said = "\n".join(pages)
    for text in (
        shaped("مرحبا بالعالم"),
        "2 +1",
        "1 =1+1",
        "4 @SUM(A1)",
        'say "yes", twice',
        "two lines or three",
        "12 שלום עולם",
        "Straße — naïve Ωδός Дом",
        "App 😀",
        "right to left isolated",
        "bell escape [31m delete next line",
        "é ä combined",
        "<para>&amp;<font color='red'>{{7*7}}</font>",
        "�� ���",
    ):
        assert text in said, text
    numbers = re.findall(r"^(\d+) (?!lines)", said, re.MULTILINE)
    assert [int(number) for number in numbers if int(number) <= len(AWKWARD)] == [*range(1, len(AWKWARD) + 1)]


def test_a_long_name_takes_a_few_lines() -> None:
    (page,) = texts(budgets(documents(["x" * 5000, "Last"])))
    assert page.count("xxxx\n") == 3
    assert page.count(ELLIPSIS) == 1
    assert "2 Last" in page


@pytest.mark.parametrize("size", [10, 99_999_999_999_999])
def test_the_widest_figures_find_room(size: int) -> None:
    """No column reaches into the next one: each cell is read back as a text of its own."""
    names = ["A very long name of a project that has to share " * 2] * 5
    report = listed(documents(names, [(size, size)] * 5))
    columns = [*report.columns, *(Column(f"more {n}", f"More {n}", Unit.CENTS) for n in range(4))]
    rows = [{**row, **{f"more {n}": -size for n in range(4)}} for row in report.rows]
    document = printed(replace(report, columns=columns, rows=rows))
    money = as_print(-size, Unit.CENTS)
    said = "\n".join(page.extract_text() for page in document.pages)
    assert len(re.findall(rf"(?<!\S){re.escape(money)}(?!\S)", said)) == 20
    table = Table(columns, rows, LEFT, ROOM)
    for place in table._places:
        widest = max(
            width(line, REGULAR, table._size) for row in rows for line in place.lines(row, table._size)
        )
        assert widest <= place.room + 0.01
    ends = [LEFT, *(place.left + place.room for place in table._places), LEFT + ROOM]
    starts = [*(place.left for place in table._places), LEFT + ROOM, LEFT + ROOM]
    assert all(end <= start + 0.01 for end, start in zip(ends, starts, strict=True))


def test_more_columns_than_paper_has_room_for_are_still_printed() -> None:
    report = budgets(documents(["A"]))
    columns = [Column(f"more {n}", f"More {n}", Unit.CENTS) for n in range(60)]
    rows = [{column.name: 99_999_999_999_999 for column in columns}]
    assert "999,999,999,999.99" in texts(replace(report, columns=columns, rows=rows))[0]


def test_a_figure_of_the_summary_stays_in_its_place() -> None:
    """The largest there could be: ten thousand of the largest budgets."""
    report = budgets(documents(["A"]))
    total = 99_999_999_999_999 * 10_000
    document = printed(replace(report, summary={**report.summary, "total_allocated": total}))
    sizes = {}

    def note(text: str, _: object, __: object, ___: object, size: float) -> None:
        sizes[text.strip()] = size

    document.pages[0].extract_text(visitor_text=note)
    said = as_print(total, Unit.CENTS)
    assert said in sizes
    assert width(said, BOLD, sizes[said]) <= ROOM / 5
    assert sizes["0.00"] > sizes[said]


def test_lying_bars_are_as_long_as_their_values() -> None:
    lengths = bars(charted([(50_000_00, 25_000_00), (10_000_00, 0)]))
    # From the lowest bar to the uppermost one; what is zero is not drawn.
    drawn = [length for length in lengths if length]
    assert len(drawn) == 3
    assert sorted(length / max(drawn) for length in drawn) == pytest.approx([0.2, 0.5, 1], abs=1e-3)


def test_bars_over_time_stand_in_their_order() -> None:
    heights = bars(charted([(1,), (4,), (2,)], over_time=True, unit=Unit.COUNT), STANDING)
    assert [height / max(heights) for height in heights] == pytest.approx([0.25, 1, 0.5], abs=1e-3)


def test_a_chart_is_labelled() -> None:
    text = texts(charted([(50_000_00, 25_000_00), (10_000_00, 0)]))[0]
    for label in ("A chart", "A note", "Series 0", "Series 1", "Bar 0", "Bar 1", "10,000", "50,000"):
        assert label in text


@pytest.mark.parametrize("over_time", [False, True])
@pytest.mark.parametrize(
    "values",
    [
        [],
        [(0,)],
        [(1,)],
        [(-5, 5), (0, -100)],
        [(99_999_999_999_999, 1)],
        [(n,) for n in range(26)],
        [(1, 2, 3)] * 12,
    ],
)
def test_charts_of_all_sizes(values: Sequence[tuple[int, ...]], over_time: bool) -> None:
    text = texts(charted(values, over_time=over_time))[0]
    assert "A chart" in text
    shows_something = any(any(each) for each in values)
    assert ("Bar 0" in text, "Nothing to show yet" in text) == (shows_something, not shows_something)


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("left 12 to (right)", "left 12 to (right)"),
        ("אבג דה", "הד גבא"),
        ("אבג 1,000.50 דה", "הד 1,000.50 גבא"),
        ("abc אבג (דה) def", "abc (הד) גבא def"),
        ("אבג (abc) דה", "הד (abc) גבא"),
        ("אבג 5%", "5% גבא"),
        ("no. 5: אבג 12 ok", "no. 5: 12 גבא ok"),
        ("שָׁלוֹם", "םוֹלשָׁ"),
    ],
)
def test_lines_from_right_to_left_are_turned_around(text: str, drawn: str) -> None:
    """Numbers, foreign words and marks keep their order, brackets open the right way."""
    assert visual(unicodedata.normalize("NFC", text)) == unicodedata.normalize("NFC", drawn)


@pytest.mark.parametrize("text", ["مرحبا بالعالم", "لا إله", "سلام ـ ماء", "پژوهش", "كَتَبَ"])
def test_arabic_letters_are_joined_and_lose_nothing(text: str) -> None:
    joined = shaped(text)
    assert joined != text
    assert unicodedata.normalize("NFKC", joined) == text


def test_arabic_letters_take_the_shapes_of_their_places() -> None:
    beh, alef, mark = "\N{ARABIC LETTER BEH}", "\N{ARABIC LETTER ALEF}", "\N{ARABIC FATHA}"
    names = [unicodedata.name(each) for each in shaped(f"{beh}{mark}{beh}{beh}{alef}{beh}")]
    assert names == [
        "ARABIC LETTER BEH INITIAL FORM",
        "ARABIC FATHA",
        "ARABIC LETTER BEH MEDIAL FORM",
        "ARABIC LETTER BEH MEDIAL FORM",
        "ARABIC LETTER ALEF FINAL FORM",
        "ARABIC LETTER BEH ISOLATED FORM",
    ]


@given(st.text(st.sampled_from("אבגabc12,.()- %اب \u05b0"), max_size=30))
def test_turning_around_loses_nothing(text: str) -> None:
    """Two of a pair of brackets may have changed places."""
    assert Counter(visual(text).translate(BRACKETS)) == Counter(text.translate(BRACKETS))


@given(st.text(), st.floats(5, 300), st.integers(1, 4))
def test_wrapped_lines_fit_and_lose_nothing_but_what_is_too_much(text: str, room: float, most: int) -> None:
    text = printable(text)
    lines = wrapped(text, REGULAR, 7, room, most)
    assert 1 <= len(lines) <= most
    for line in lines:
        assert width(line, REGULAR, 7) <= room or len(line.removesuffix(ELLIPSIS)) <= 1
    kept = "".join("".join(lines).split())
    whole = "".join(text.split())
    assert kept == whole or whole.startswith(kept.removesuffix(ELLIPSIS))
    assert kept == whole or lines[-1].endswith(ELLIPSIS)


@given(st.text(st.characters(codec="utf-8")))
def test_what_is_printable_is_one_line_of_known_characters(text: str) -> None:
    known = fonts.load()
    said = printable(text)
    assert said == said.strip()
    assert all(ord(character) in known for character in said)
    assert said.isprintable()


@given(st.lists(st.floats(10, 50), max_size=60), st.sampled_from([0, 80, 400]))
def test_rows_are_dealt_to_pages_in_order_and_fit(heights: list[float], first: float) -> None:
    pages = paged(heights, first, 100)
    assert [number for page in pages for number in page] == [*range(len(heights))]
    rooms = [first, *[100.0] * len(pages)]
    used = [sum(heights[number] for number in page) for page in pages]
    assert all(height <= room for height, room in zip(used, rooms, strict=False))
    assert all(pages[1:])
