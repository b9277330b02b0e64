"""What the command line says: progress on stdout, what went wrong in one line on stderr."""

from __future__ import annotations

import json
import os
import sys
import traceback

from rich.console import Console

# A line stays a line: addresses and commands are made to be copied, also out of a narrow terminal.
_out = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
_err = Console(highlight=False, soft_wrap=True, markup=False, emoji=False, stderr=True)


def say(line: str, *, style: str | None = None) -> None:
    _out.print(line, style=style)
    sys.stdout.flush()


def harmless(text: str) -> str:
    """The text with everything that is not printable as JSON escapes it: nothing in it steers a terminal."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in text)


def harmless_lines(text: str) -> str:
    """As `harmless`, for a text that may have several lines."""
    return "\n".join(harmless(line) for line in text.split("\n"))


def complain(line: str) -> None:
    _err.print(f"taskledger: {harmless_lines(line)}", style="red" if _err.is_terminal else None)


def complain_of_the_unexpected(error: BaseException) -> None:
    """An error that is ours: one line, and the whole traceback for who asks for it."""
    if os.environ.get("TASKLEDGER_DEBUG"):
        traceback.print_exception(error)
    text = " ".join(str(error).split())[:200]
    complain(f"unexpected {type(error).__name__}: {text}; TASKLEDGER_DEBUG=1 shows where")
