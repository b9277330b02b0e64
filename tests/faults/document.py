"""The table in docs/reliability.md, written by the lab itself between two marks."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
DOCUMENT: Final = ROOT / "docs" / "reliability.md"
BEGIN: Final = "<!-- what follows is written by ./taskledger test faults --write-docs -->\n"
END: Final = "<!-- up to here -->\n"


def write_table(table: str, document: Path = DOCUMENT) -> None:
    """Put `table` in the place of what is between the marks. Raises ValueError where they are missing."""
    before, begin, rest = document.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document} has no place for the table: the marks are missing")
    document.write_text(f"{before}{begin}\n{table}\n{end}{after}")
