"""How commands end: the exit codes, and errors that end a command with one of them.

| code | meaning |
|---|---|
| 0 | done |
| 1 | something stood in the way; the line on standard error says what, and what to do |
| 2 | wrong usage |
| 3 | what the command is about does not exist |
| 4 | a conflict with the present state, or the read model lags behind |
| 5 | what was verified is not as it should be |
| 130 | interrupted |
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    DONE = 0
    FAILURE = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    UNVERIFIED = 5
    INTERRUPTED = 130


class CannotRun(Exception):
    """Something the person at the terminal can mend: the message is one line and says how."""

    code: ClassVar[ExitCode] = ExitCode.FAILURE


class WrongUsage(CannotRun):
    """An argument that the command cannot take, found after the command line was read."""

    code = ExitCode.USAGE


class NotThere(CannotRun):
    """The event, object, generation or letter that was asked for does not exist."""

    code = ExitCode.NOT_FOUND


class InConflict(CannotRun):
    """What was asked for cannot be done as things stand now; the message says why."""

    code = ExitCode.CONFLICT


class Unverified(CannotRun):
    """A verification found differences, which were told already."""

    code = ExitCode.UNVERIFIED
