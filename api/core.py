"""What the handlers of every dialect work with, made once by `api.app.opened`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from aiohttp import web
from redis.asyncio import Redis

from api.admission import Admission
from api.another_log import AnotherLog
from api.attempts import Attempts
from api.csrf import CsrfTokens
from api.database import Database
from api.idempotency import Repetitions
from api.kept_answers import KeptAnswers
from api.limits.limiter import Limiter
from api.metrics.watch import Watch
from api.moments import Moments
from api.passwords import Passwords
from api.positions import Positions
from api.reading_side import ReadingSide
from api.reports.delivery import Reports
from api.sessions import Sessions
from api.settings import Settings
from commands.dispatcher import Dispatcher
from events.connections import Connections
from events.store import EventStore
from readmodels.model import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """`fingerprint_secret` keys the fingerprints of request bodies, `places_secret` the places of users.

    Without a limiter all limits are off.
    """

    settings: Settings
    store: EventStore
    dispatcher: Dispatcher
    model: Model
    announcements: ReadingSide
    another_log: AnotherLog
    kept: KeptAnswers
    connections: Connections
    database: Database
    redis: Redis
    sessions: Sessions
    csrf_tokens: CsrfTokens
    passwords: Passwords
    repetitions: Repetitions
    moments: Moments
    positions: Positions
    attempts: Attempts
    admission: Admission
    limiter: Limiter | None
    reports: Reports
    fingerprint_secret: bytes
    places_secret: bytes
    watch: Watch = field(default_factory=Watch)

    def forget(self) -> None:
        """Forget what is cached of a log that may have been restored since."""
        self.dispatcher.forget()
        self.store.keyring.clear()
        self.positions.forget_shared()


CORE: Final = web.AppKey("core", Core)
