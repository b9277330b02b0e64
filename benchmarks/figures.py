"""What a benchmark measures: figures, each beside its baseline of the same run and its target."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should be: at least (`is_at_least`) or at most `value`, in the row's unit or as ratio."""

    value: float
    is_at_least: bool = True

    def holds(self, measured: float) -> bool:
        return measured >= self.value if self.is_at_least else measured <= self.value


class Row(NamedTuple):
    """One line of the table: `ours` and `base` hold one value for each repeat, in `unit`.

    The target is about the ratio (the median of ours / base, pair by pair) where there is a baseline, else
    about the median of `ours`.
    """

    what: str
    unit: str
    ours: Sequence[float]
    base: Sequence[float] = ()
    base_what: str = ""
    target: Target | None = None
    note: str = ""
    """What a reader should know of this run, such as how busy the load generator was."""

    @property
    def measured(self) -> float:
        """What the target is about."""
        if not self.base:
            return median(self.ours)
        return median(ours / base for ours, base in zip(self.ours, self.base, strict=True))

    @property
    def holds(self) -> bool | None:
        """Whether the target is met; None for a row without one."""
        return None if self.target is None else self.target.holds(self.measured)


class Servers(Protocol):
    """PostgreSQL, which flushes every commit to disk, and Valkey, for this run alone."""

    @property
    def database_url(self) -> str:
        """A database with the present schema."""

    @property
    def redis_url(self) -> str:
        """An empty Redis database."""


class Bench(Protocol):
    """What a figure is given to measure with."""

    is_quick: bool
    repeats: int
    seconds: float
    """How long one measurement of a rate goes on."""
    folder: Path
    """Where files may be put; gone after the run."""

    def say(self, text: str) -> None:
        """Tell on stderr what is going on."""

    async def empty(self) -> Servers:
        """Servers with a database of its own and an empty Redis database."""

    async def without_schema(self) -> Servers:
        """The same with a database in which there is nothing, for somebody else's tables."""

    async def with_log(self, events: int) -> Servers:
        """The same with a made-up history of so many events in the log, made once for all figures."""


class Figure(NamedTuple):
    """`measure` warms up, measures ours and the baseline in turn, and repeats that."""

    name: str
    title: str
    measure: Callable[[Bench], Awaitable[Sequence[Row]]]
