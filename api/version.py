"""Which version of TaskLedger this is."""

from __future__ import annotations

import tomllib
from pathlib import Path


def version() -> str:
    """The version of this checkout."""
    about = (Path(__file__).parent.parent / "pyproject.toml").read_text()
    return str(tomllib.loads(about)["project"]["version"])
