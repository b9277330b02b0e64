"""A wall clock that is moved from outside while the program runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.faults.moved_clock import VARIABLE, clock_file, set_wrong
from tests.running import ROOT

ASKS = """
import sys, time
from datetime import date
from pathlib import Path
from tests.faults import moved_clock
moved_clock.follow(Path(sys.argv[1]))
from events.instants import now
for _ in sys.stdin:
    print(time.time(), time.time_ns(), time.monotonic(), now(), date.today(), flush=True)
"""

DAY_S = 86_400


def test_the_time_follows_the_file_and_monotonic_time_does_not(tmp_path: Path) -> None:
    file = clock_file(tmp_path, "server-1")
    set_wrong(file, 0)
    with subprocess.Popen(
        [sys.executable, "-c", ASKS, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as asked:
        assert asked.stdin
        assert asked.stdout
        told = []
        for seconds in (0, DAY_S, -DAY_S):
            set_wrong(file, seconds)
            asked.stdin.write("now\n")
            asked.stdin.flush()
            told.append(asked.stdout.readline().split())
        asked.stdin.close()
    right, later, earlier = told
    for moved, seconds in ((later, DAY_S), (earlier, -DAY_S)):
        assert abs(float(moved[0]) - float(right[0]) - seconds) < 60
        assert abs(int(moved[1]) - int(right[1]) - seconds * 10**9) < 60 * 10**9
        assert abs(float(moved[2]) - float(right[2])) < 60
    assert earlier[3] < right[3] < later[3]
    assert earlier[4] < right[4] < later[4]


def test_nobody_asks_the_time_by_another_way() -> None:
    """What is found here would not be moved: only `events.instants` may ask `datetime`."""
    asks = re.compile(r"datetime\.(now|utcnow|today)\(")
    found = {
        str(path.relative_to(ROOT))
        for folder in ("events", "commands", "projections", "readmodels", "api")
        for path in (ROOT / folder).rglob("*.py")
        if asks.search(path.read_text())
    }
    assert found == {"events/instants.py", "api/sample_data/command.py"}


def test_the_command_line_runs_under_it(tmp_path: Path) -> None:
    file = clock_file(tmp_path, "any")
    set_wrong(file, DAY_S)
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.moved_clock", "--", "--version"],
        env=os.environ | {VARIABLE: str(file)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout.split()[0]) == (0, "taskledger"), done.stderr
