"""`taskledger test faults`: breaks a ledger of real processes in many ways, and says what held."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

import structlog
import uvloop

from benchmarks.arguments import writable
from tests.faults.breaks import try_breaks
from tests.faults.document import write_table
from tests.faults.nemesis import SCHEDULES
from tests.faults.report import Tried, evidence, line, markdown, print_tables
from tests.faults.results import as_json, passed_in
from tests.faults.run import Trials
from tests.faults.schedules import Schedule

FAILED: Final = 1
INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Try what the command line asks for; FAILED where anything did not hold, or nothing could be tried."""
    options = asked(arguments)
    if options.list:
        print("".join(f"{each.name:24} {each.says}\n" for each in SCHEDULES.values()), end="")
        return 0
    # Whoever ends us shall find neither processes nor files left behind.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Standard output is for the tables.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    return try_all_breaks(options.seed) if options.breaks else try_chosen(options)


def asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What the command line says; ends the process where it makes no sense."""
    parser = argparse.ArgumentParser(prog="taskledger test faults", description=__doc__)
    parser.add_argument("schedules", nargs="*", metavar="SCHEDULE", help="see --list; else all of them")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the first seed (1)")
    parser.add_argument(
        "--seeds", type=positive, default=1, metavar="N", help="so many seeds, one after the other (1)"
    )
    parser.add_argument("--short", action="store_true", help="only those that run with the tests")
    parser.add_argument(
        "--breaks", action="store_true", help="break the ledger on purpose: the checker must notice"
    )
    parser.add_argument("--list", action="store_true", help="say what there is, and try nothing")
    parser.add_argument("--json", type=writable, metavar="FILE", help="write every finding, after each trial")
    parser.add_argument(
        "--found",
        type=found_in,
        action="append",
        default=[],
        metavar="FILE",
        help="what --json wrote: trials that passed there are told as well, and not made again",
    )
    parser.add_argument("--markdown", type=writable, metavar="FILE", help="write the table as Markdown")
    parser.add_argument(
        "--logs", type=Path, metavar="DIR", help="keep what the processes of each schedule's last lab said"
    )
    parser.add_argument("--write-docs", action="store_true", help="write the table into docs/reliability.md")
    options = parser.parse_args(arguments)
    for name in options.schedules:
        if name not in SCHEDULES:
            parser.error(f"there is no schedule {name}: choose from {', '.join(SCHEDULES)}")
    return options


def found_in(file: str) -> list[Tried]:
    """What passed in a run that --json wrote down. Raises ArgumentTypeError."""
    try:
        return passed_in(Path(file))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def positive(text: str) -> int:
    """Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return int(text)


def chosen(options: argparse.Namespace) -> list[Schedule]:
    named = [SCHEDULES[name] for name in options.schedules] or [*SCHEDULES.values()]
    return [schedule for schedule in named if schedule.is_short or not options.short]


def try_chosen(options: argparse.Namespace) -> int:
    """Try and tell; what was found before an interruption is told as well, and is in no document."""
    schedules, seeds = chosen(options), range(options.seed, options.seed + options.seeds)
    before = {(each.schedule.name, each.seed): each for some in options.found for each in some}
    found = [before[one.name, seed] for one in schedules for seed in seeds if (one.name, seed) in before]
    wanted = [(one, [seed for seed in seeds if (one.name, seed) not in before]) for one in schedules]

    def tell(tried: Tried) -> None:
        found.append(tried)
        _say(f"[{len(found)}/{len(schedules) * len(seeds)}] {line(tried)}")
        for each in evidence(tried):
            _say(f"    {each}")
        # After each trial: hours of work are not lost with the last minute.
        _keep(found, options)

    was_interrupted = not _finished(Trials(tell, options.logs).all(wanted))
    found.sort(key=lambda each: (schedules.index(each.schedule), each.seed))
    _keep(found, options)
    print_tables(found)
    if was_interrupted:
        return INTERRUPTED
    _write(found, options)
    return 0 if _is_good(found) else FAILED


def _keep(found: Sequence[Tried], options: argparse.Namespace) -> None:
    if options.json:
        options.json.write_text(json.dumps(as_json(found), indent=1) + "\n")


def try_all_breaks(seed: int) -> int:
    """Try what the checker must notice; FAILED where it noticed nothing, or something else."""
    missed: list[str] = []

    async def work() -> None:
        missed.extend(await try_breaks(seed, _say))

    if not _finished(work()):
        return INTERRUPTED
    return FAILED if missed else 0


def _is_good(found: Sequence[Tried]) -> bool:
    return any(each.passed for each in found) and all(each.passed or each.untested for each in found)


def _write(found: Sequence[Tried], options: argparse.Namespace) -> None:
    if options.markdown:
        options.markdown.write_text(markdown(found))
    if options.write_docs:
        write_table(markdown(found))


def _finished(work: Coroutine[Any, Any, None]) -> bool:
    """Whether it came to its end; after Ctrl-C it has stopped all that it started."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work)
    except KeyboardInterrupt:
        _say("interrupted")
        return False
    return True


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
