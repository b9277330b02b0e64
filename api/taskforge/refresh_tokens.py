"""Refresh tokens: JSON Web Tokens whose hashes are kept, so that they can be taken back."""

from __future__ import annotations

import hashlib
import time

from api.core import Core
from api.taskforge.tokens import signed


async def issue(core: Core, user_id: int, password_hash: str) -> str | None:
    """A new token; None when the user's password hash is another one by now, or the user is gone."""
    now_s, life_s = time.time(), core.settings.jwt_refresh_s
    token = signed(core.settings.jwt_secret, "refresh", user_id, now_s, life_s)
    kept = await core.database.change(
        "keep_refresh_token",
        token_hash=hash_of(token),
        user_id=user_id,
        password_hash=password_hash,
        expires_at_s=int(now_s) + life_s,
    )
    return token if kept else None


async def is_live(core: Core, token: str, user_id: int) -> bool | None:
    """Whether the user's token still counts; None for one that was never issued."""
    row = await core.database.row("is_refresh_token_live", token_hash=hash_of(token), user_id=user_id)
    return None if row is None else bool(row[0])


async def revoke(core: Core, token: str, user_id: int) -> None:
    """Take a token back, on every server at once. Another user's, or an unknown one, stays as it is."""
    await core.database.change("revoke_refresh_token", token_hash=hash_of(token), user_id=user_id)


def hash_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
