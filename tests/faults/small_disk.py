"""A file system that is soon full: a piece of memory that is mounted where PostgreSQL keeps its data."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.faults.schedules import Untested

SIZE: Final = "192m"
"""Three times what an empty cluster takes."""


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """`folder` is such a file system while the block lasts. Raises Untested where none can be mounted."""
    if platform.system() != "Linux":
        raise Untested("a small file system can be mounted on Linux only")
    folder.mkdir(exist_ok=True)
    options = ("-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs")
    mounted = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True)
    if mounted.returncode:
        raise Untested(f"a small file system cannot be mounted (root is needed): {mounted.stderr.strip()}")
    try:
        yield
    finally:
        # Lazily: a process that does not end at once shall not keep it for ever.
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)
