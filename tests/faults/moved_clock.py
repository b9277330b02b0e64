"""A wall clock that can be moved while the program runs: `python -m tests.faults.moved_clock -- serve …`.

It moves what the program's Python asks for: `time.time`, `time.time_ns`, `date.today` (which asks the former)
and `events.instants.now`, the only place that asks `datetime`. Not moved: monotonic clocks, which nobody
can set, and the clocks of PostgreSQL, of Valkey and of processes that the program starts.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import time
from datetime import datetime, tzinfo
from pathlib import Path
from types import SimpleNamespace
from typing import Final

VARIABLE: Final = "FAULTS_CLOCK"
"""Names the file that says how wrong the clock is, in seconds."""

OFFSET: Final = struct.Struct("<d")


def clock_file(folder: Path, name: str) -> Path:
    """Where it stands how wrong the clock of a part is."""
    return folder / f"{name}.clock"


def set_wrong(file: Path, seconds: float) -> None:
    """Move a clock to so many seconds after the right time, at once; negative ones before it."""
    file.touch()
    with file.open("r+b") as opened:
        opened.write(OFFSET.pack(seconds))


def follow(file: Path) -> None:
    """Have this process' wall clock be as wrong as the file says from now on."""
    with file.open("rb") as opened:
        shared = mmap.mmap(opened.fileno(), OFFSET.size, access=mmap.ACCESS_READ)
    right_time, right_time_ns = time.time, time.time_ns

    def wrong_time() -> float:
        return right_time() + float(OFFSET.unpack_from(shared)[0])

    def wrong_time_ns() -> int:
        return right_time_ns() + int(OFFSET.unpack_from(shared)[0] * 1_000_000_000)

    time.time, time.time_ns = wrong_time, wrong_time_ns
    _follow_in_instants()


def _follow_in_instants() -> None:
    """`datetime.now` asks the system by itself."""
    import events.instants

    def now(zone: tzinfo | None = None) -> datetime:
        return datetime.fromtimestamp(time.time(), zone)

    moved = SimpleNamespace(now=now, fromisoformat=datetime.fromisoformat)
    vars(events.instants)["datetime"] = moved


def main() -> None:
    """Run the command line behind `--` with the clock of FAULTS_CLOCK."""
    follow(Path(os.environ[VARIABLE]))
    from api.cli import main as run

    sys.argv[1:] = sys.argv[sys.argv.index("--") + 1 :]
    run()


if __name__ == "__main__":
    main()
