"""The one place where everything that requests need is wired together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any

from redis.asyncio import Redis

from api.admission import Admission
from api.another_log import AnotherLog
from api.attempts import Attempts
from api.core import Core
from api.csrf import CsrfTokens
from api.database import Database
from api.idempotency import Repetitions
from api.kept_answers import KeptAnswers
from api.kept_documents import KeptDocuments
from api.limits.limiter import Limiter, limiting
from api.metrics.server import server_families
from api.metrics.sharing import publish
from api.moments import Moments
from api.passwords import Passwords
from api.positions import Positions
from api.purge import purging
from api.reading_side import ReadingSide, View
from api.reports.delivery import Reports
from api.sessions import Sessions
from api.settings import Settings
from commands.dispatcher import Dispatcher
from events.connections import Connections
from events.keys import derived
from events.postgres import Bounds
from events.store import EventStore, open_store
from projections.generations import current_generation, generation_of
from readmodels.announcements import Announcements
from readmodels.connecting import connect
from readmodels.documents import Ref
from readmodels.model import NotReady
from readmodels.redis import SNAPSHOT_TIMEOUT_S, RedisModel


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Core]:
    """Everything that handlers need; closed in the opposite order.

    Raises `events.errors.Unavailable` when the database cannot be reached.
    """
    async with AsyncExitStack() as stack:
        connections = connections_of(settings)
        stack.push_async_callback(connections.close)
        redis = connect(settings.redis_url, timeout_s=settings.redis_timeout_s)
        stack.push_async_callback(redis.aclose)
        store = await stack.enter_async_context(store_of(settings))
        passwords = Passwords(settings.password_queue_max)
        stack.callback(passwords.close)
        large = connect(settings.redis_url, timeout_s=2 * SNAPSHOT_TIMEOUT_S)
        stack.push_async_callback(large.aclose)
        reading = await stack.enter_async_context(
            ReadingSide(
                await generation_of(connections),
                partial(view_of, settings, redis, large),
                partial(current_generation, connections),
            )
        )
        moments = Moments(settings, connections, store, redis, large)
        stack.push_async_callback(moments.close)
        positions = Positions(redis, settings.redis_timeout_s, lambda: reading.listener)
        reports = Reports(settings.report_queue_max, settings.report_timeout_s)
        stack.push_async_callback(reports.close)
        limiter = await stack.enter_async_context(limiting(settings, redis, time.monotonic))
        core = core_of(
            settings,
            store,
            reading,
            connections,
            redis,
            passwords,
            moments,
            positions,
            reports,
            limiter,
        )
        reading.on_rebuilt(core.forget)
        # Closed when nobody writes beside it any more.
        stack.push_async_callback(core.attempts.close)
        publishing = publish(redis, "server", lambda: server_families(core))
        watching = (core.watch.loop_lag.run(), core.admission.run(), publishing)
        for work in (core.attempts.run(), positions.share(), moments.tidy(), purging(core), *watching):
            await stack.enter_async_context(background(work))
        yield core


def core_of(
    settings: Settings,
    store: EventStore,
    reading: ReadingSide,
    connections: Connections,
    redis: Redis,
    passwords: Passwords,
    moments: Moments,
    positions: Positions,
    reports: Reports,
    limiter: Limiter | None,
) -> Core:
    """What is made of other parts and needs no closing itself."""
    database = Database(connections)
    csrf_key = derived(settings.master_key, b"taskledger csrf tokens")
    return Core(
        settings=settings,
        store=store,
        dispatcher=Dispatcher(
            store,
            store.keyring.claim_key,
            sees=lambda user_id, project_id: sees(reading, user_id, project_id),
            state_cache_max=settings.state_cache_max,
        ),
        model=reading,
        announcements=reading,
        another_log=AnotherLog(reading, store),
        kept=KeptAnswers(
            reading,
            bytes_max=settings.kept_answers_bytes_max,
            answer_bytes_max=settings.kept_answer_bytes_max,
        ),
        connections=connections,
        database=database,
        redis=redis,
        sessions=Sessions(database, settings, time.monotonic),
        csrf_tokens=CsrfTokens(csrf_key),
        passwords=passwords,
        repetitions=Repetitions(database, settings.idempotency_wait_s),
        moments=moments,
        positions=positions,
        attempts=Attempts(
            database, queue_max=settings.attempts_queue_max, batch_max=settings.attempts_batch_max
        ),
        reports=reports,
        admission=Admission(
            settings.requests_under_way_max, settings.loop_delay_max_s, settings.write_delay_max_s
        ),
        limiter=limiter,
        fingerprint_secret=derived(settings.master_key, b"taskledger request fingerprints"),
        places_secret=derived(settings.master_key, b"taskledger known places"),
    )


def view_of(settings: Settings, redis: Redis, large: Redis, generation: int) -> View:
    """A generation as a server reads it; its announcements are not yet listened to."""
    announcements = Announcements(redis, generation)
    model = RedisModel(
        redis,
        generation,
        settings.redis_timeout_s,
        large=large,
        announced=announcements.heard,
        saw=announcements.saw,
    )
    return View(generation, model, announcements, KeptDocuments(settings.kept_documents_bytes_max))


def connections_of(settings: Settings) -> Connections:
    return Connections(
        settings.database_url,
        connections_max=settings.database_connections_max,
        connect_timeout_s=settings.database_timeout_s,
        call_timeout_s=settings.database_timeout_s,
    )


def store_of(settings: Settings) -> AbstractAsyncContextManager[EventStore]:
    return open_store(
        settings.database_url,
        settings.master_key,
        bounds=bounds(settings),
        append_batch_max=settings.append_batch_max,
        append_queue_max=settings.append_queue_max,
    )


def bounds(settings: Settings) -> Bounds:
    return Bounds(
        read_connections_max=settings.database_connections_max,
        connect_timeout_s=settings.database_timeout_s,
        read_timeout_s=settings.database_timeout_s,
        append_timeout_s=settings.append_timeout_s,
        outcome_timeout_s=settings.append_timeout_s,
    )


async def sees(reading: ReadingSide, user_id: int, project_id: int) -> bool:
    """Whether the read model knows a reason for the user to see the project; no, while it is away.

    What is kept in memory may lack a change that another process has answered a moment ago.
    """
    ref = Ref("access", f"{user_id}:{project_id}")
    with suppress(NotReady):
        return ref in await reading.fetch_anew([ref])
    return False


@asynccontextmanager
async def background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Work that goes on beside the block and is cancelled after it."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
