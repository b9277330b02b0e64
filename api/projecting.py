"""Projecting until a signal says stop."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from api.app import background
from api.lifeline import Lifeline, beats
from api.metrics.projector import telling
from api.settings import Settings
from api.signals import on_stop
from commands.context import SYSTEM, Actor
from commands.dispatcher import Dispatcher
from commands.operations import SwitchGeneration
from events import instants
from events.index import keep_filling
from events.log import Metadata
from events.store import EventStore, open_store
from projections.bulk_messages import Sources
from projections.follower import RunnerSettings
from projections.projector import run_projector
from projections.rebuilds import Rebuild
from projections.runner import collect_garbage_rarely
from projections.switching import Switching
from readmodels.connecting import connect

PROJECTOR: Final = Metadata(dialect="projector")


async def projecting(settings: Settings, lifeline: Lifeline | None = None) -> None:
    """Project until SIGINT or SIGTERM; a batch that is under way is not applied, which harms nothing.

    The lease is given back at once: whoever stands by need not wait until it runs out.
    """
    collect_garbage_rarely()
    task = asyncio.ensure_future(_project(settings, lifeline))
    on_stop(task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _project(settings: Settings, lifeline: Lifeline | None) -> None:
    async with background(beats(lifeline)), open_store(settings.database_url, settings.master_key) as store:
        if lifeline:
            lifeline.tell_ready()
        await project(store, settings)


async def project(store: EventStore, settings: Settings) -> None:
    """Feed read models and the index of events, and work on rebuilds, until cancelled."""
    redis, bounds = connect(settings.redis_url), runner_settings(settings)
    try:
        async with telling(redis, bounds.counts), background(keep_filling(settings.database_url)):
            await run_projector(
                store,
                redis,
                settings.database_url,
                bounds,
                switching=switching_by(Dispatcher(store, store.keyring.claim_key), PROJECTOR, settings),
            )
    finally:
        await redis.aclose()


def switching_by(dispatcher: Dispatcher, metadata: Metadata, settings: Settings) -> Switching:
    """Switches are recorded on behalf of whoever asked for the rebuild."""

    async def record(rebuild: Rebuild, live: int) -> None:
        actor = Actor(rebuild.asked_by, "admin") if rebuild.asked_by else SYSTEM
        command = SwitchGeneration(
            from_generation=live, to_generation=rebuild.generation, reason=rebuild.reason
        )
        await dispatcher.dispatch(command, actor, metadata, now=instants.now())

    return Switching(record, settings.generation_fed_s)


def runner_settings(settings: Settings) -> RunnerSettings:
    """A long log is folded in processes of their own, which need to reach what we reach."""
    return RunnerSettings(sources=Sources(settings.database_url, settings.redis_url, settings.master_key))
