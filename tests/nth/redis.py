"""Faults between the ledger and a real Valkey: questions that are lost, answers that are, and errors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final
from weakref import WeakKeyDictionary

import hiredis
import pytest
from hiredis import pack_command
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as TookTooLong

from readmodels.pipe import Pipe
from readmodels.wire import Wire
from tests.nth.faults import Fault, Place
from tests.nth.injector import Injector

SAY: Final = "return redis.error_reply(ARGV[1])"
NEVER_ANSWERED: Final[tuple[Any, ...]] = ("BLPOP", "a list that nobody fills", 0)
WHAT_MAX: Final = 60

_call = Pipe._call
_data_received = Wire.data_received
_execute_command: Callable[..., Awaitable[Any]] = Redis.execute_command
_open = Wire.open


def install(injector: Injector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the injector asked before every question to Redis, by pipe or by client."""
    losses: WeakKeyDictionary[Pipe, Loss] = WeakKeyDictionary()

    def call(pipe: Pipe, packed: bytes) -> asyncio.Future[Any]:
        fault = injector.strike(Place.REDIS, "the pipe")
        return _call(pipe, packed) if fault is None else _befall(fault, pipe, packed, losses)

    def data_received(wire: Wire, data: bytes) -> None:
        pipe = wire._answered.__self__  # type: ignore[attr-defined]
        loss = losses.get(pipe)
        if loss is not None and not loss.is_on(wire):
            losses.pop(pipe)
            loss = None
        if loss is None:
            _data_received(wire, data)
        elif loss.swallows(data):
            del losses[pipe]
            wire.abort()

    async def opened(wire: Wire, pool: Any) -> None:
        if injector.keeps_away(Place.REDIS):
            raise ConnectionLost("Connection refused")
        await _open(wire, pool)

    async def execute_command(redis: Redis, *words: Any, **options: Any) -> Any:
        fault = injector.strike(Place.REDIS, " ".join(map(str, words))[:WHAT_MAX])
        if fault is None:
            return await _execute_command(redis, *words, **options)
        return await _befall_client(fault, redis, *words, **options)

    monkeypatch.setattr(Pipe, "_call", call)
    monkeypatch.setattr(Wire, "data_received", data_received)
    monkeypatch.setattr(Wire, "open", opened)
    monkeypatch.setattr(Redis, "execute_command", execute_command)


class Loss:
    """What a server answers until it has handled the last question that was asked: nobody gets it.

    Then the connection breaks, or stays silent.
    """

    def __init__(self, answers: int, *, is_silence: bool) -> None:
        self._reader = hiredis.Reader(notEnoughData=self)
        self._left = answers
        self._is_silence = is_silence
        self._wire: Wire | None = None

    def is_on(self, wire: Wire) -> bool:
        """Whether this is the connection on which answers are lost: the first one that brings any."""
        self._wire = self._wire or wire
        return self._wire is wire

    def swallows(self, data: bytes) -> bool:
        """Whether the connection breaks now."""
        self._reader.feed(data)
        while self._reader.gets() is not self:
            self._left -= 1
        return self._left <= 0 and not self._is_silence


def _befall(
    fault: Fault, pipe: Pipe, packed: bytes, losses: WeakKeyDictionary[Pipe, Loss]
) -> asyncio.Future[Any]:
    if fault.reply is not None:
        said: tuple[Any, ...] = ("EVAL", SAY, 0, fault.reply)
        return _call(pipe, pack_command(said))
    if fault.is_late:
        losses[pipe] = Loss(pipe.under_way + pipe.waiting + 1, is_silence=fault.is_silence)
        return _call(pipe, packed)
    if fault.is_silence:
        return _call(pipe, pack_command(NEVER_ANSWERED))
    if pipe._wire is not None:
        pipe._wire.abort()
    return _call(pipe, packed)


async def _befall_client(fault: Fault, redis: Redis, *words: Any, **options: Any) -> Any:
    """The client tries once more by itself: what comes up here is that this failed as well."""
    if fault.reply is not None:
        return await _execute_command(redis, "EVAL", SAY, 0, fault.reply)
    if fault.is_late:
        await _execute_command(redis, *words, **options)
    if fault.is_silence:
        raise TookTooLong("Timeout reading from socket")
    raise ConnectionLost("Connection closed by server.")
