#!/usr/bin/env python3
"""Fills a ledger with sample data: `./taskledger sample-data` under the name that the API's page gives it.

Any Python will do: the launcher finds, or makes, the one that has the packages.
Usage: python scripts/generate_test_data.py --projects 10 --tasks 50 --users 20
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

LAUNCHER = str(Path(__file__).resolve().parent.parent / "taskledger")


def main() -> None:
    try:
        os.execv(LAUNCHER, [LAUNCHER, "sample-data", *sys.argv[1:]])
    except OSError as error:
        sys.exit(
            f"generate_test_data: cannot run {LAUNCHER}: {error.strerror};"
            " where TaskLedger is installed as a package, run: taskledger sample-data"
        )


if __name__ == "__main__":
    main()
