"""Whether a name and a password belong together, asked in the same time whatever the answer is."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import structlog

from api.core import Core
from api.errors import TryLater
from api.limits import principals
from api.limits.guesses import Guess
from api.passwords import is_outdated
from api.requests import Client, is_within
from commands.claims import Claim
from commands.users import User
from events.errors import StoreError

PLACE_NOTED_S: Final = 24 * 3600
"""A place that was seen within this time need not be noted again."""

log = structlog.get_logger(__name__)


class Credential(NamedTuple):
    """What is kept of a user's password: its hash, empty where there is none, and how often it was set.

    `place_seen_s` is how long ago the user signed in from the place that was asked for; None for never.
    """

    password_hash: str = ""
    changes: int = 0
    place_seen_s: float | None = None


@dataclass(frozen=True, slots=True)
class Proved:
    """Who gave the right password, what it was compared with, from where, and the guess that it counts as."""

    user: User
    credential: Credential
    place: bytes
    guess: Guess
    password: str = field(repr=False)


async def proved(core: Core, kind: str, name: str, password: str, client: Client) -> Proved | None:
    """Who is known by `name` (`kind` is username or email), if the password is theirs.

    Raises TryLater, and RateLimited for one guess too many. Once the user is in, `welcome` them.
    """
    key = core.dispatcher.claim_of(kind, name)
    claim = await core.dispatcher.load(Claim, key)
    user = await core.dispatcher.load(User, claim.holder_id)
    place = place_of(core, claim.holder_id, client)
    credential = await credential_of(core, claim.holder_id, place)
    guess = Guess(claim.holder or key, client.address, credential.place_seen_s is not None)
    counted = await _counted(core, guess)
    if not await _is_right(core, counted, credential, password):
        return None
    return Proved(user, credential, place, counted, password)


async def welcome(core: Core, found: Proved) -> None:
    """What is noted of somebody who has signed in; nothing of it may keep them out."""
    if core.limiter:
        await core.limiter.guesses.was_right(found.guess)
    try:
        await _note_place(core, found)
        await _hash_anew(core, found)
    except (StoreError, TryLater) as trouble:
        log.warning("a sign-in was not noted", user_id=found.user.id, reason=str(trouble))


async def credential_of(core: Core, user_id: int, place: bytes = b"") -> Credential:
    """What to compare the user's password with."""
    row = await core.database.row("find_password", user_id=user_id, place=place)
    return Credential(*row) if row else Credential()


def place_of(core: Core, user_id: int, client: Client) -> bytes:
    """A user and a network: who has the table learns neither, and cannot tell which users share one.

    Empty where only our own proxy is known of: everybody comes from there.
    """
    if is_within(client.address, core.settings.trusted_proxies):
        return b""
    where = f"{user_id} {principals.neighbourhood(client.address)}"
    return hmac.digest(core.places_secret, where.encode(), hashlib.sha256)


async def _counted(core: Core, guess: Guess) -> Guess:
    return await core.limiter.guesses.count(guess) if core.limiter else guess


async def _is_right(core: Core, guess: Guess, credential: Credential, password: str) -> bool:
    try:
        return await core.passwords.matches(credential.password_hash, password)
    except TryLater:
        if core.limiter:
            await core.limiter.guesses.was_not_looked_at(guess)
        raise


async def _note_place(core: Core, found: Proved) -> None:
    seen_s = found.credential.place_seen_s
    if found.place and (seen_s is None or seen_s > PLACE_NOTED_S):
        others_max = core.settings.known_places_max - 1
        await core.database.change(
            "note_place", user_id=found.user.id, place=found.place, others_max=others_max
        )


async def _hash_anew(core: Core, found: Proved) -> None:
    """With the parameters of today, while the password is at hand."""
    former = found.credential.password_hash
    if is_outdated(former):
        password_hash = await core.passwords.hash(found.password)
        await core.database.change(
            "hash_anew", user_id=found.user.id, former_hash=former, password_hash=password_hash
        )
