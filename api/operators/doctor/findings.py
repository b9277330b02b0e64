"""What the doctor finds: one row for each thing that was looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import psycopg
from redis.exceptions import RedisError

State = Literal["ok", "warning", "failed", "skipped"]

TROUBLE = (psycopg.Error, RedisError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Finding:
    """`mend` says what to do about a warning or a failure; what is fine needs nothing."""

    check: str
    state: State
    detail: str
    mend: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def fine(check: str, detail: str) -> Finding:
    return Finding(check, "ok", detail)


def warning(check: str, detail: str, mend: str) -> Finding:
    return Finding(check, "warning", detail, mend)


def failed(check: str, detail: str, mend: str) -> Finding:
    return Finding(check, "failed", detail, mend)


def skipped(check: str, why: str) -> Finding:
    return Finding(check, "skipped", why)


def looked_at(checks: dict[str, Callable[[], Finding]]) -> Iterator[Finding]:
    """The findings of all checks, by their names: one that fails itself hides none of the others."""
    for name, check in checks.items():
        try:
            yield check()
        except TROUBLE as error:
            yield failed(name, one_line(error), "see the reason; the log of that server may say more")


def one_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
