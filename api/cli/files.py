"""Files that commands write: whole or not at all, and over others only when that is meant."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from api.cli.asking import must_be_sure
from api.exits import CannotRun

STANDARD_OUTPUT: Final = Path("-")
MODE: Final = 0o644


def must_be_writable(path: Path, *, yes: bool) -> None:
    """To be asked before the work begins. Raises CannotRun, and WrongUsage without a yes to replacing."""
    if path == STANDARD_OUTPUT:
        return
    if not path.parent.is_dir() or path.is_dir():
        raise CannotRun(f"{path} cannot be written: name a file in a folder that exists")
    if path.exists():
        must_be_sure(f"Replace {path}?", yes=yes)


def write(path: Path, fill: Callable[[BinaryIO], None]) -> None:
    """Have `fill` write a file, which is there when it is whole; `-` is standard output.

    Raises CannotRun where it cannot be written.
    """
    if path == STANDARD_OUTPUT:
        fill(sys.stdout.buffer)
        return
    try:
        _write_beside(path, fill)
    except OSError as error:
        raise CannotRun(f"{path} cannot be written: {error.strerror}") from None


def _write_beside(path: Path, fill: Callable[[BinaryIO], None]) -> None:
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        # A draft is readable by its owner only; a file that was asked for is like any other.
        Path(draft).chmod(MODE)
        Path(draft).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(draft).unlink()
        raise
