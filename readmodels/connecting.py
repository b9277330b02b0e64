"""Connections to Redis or Valkey that answer or fail soon."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final, TypeVar

from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLost

TURNS_MIN: Final = 50

Answer = TypeVar("Answer")


def connect(redis_url: str, *, connections_max: int = 32, timeout_s: float = 5.0) -> Redis:
    """A client for `redis_url` whose connecting and reading take `timeout_s` at most.

    It holds at most `connections_max` connections; who finds none free waits `timeout_s` for one.

    A command on a connection that the server closed is tried once more on a new one, at once:
    every command of ours may be repeated.
    """
    pool = BlockingConnectionPool.from_url(
        redis_url,
        max_connections=connections_max,
        timeout=timeout_s,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 1),
        decode_responses=False,
    )
    pool.connection_class = KINDS[pool.connection_class]
    return Redis.from_pool(pool)


class Noticing(AbstractConnection):
    """One that the other end has just closed is lost, which the client knows how to take.

    uvloop says it by a RuntimeError to whoever writes, and the client looks for an OSError.
    """

    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        try:
            await super().send_packed_command(command, check_health)
        except RuntimeError as error:
            await self.disconnect(nowait=True)
            raise ConnectionLost(str(error)) from error


class NoticingTcp(Noticing, Connection):
    pass


class NoticingTls(Noticing, SSLConnection):
    pass


class NoticingLocal(Noticing, UnixDomainSocketConnection):
    pass


KINDS: Final[dict[type[AbstractConnection], type[AbstractConnection]]] = {
    Connection: NoticingTcp,
    SSLConnection: NoticingTls,
    UnixDomainSocketConnection: NoticingLocal,
}


async def call(redis: Redis, *words: str | bytes | float) -> Any:
    """What Redis answers to one command. Raises RedisError, OSError."""
    execute: Callable[..., Coroutine[Any, Any, Any]] = redis.execute_command
    answer = await execute(*words)
    stop_if_cancelled()
    return answer


async def within(timeout_s: float, work: Awaitable[Answer]) -> Answer:
    """What `work` gives. Raises TimeoutError after `timeout_s` and TURNS_MIN turns of the event loop.

    A busy event loop looks at an answer late; that must not be taken for a Redis that is silent.
    """
    task = asyncio.ensure_future(work)
    try:
        for _ in range(TURNS_MIN):
            done, _ = await asyncio.wait({task}, timeout=timeout_s / TURNS_MIN)
            if done:
                return task.result()
        raise TimeoutError(f"no answer within {timeout_s:g} seconds")
    finally:
        task.cancel()


def stop_if_cancelled() -> None:
    """Raise the CancelledError that the client may have swallowed.

    Before Python 3.12 `asyncio.wait_for`, on which the client rests, forgets a cancellation that
    comes in the same moment as the answer; whoever loops would then never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
