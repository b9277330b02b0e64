"""Lua scripts, read once from the files beside the code."""

from __future__ import annotations

from hashlib import sha1
from pathlib import Path
from typing import NamedTuple


class Script(NamedTuple):
    """`sha` is how Redis names the script once it has seen its text."""

    text: str
    sha: str


def script(folder: Path, *names: str) -> Script:
    """One script from one or several files, which follow each other."""
    text = "\n".join((folder / f"{name}.lua").read_text(encoding="utf-8") for name in names)
    # Not for secrecy: Redis keeps scripts by this hash.
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())
