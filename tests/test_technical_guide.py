"""The technical guide keeps up: it names every place that a feature touches, and every table there is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest

from tests.golden.samples import product_types

ROOT: Final = Path(__file__).parent.parent
TEXT: Final = (ROOT / "docs" / "technical-guide.md").read_text()
HOUSE: Final = ("events", "commands", "readmodels", "projections", "api", "tests")
NAMES: Final = frozenset({"risk", "risks"})
MODULES: Final = frozenset({"risks", "risk_forms"})


def section(title: str) -> str:
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


FEATURE: Final = section("A feature through the house")


def places() -> Iterator[str]:
    """Files that know of risks: by importing a module of theirs, or by their name; tests' helpers, too."""
    for path in sorted(path for folder in HOUSE for path in (ROOT / folder).rglob("*.py")):
        is_test = path.name.startswith("test_") and path.name != "test_risks.py"
        is_made_up = "sample_data" in path.parts
        if path.stem in MODULES or (not (is_test or is_made_up) and knows_of_risks(path)):
            yield path.relative_to(ROOT).as_posix()


def knows_of_risks(path: Path) -> bool:
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Constant(value=str(word)) if word in NAMES:
                return True
            case ast.ImportFrom(module=str(module), names=names):
                if {module.rpartition(".")[2], *(each.name for each in names)} & MODULES:
                    return True
    return False


PLACES: Final = tuple(places())


def test_places_are_found() -> None:
    assert {"events/catalogue.py", "events/postgres.py", "readmodels/kinds.py", "api/behind.py"} <= set(
        PLACES
    )
    assert len(PLACES) > 15


@pytest.mark.parametrize("place", [*PLACES, "events/sql/application_role.sql", "tests/test_roles.py"])
def test_every_place_that_a_feature_touches_stands_in_the_guide(place: str) -> None:
    assert f"`{place}`" in FEATURE


def test_what_the_guide_names_exists() -> None:
    named = re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.[a-z]+)?)`", TEXT)
    assert len(named) > 25
    for path in named:
        assert (ROOT / path).exists(), path
    for name, path in re.findall(r"`([A-Z_]+)` (?:and `[A-Z_]+` )?in `([a-z_/]+\.py)`", FEATURE):
        assert re.search(rf"^{name}\b", (ROOT / path).read_text(), re.MULTILINE), (name, path)


def test_the_guide_s_event_type_is_one() -> None:
    (name,) = set(re.findall(r"`(Risk[A-Z][A-Za-z]+)`", FEATURE))
    assert name in {cls.__name__ for cls in product_types().values()}


def test_every_table_of_a_migrated_database_stands_in_the_guide(database_url: str) -> None:
    query = "select table_name from information_schema.tables where table_schema = current_schema()"
    with psycopg.connect(database_url) as connection:
        tables = {name for (name,) in connection.execute(query)}
    rows = re.findall(r"^\| (`.*?) \|", section("What is stored where"), re.MULTILINE)
    assert {name for row in rows for name in re.findall("`([a-z_]+)`", row)} == tables
