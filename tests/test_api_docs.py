"""docs/api.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from api.taskflow import envelope, routes
from api.taskflow.as_of import AS_OF_POSITION
from api.taskflow.parameters import AS_OF

DOCS = (Path(__file__).parent.parent / "docs" / "api.md").read_text()


def table(heading: str) -> list[list[str]]:
    """The rows of the first table after a heading, each cell as its words in backticks."""
    after = DOCS.split(f"## {heading}\n", 1)[1]
    rows = re.search(r"(?:^\|.*\n)+", after, re.MULTILINE)
    assert rows
    cells = [line.strip("|").split("|") for line in rows[0].splitlines()[2:]]
    return [[*map(str.strip, row)] for row in cells]


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_list_has_its_filters_and_sortable_fields() -> None:
    documented = {path: (words(row[1]), words(row[2])) for row in table("Lists") for path in words(row[0])}
    served = {}
    for endpoint in routes.ENDPOINTS:
        if "sort" in endpoint.parameters:
            others = ("page", "per_page", "sort", *AS_OF)
            filters = [name for name in endpoint.parameters if name not in others]
            takes = endpoint.parameters["sort"].takes
            fields = takes.removeprefix("one of ").removesuffix(", with - in front for descending order")
            path = re.sub("{[a-z_]+}", "{id}", endpoint.path)
            served[path] = (filters, fields.split(", "))
    assert documented == served


def test_what_asks_about_the_past_is_documented() -> None:
    assert [words(row[0]) for row in table("Time travel")] == [[name] for name in AS_OF]
    assert AS_OF_POSITION in DOCS


def test_every_error_code_is_documented() -> None:
    source = Path(envelope.__file__).read_text()
    used = set(re.findall(r'"([A-Z]+_[A-Z_]+|CONFLICT|UNAVAILABLE)"', source))
    documented = {code for row in table("Envelope") for code in words(row[1]) if code.isupper()}
    assert documented == used
