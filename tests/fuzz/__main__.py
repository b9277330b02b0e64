"""Fuzzing for as long as you like: `python -m tests.fuzz --minutes 10 [--seed N] [TARGET …]`."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Sequence

from tests.fuzz.guided import Broken, Fuzzing
from tests.fuzz.targets import TARGETS


def main(arguments: Sequence[str]) -> int:
    """0, or 1 when any target let out something else than a refusal; each has an equal share of the time."""
    asked = _asked(arguments)
    targets = [each for each in TARGETS if not asked.targets or each.name in asked.targets]
    print(f"seed {asked.seed}: {asked.minutes:g} minutes for {len(targets)} targets", flush=True)
    broken = 0
    for target in targets:
        fuzzing = Fuzzing(target, asked.seed)
        try:
            fuzzing.until(time.monotonic() + asked.minutes * 60 / len(targets))
            said = f"{fuzzing.tried:,} inputs, {len(fuzzing.inputs)} kept, {fuzzing.reached} lines reached"
        except Broken as error:
            broken, said = 1, str(error)
        print(f"{target.name}: {said}", flush=True)
    return broken


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long all targets take together")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(10**9), help="the same one, the same inputs"
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(each.name for each in TARGETS))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
