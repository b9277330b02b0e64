"""Refresh tokens: JSON Web Tokens whose hashes are kept, so that they can be taken back."""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress

import structlog

from api.core import Core
from api.requests import Client
from api.taskforge.tokens import signed
from events.errors import StoreError

log = structlog.get_logger(__name__)


async def issue(core: Core, user_id: int, changes: int, client: Client) -> str | None:
    """A new token; None when the user's password was set again since it was proved, or the user is gone.

    `changes` is how often the password had been set again before.
    """
    now_s, life_s = time.time(), core.settings.jwt_refresh_s
    token = signed(core.settings.jwt_secret, "refresh", user_id, now_s, life_s)
    kept = await core.database.change(
        "keep_refresh_token",
        token_hash=hash_of(token),
        user_id=user_id,
        changes=changes,
        expires_at_s=int(now_s) + life_s,
        **client._asdict(),
    )
    return token if kept else None


async def used(core: Core, token: str, user_id: int) -> bool | None:
    """Whether the user's token still counts, which notes its use; None for one that was never issued.

    Whoever uses one that was taken back has a copy that its owner gave up. The token is all that came of
    its sign-in, and has ended: no other token rests on it.
    """
    touch_s = core.settings.session_touch_s
    row = await core.database.row(
        "find_refresh_token", token_hash=hash_of(token), user_id=user_id, touch_s=touch_s
    )
    if row is None:
        return None
    number, is_revoked, is_live, is_to_be_touched = row
    if is_revoked:
        log.warning("a refresh token was used after it was taken back", user_id=user_id, session_id=number)
    if is_live and is_to_be_touched:
        with suppress(StoreError):
            await core.database.change("touch_refresh_token", id=number)
    return bool(is_live)


async def revoke(core: Core, token: str, user_id: int) -> None:
    """Take a token back, on every server at once. Another user's, or an unknown one, stays as it is."""
    if not await core.database.change("revoke_refresh_token", token_hash=hash_of(token), user_id=user_id):
        # It may have been taken back before, in a change that a failover undoes.
        await core.database.confirm()


def hash_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
