"""The command line: `app.py` has the commands that run a ledger, the other files a group of commands each."""

from __future__ import annotations

import sys


def main() -> None:
    """Run a command; it ends the process with one of the codes in `api.exits`."""
    if sys.argv[1:] == ["--version"]:
        # Asked by scripts, often: answered before anything large is imported.
        from api.version import version

        sys.stdout.write(f"taskledger {version()}\n")
        sys.exit(0)
    from api.cli.app import main as run

    run()
