"""What is asked of the worker process, in a shape that can be sent to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from readmodels.reports.report import Report

Form = Literal["json", "csv", "pdf"]

DAY_CHARACTERS: Final = len("2026-03-31")


@dataclass(frozen=True, slots=True)
class Order:
    """A report that another process is to make and to write in a form.

    `make` takes nothing, and pickle can send it: `functools.partial` of a function that stands in
    a module, with what it needs. What it raises is raised here.
    """

    make: Callable[[], Report]
    form: Form


def file_name(name: str, moment: str, form: Form) -> str:
    """`budget-analysis-2026-03-31.pdf`: the report's name and the day that it speaks of."""
    return f"{name}-{moment[:DAY_CHARACTERS]}.{form}"
