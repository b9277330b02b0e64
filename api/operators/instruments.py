"""What the tools of operators and auditors work with, on the command line and in a server alike."""

from __future__ import annotations

import getpass
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis

from api.app import connections_of, store_of
from api.core import Core
from api.database import Database
from api.requests import new_request_id
from api.settings import Settings
from commands.context import SYSTEM, Actor
from commands.dispatcher import Decided, Dispatcher
from events import instants
from events.connections import Connections
from events.log import Metadata
from events.store import EventStore
from readmodels.connecting import connect


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruments:
    """The log, the tables beside it, and Redis, which is connected to when it is first used.

    `actor` is who operates, `metadata` where from; both stand on what `record` writes, and `recorded` is
    called once that is done.
    """

    settings: Settings
    store: EventStore
    dispatcher: Dispatcher
    connections: Connections
    database: Database
    redis: Redis
    actor: Actor
    metadata: Metadata
    recorded: Callable[[], None] = lambda: None

    async def record(self, command: object) -> Decided:
        """Carry out a command of `commands.operations`, or any other.

        Raises `commands.errors.Refusal`, and the store's Unavailable and OutcomeUnknown.
        """
        decided = await self.dispatcher.dispatch(command, self.actor, self.metadata, now=instants.now())
        self.recorded()
        return decided


@asynccontextmanager
async def instruments(settings: Settings) -> AsyncIterator[Instruments]:
    """Instruments for somebody at a terminal of a machine that may use the ledger's servers."""
    async with AsyncExitStack() as stack:
        connections = connections_of(settings)
        stack.push_async_callback(connections.close)
        redis = connect(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        store = await stack.enter_async_context(store_of(settings))
        yield Instruments(
            settings=settings,
            store=store,
            dispatcher=Dispatcher(store, store.keyring.claim_key),
            connections=connections,
            database=Database(connections),
            redis=redis,
            actor=SYSTEM,
            metadata=Metadata(dialect="cli", request_id=new_request_id(), user_agent=_terminal()),
        )


def instruments_of(core: Core, actor: Actor, metadata: Metadata) -> Instruments:
    """Instruments for an admin who asks a server."""
    return Instruments(
        settings=core.settings,
        store=core.store,
        dispatcher=core.dispatcher,
        connections=core.connections,
        database=core.database,
        redis=core.redis,
        actor=actor,
        metadata=metadata,
    )


def _terminal() -> str:
    """Who is at the terminal, for the table of requests, which forgets it after a while."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "somebody"
    return f"taskledger command line, {user} on {socket.gethostname()}"
