"""Whether a name and a password belong together, asked in the same time whatever the answer is."""

from __future__ import annotations

from dataclasses import dataclass

from api.core import Core
from commands.claims import Claim
from commands.users import User


@dataclass(frozen=True, slots=True)
class Proved:
    """Who gave the right password, and the hash that it was compared with."""

    user: User
    password_hash: str


async def proved(core: Core, kind: str, name: str, password: str) -> Proved | None:
    """Who is known by `name` (`kind` is username or email), if the password is theirs. Raises TryLater."""
    claim = await core.dispatcher.load(Claim, core.dispatcher.claim_of(kind, name))
    user = await core.dispatcher.load(User, claim.holder_id)
    password_hash = await password_hash_of(core, claim.holder_id)
    if not await core.passwords.matches(password_hash, password):
        return None
    return Proved(user, password_hash)


async def password_hash_of(core: Core, user_id: int) -> str:
    """The hash to compare with; empty where there is none."""
    row = await core.database.row("find_password", user_id=user_id)
    return str(row[0]) if row else ""
