"""JSON Web Tokens: made for somebody who proved to be a user, and read back with suspicion."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

import jwt

ALGORITHM: Final = "HS256"
CLOCK_SKEW_S: Final = 10
"""How far the clocks of two servers may be apart: what one makes is good on the other at once."""

CHARACTERS_MAX: Final = 8192
"""Ours have some 400: longer ones are not worth the time that it takes to decode them."""

TOKENS_KEPT_MAX: Final = 4096
TIME_MAX_S: Final = 2**53
RANDOM_BYTES: Final = 16

Kind = Literal["access", "refresh"]

# Times are compared with the clock that is passed in. What else the library looks at stays on.
_OPTIONS: Final[Any] = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
_USER_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


class Unverified(Exception):
    """This is no token of ours, or none yet; why is nobody's business."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a token of ours says; `expires_at_s` is in Unix time."""

    kind: Kind
    user_id: int
    expires_at_s: float


def signed(secret: bytes, kind: Kind, user_id: int, now_s: float, life_s: int) -> str:
    """A new token, good for `life_s` seconds from `now_s` (Unix time) on."""
    at = int(now_s)
    claims = {
        "fresh": False,
        "iat": at,
        "jti": secrets.token_hex(RANDOM_BYTES),
        "type": kind,
        "sub": str(user_id),
        "nbf": at,
        "csrf": secrets.token_hex(RANDOM_BYTES),
        "exp": at + life_s,
    }
    return jwt.encode(claims, secret, ALGORITHM)


def verified(secret: bytes, token: str, now_s: float) -> Token:
    """What the token says, expired or not. Raises Unverified for one that is not of our making."""
    if len(token) > CHARACTERS_MAX or not token.isascii():
        raise Unverified
    read, begins_at_s = _decoded(secret, token)
    if begins_at_s > now_s + CLOCK_SKEW_S:
        raise Unverified
    return read


@lru_cache(TOKENS_KEPT_MAX)
def _decoded(secret: bytes, token: str) -> tuple[Token, float]:
    """What the token says, and when it begins to hold: the same each time, so it is found out once."""
    try:
        return _read(jwt.decode(token, secret, [ALGORITHM], _OPTIONS))
    except jwt.PyJWTError:
        raise Unverified from None


def _read(claims: Mapping[str, Any]) -> tuple[Token, float]:
    kind, user_id = claims.get("type"), claims.get("sub")
    if kind not in ("access", "refresh") or not isinstance(user_id, str) or not _USER_ID.fullmatch(user_id):
        raise Unverified
    begins_at_s = max(_time(claims, "iat"), _time(claims, "nbf"))
    return Token(kind, int(user_id), _time(claims, "exp")), begins_at_s


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unverified
    # NaN is in no range.
    if not 0 <= value <= TIME_MAX_S:
        raise Unverified
    return value
