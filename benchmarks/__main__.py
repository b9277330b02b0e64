"""`taskledger bench`: measures figures, each beside its baseline, and prints a table of them."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from benchmarks.arguments import writable
from benchmarks.bench import FULL, QUICK, Effort, bench
from benchmarks.catalogue import FIGURES
from benchmarks.figures import Figure
from benchmarks.results import as_json
from benchmarks.run import Measured, measured
from benchmarks.table import markdown, print_table

INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for; 1 when a figure could not be measured."""
    options = asked(arguments)
    if options.list:
        for figure in FIGURES:
            print(f"{figure.name:12} {figure.title}")
        return 0
    # Whoever ends us shall find neither servers nor files left behind.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    # Standard output is for the table.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    chosen = [each for each in FIGURES if not options.names or each.name in options.names]
    return measure(chosen, QUICK if options.quick else FULL, options.json, options.markdown)


def asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What the command line says; ends the process where it makes no sense."""
    known = [figure.name for figure in FIGURES]
    parser = argparse.ArgumentParser(prog="taskledger bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(known)}; else all")
    parser.add_argument("--quick", action="store_true", help="less data, fewer and shorter repeats")
    parser.add_argument(
        "--json", type=writable, metavar="FILE", help="write all repeats, and on what machine"
    )
    parser.add_argument("--markdown", type=writable, metavar="FILE", help="write the table as Markdown")
    parser.add_argument("--list", action="store_true", help="say what there is, and measure nothing")
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in known:
            parser.error(f"there is no figure {name}: choose from {', '.join(known)}")
    return options


def measure(
    figures: Sequence[Figure], effort: Effort, json_file: Path | None, markdown_file: Path | None
) -> int:
    """Measure figures and tell; what was found before an interruption is told as well."""
    found: list[Measured] = []
    code = 0
    try:
        with bench(effort) as given:
            versions = given.versions()
            found.extend(measured(figures, given))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = INTERRUPTED
    print_table(found)
    if json_file and not code:
        json_file.write_text(json.dumps(as_json(found, effort, versions), indent=1) + "\n")
    if markdown_file and not code:
        markdown_file.write_text(markdown(found))
    return code or int(any(each.failed for each in found))


if __name__ == "__main__":
    sys.exit(main())
