"""The token in the `Authorization` header: where it stands, and whose it is."""

from __future__ import annotations

import time
from typing import Final

from aiohttp import hdrs, web

from api.core import CORE
from api.taskforge.envelope import TokenRefused
from api.taskforge.tokens import Kind, Token, Unverified, verified

SCHEME: Final = "Bearer"
MISSING: Final = "Missing Authorization Header"
OTHER_SCHEME: Final = (
    "Missing 'Bearer' type in 'Authorization' header. Expected 'Authorization: Bearer <JWT>'"
)
MALFORMED: Final = "Bad Authorization header. Expected 'Authorization: Bearer <JWT>'"
UNVERIFIED: Final = "Signature verification failed"
EXPIRED: Final = "Token has expired"
WRONG_KIND: Final = {
    "access": "Only non-refresh tokens are allowed",
    "refresh": "Only refresh tokens are allowed",
}
"""What is said where the other kind of token was needed."""


def user_of(request: web.Request) -> int:
    """The id of the user to whom the access token was given. Raises TokenRefused."""
    token = token_of(request, bearer(request), "access")
    if is_expired(token):
        raise TokenRefused(EXPIRED)
    return token.user_id


def bearer(request: web.Request) -> str:
    """The one token in the header, of which there may be several lines. Raises TokenRefused."""
    given = [part.split() for line in _lines(request) for part in line.split(",") if part.strip()]
    if not given:
        raise TokenRefused(MISSING)
    ours = [words for words in given if words[0] == SCHEME]
    if len(ours) != 1:
        raise TokenRefused(OTHER_SCHEME)
    _, *tokens = ours[0]
    if len(tokens) != 1:
        raise TokenRefused(MALFORMED)
    return tokens[0]


def token_of(request: web.Request, text: str, kind: Kind) -> Token:
    """What a token of this kind says. Raises TokenRefused.

    Of the other kind an expired one is expired first; what that means for the right kind is up to
    the caller.
    """
    try:
        token = verified(request.app[CORE].settings.jwt_secret, text, time.time())
    except Unverified:
        raise TokenRefused(UNVERIFIED) from None
    if token.kind != kind:
        raise TokenRefused(EXPIRED if is_expired(token) else WRONG_KIND[kind])
    return token


def is_expired(token: Token) -> bool:
    return token.expires_at_s <= time.time()


def _lines(request: web.Request) -> list[str]:
    return request.headers.getall(hdrs.AUTHORIZATION, [])
