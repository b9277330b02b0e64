"""The guides about security and operation name what there is: tests, other guides, unsafe settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from api.unsafe import UNSAFE
from tests.running import ROOT

DOCS = ROOT / "docs"
GUIDES = sorted(path for path in (*DOCS.glob("*.md"), ROOT / "README.md"))


def anchors(path: Path) -> set[str]:
    """The names by which headings are linked to."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", each.lower()).replace(" ", "-") for each in headings}


def test_every_test_that_the_guide_names_exists() -> None:
    named = re.findall(r"`(tests/[a-z_/]+(?:\.py)?)`", (DOCS / "security.md").read_text())
    assert len(set(named)) > 25
    assert [each for each in named if not (ROOT / each).exists()] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.name))
def test_every_link_leads_somewhere(guide: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", guide.read_text()):
        if "://" in target:
            continue
        name, _, place = target.partition("#")
        path = (guide.parent / name).resolve() if name else guide
        assert path.exists(), target
        assert not place or place in anchors(path), target


def test_every_name_that_allows_something_unsafe_stands_in_the_table() -> None:
    operating = (DOCS / "operating.md").read_text()
    assert set(re.findall(r"^\| .* \| `([a-z-]+)` \|$", operating, re.MULTILINE)) == UNSAFE.keys()
