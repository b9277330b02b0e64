"""A clock that goes back and a source of randomness that is dry."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

import pytest

from api import app, projecting
from api.reading_side import ReadingSide
from events import instants
from events.feed import Feed
from readmodels.announcements import Announcements
from tests.nth import postgres, redis
from tests.nth.faults import Place
from tests.nth.injector import Injector, beside

BACK_S: Final = 3600

_time = time.time
_urandom = os.urandom


def install(monkeypatch: pytest.MonkeyPatch) -> Injector:
    """An injector that is asked by everything that this process asks of the world."""
    injector = Injector()
    postgres.install(injector, monkeypatch)
    redis.install(injector, monkeypatch)
    _install_clock(injector, monkeypatch)
    _install_randomness(injector, monkeypatch)
    _leave_out_what_goes_on_anyway(monkeypatch)
    return injector


def _install_clock(injector: Injector, monkeypatch: pytest.MonkeyPatch) -> None:
    def back_s() -> int:
        injector.strike(Place.CLOCK, "the clock")
        return BACK_S if injector.is_clock_back else 0

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz or UTC) - timedelta(seconds=back_s())

    monkeypatch.setattr(instants, "datetime", Clock)
    monkeypatch.setattr(time, "time", lambda: _time() - back_s())


def _install_randomness(injector: Injector, monkeypatch: pytest.MonkeyPatch) -> None:
    def urandom(size: int) -> bytes:
        if injector.strike(Place.RANDOM, f"{size} random bytes"):
            raise OSError("a test has no randomness left")
        return _urandom(size)

    monkeypatch.setattr(os, "urandom", urandom)
    # Where `secrets` takes it from.
    monkeypatch.setattr(random, "_urandom", urandom)


def _leave_out_what_goes_on_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server's work by the clock comes at any time: counting it would make every N another one."""
    background = app.background
    for module in (app, projecting):
        monkeypatch.setattr(module, "background", lambda work: background(_apart(work)))
    for owner, name in ((Announcements, "__aenter__"), (ReadingSide, "__aenter__"), (Feed, "_forever")):
        monkeypatch.setattr(owner, name, _set_apart(getattr(owner, name)))


def _set_apart(work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    return lambda *arguments: _apart(work(*arguments))


async def _apart(work: Awaitable[Any]) -> Any:
    with beside():
        return await work
