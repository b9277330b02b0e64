"""Asking before something is destroyed."""

from __future__ import annotations

import sys

import typer

from api.exits import CannotRun, WrongUsage


def must_be_sure(question: str, *, yes: bool) -> None:
    """Go on with `--yes`, or when the person at the terminal says so.

    Raises WrongUsage where nobody can be asked, CannotRun when the answer is no: nothing is changed then.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise WrongUsage(f"{question} Say so with --yes; nothing was changed")
    if not typer.confirm(question, err=True):
        raise CannotRun("nothing was changed")
