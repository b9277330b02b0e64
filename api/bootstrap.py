"""The first admin of a new ledger, and the rule that nobody serves strangers with a known password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import psycopg

from api.exits import CannotRun
from api.passwords import hash_password, is_password
from api.settings import Settings
from commands.admins import Admins
from commands.context import SYSTEM
from commands.dispatcher import Dispatcher
from commands.ledger import PrepareLedger
from events.instants import Instant, now
from events.keys import WrongMasterKey
from events.log import Metadata
from events.store import EventStore, open_store

USERNAME: Final = "admin"
EMAIL: Final = "admin@taskflow.com"
DEVELOPMENT_PASSWORD: Final = "admin123"  # noqa: S105 — the contract's own; production refuses it
PASSWORD_MIN: Final = 8

WEAK: Final = frozenset(
    f"{DEVELOPMENT_PASSWORD} adminadmin administrator changeme changeit password password1 password123"
    " passw0rd 12345678 123456789 1234567890 qwertyui qwerty123 letmein1 welcome1 taskflow taskledger"
    " secret123".split()
)
"""Passwords that everybody tries first."""

TOO_EASY: Final = (
    f"TASKLEDGER_ADMIN_PASSWORD is too easy to guess: take at least {PASSWORD_MIN} characters"
    " that are on no list, as from: openssl rand -base64 18"
)


async def prepare(
    settings: Settings, environ: Mapping[str, str], *, recorded_at: Instant | None = None
) -> bool:
    """Make the first admin where there is none; True when the development login works afterwards.

    `recorded_at` is when that happened, where a history is made up; else it happens now.
    Raises CannotRun when the master key is not this ledger's, or when production would start with a
    password that strangers know, or with none.
    """
    chosen = environ.get("TASKLEDGER_ADMIN_PASSWORD", "")
    if settings.is_production and chosen:
        _must_be_strong(chosen)
    async with open_store(settings.database_url, settings.master_key) as store:
        await _must_open(store)
        dispatcher = Dispatcher(store, store.keyring.claim_key)
        if (await dispatcher.load(Admins, "")).exists:
            return _development_login_works(settings)
        if settings.is_production and not chosen:
            raise CannotRun(
                "this ledger has no admin yet: set TASKLEDGER_ADMIN_PASSWORD to the password of the first one"
            )
        await _make_admin(dispatcher, chosen or DEVELOPMENT_PASSWORD, recorded_at)
        return not chosen


async def _must_open(store: EventStore) -> None:
    try:
        await store.read_stream("user-1")
    except WrongMasterKey:
        raise CannotRun(
            "the master key is not the one that this ledger was made with: give the right"
            " TASKLEDGER_MASTER_KEY, or the data folder that holds it"
        ) from None


async def _make_admin(dispatcher: Dispatcher, password: str, recorded_at: Instant | None) -> None:
    command = PrepareLedger(username=USERNAME, email=EMAIL, password_hash=hash_password(password))
    source = Metadata(dialect="cli", actor_role="system")
    await dispatcher.dispatch(command, SYSTEM, source, now=recorded_at or now(), recorded_at=recorded_at)


def _development_login_works(settings: Settings) -> bool:
    known = is_password(_kept_hash(settings.database_url), DEVELOPMENT_PASSWORD)
    if known and settings.is_production:
        raise CannotRun(
            f"the admin still has the development password {DEVELOPMENT_PASSWORD}: start on a loopback"
            " address, change it (PUT /api/users/1), then start in production"
        )
    return known


def is_weak(password: str) -> bool:
    """Whether strangers would find it out soon."""
    return len(password) < PASSWORD_MIN or password.lower() in WEAK


def _must_be_strong(password: str) -> None:
    if is_weak(password):
        raise CannotRun(TOO_EASY)


def _kept_hash(database_url: str) -> str:
    """What is kept of the first admin's password."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT password_hash FROM credentials WHERE user_id = 1").fetchone()
        return str(row[0]) if row else ""
