"""Faults between the ledger and a real PostgreSQL: what fails is what was asked on a real connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, NoReturn, TypeVar

import psycopg
import pytest
from psycopg import AsyncConnection, AsyncCursor, AsyncTransaction

from events.connections import cut, is_sound
from tests.nth.faults import Fault, Place
from tests.nth.injector import Injector

NOWHERE: Final = "host=/nonexistent"
SAY: Final = (
    "do $$ begin raise exception using errcode = '{}', message = 'a fault that a test injects'; end $$"
)
WARN: Final = (
    "do $$ begin raise warning using errcode = '01000', message = 'canceling the wait for a standby'; end $$"
)
LOOK_INTERVAL_S: Final = 0.005

_connect = AsyncConnection.connect
_execute: Callable[..., Awaitable[Any]] = AsyncCursor.execute
T = TypeVar("T")


def install(injector: Injector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the injector asked before every statement, commit and connection of this process."""

    async def connect(*arguments: Any, **options: Any) -> Any:
        if injector.keeps_away(Place.POSTGRES) or injector.strike(Place.POSTGRES, "connecting"):
            await _connect(NOWHERE)
        return await _connect(*arguments, **options)

    monkeypatch.setattr(AsyncConnection, "connect", connect)
    for name in ("execute", "executemany"):
        monkeypatch.setattr(AsyncCursor, name, _struck(injector, getattr(AsyncCursor, name)))
    end = AsyncTransaction.__aexit__

    async def leave(transaction: Any, *arguments: Any) -> bool:
        fault = injector.strike(Place.POSTGRES, "the end of a transaction")
        if fault is None or fault.sqlstate is None:
            return await _met(fault, transaction.connection, lambda: end(transaction, *arguments))
        try:
            await _befall(fault, transaction.connection)
        except psycopg.Error as error:
            # A server that refuses a commit has taken everything back.
            await end(transaction, type(error), error, error.__traceback__)
            raise

    monkeypatch.setattr(AsyncTransaction, "__aexit__", leave)


def _struck(injector: Injector, original: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    async def asked(cursor: AsyncCursor[Any], query: Any, *arguments: Any, **options: Any) -> T:
        fault = injector.strike(Place.POSTGRES, " ".join(_text(query).split())[:90])
        return await _met(fault, cursor.connection, lambda: original(cursor, query, *arguments, **options))

    return asked


async def _met(
    fault: Fault | None, connection: AsyncConnection[Any], effect: Callable[[], Awaitable[T]]
) -> T:
    if fault is not None and fault.is_unconfirmed:
        result = await effect()
        await _execute(connection.cursor(), WARN)
        return result
    if fault is not None:
        if fault.is_late:
            await effect()
        await _befall(fault, connection)
    return await effect()


async def _befall(fault: Fault, connection: AsyncConnection[Any]) -> NoReturn:
    """Have the server say it, or have it say nothing; raises what the driver makes of that."""
    if fault.sqlstate is not None:
        await _execute(connection.cursor(), SAY.format(fault.sqlstate))
    if fault.is_silence:
        # Whoever waits cuts the connection when it took too long; that is what ends this.
        while is_sound(connection):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(LOOK_INTERVAL_S)
    cut(connection)
    await _execute(connection.cursor(), "select 1")
    raise psycopg.OperationalError("a connection that was cut answered")


def _text(query: Any) -> str:
    return query.decode() if isinstance(query, bytes) else str(query)
