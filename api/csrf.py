"""Keeping other sites' pages from writing with somebody's cookie."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from itsdangerous import BadData, URLSafeTimedSerializer

from api.errors import CrossSite
from api.sessions import Session

HEADER: Final = "X-CSRFToken"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
FOREIGN_SITES: Final = frozenset({"cross-site", "same-site"})


class CsrfTokens:
    """Signed with a key of their own, bound to one session, and good for as long as that is.

    The database says when a session ends. The moment that a token bears is no server's business: one that is
    a second behind the server that made it would refuse it.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._serializer = URLSafeTimedSerializer(key, salt="csrf-token")

    def make(self, session: Session) -> str:
        return self._serializer.dumps(self._mark(session))

    def fits(self, token: str, session: Session) -> bool:
        try:
            mark = self._serializer.loads(token)
        except (BadData, UnicodeError):
            return False
        return isinstance(mark, str) and hmac.compare_digest(mark.encode(), self._mark(session).encode())

    def _mark(self, session: Session) -> str:
        return hmac.new(self._key, session.token_hash, hashlib.sha256).hexdigest()[:40]


def must_not_be_cross_site(request: web.Request, session: Session | None, tokens: CsrfTokens) -> None:
    """Raises CrossSite for a state-changing request that another site's page may have sent.

    For requests that carry a session cookie. A token decides when one is sent; without any of the
    three headers no browser was involved.
    """
    if request.method in SAFE_METHODS:
        return
    token = request.headers.get(HEADER)
    if token is not None and session is not None:
        if not tokens.fits(token, session):
            raise CrossSite(f"The {HEADER} is wrong or belongs to another session")
    elif _is_foreign(request):
        raise CrossSite(f"A page of another site cannot do this without the {HEADER} of the session")


def _is_foreign(request: web.Request) -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site.strip().lower() in FOREIGN_SITES
    origin = request.headers.get(hdrs.ORIGIN)
    return origin is not None and not _names_host(origin, request.headers.get(hdrs.HOST, ""))


def _names_host(origin: str, host: str) -> bool:
    try:
        named = urlsplit(origin).netloc.lower()
    except ValueError:
        return False
    return bool(named) and named == host.strip().lower()
