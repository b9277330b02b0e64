"""The words with which a request is refused before any command is tried; each dialect translates them.

RequestError
├── BadRequest             the request itself makes no sense
│   └── TooSlow            the body did not arrive in time
├── Unauthenticated        nobody is signed in
├── CredentialsRefused     user and password do not belong together
├── CrossSite              another site's page may have sent it
├── Misdirected            it is meant for another server
├── PayloadTooLarge        the body is longer than any object could be
├── UnsupportedMediaType   the body is no plain JSON
├── KeyReused              the Idempotency-Key stands for another body
├── KeyBusy                the first request with this Idempotency-Key is still running
├── RateLimited            there were too many requests
└── TryLater               something that is needed is away, behind or full
    └── LeftOpen           the same, and what was asked may have been done
"""

from __future__ import annotations


class RequestError(Exception):
    """The message is for the client and says what would help."""


class BadRequest(RequestError):
    pass


class TooSlow(BadRequest):
    pass


class Unauthenticated(RequestError):
    def __init__(self) -> None:
        super().__init__("Authentication required")


class CredentialsRefused(RequestError):
    pass


class CrossSite(RequestError):
    pass


class Misdirected(RequestError):
    def __init__(self) -> None:
        super().__init__("This server does not answer to that host name")


class PayloadTooLarge(RequestError):
    pass


class UnsupportedMediaType(RequestError):
    pass


class KeyReused(RequestError):
    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used with another body")


class KeyBusy(RequestError):
    def __init__(self) -> None:
        super().__init__("The first request with this Idempotency-Key is still running; ask again")


class RateLimited(RequestError):
    """`limit` is as in `20 per 1 minute`; `retry_after_s` is when one more request may pass."""

    def __init__(self, limit: str, whose: str, retry_after_s: int) -> None:
        words = limit.replace(" per 1 ", " per ")
        super().__init__(
            f"Too many requests: the limit for {whose} is {words}. Ask again in {retry_after_s} seconds"
        )
        self.limit = limit
        self.retry_after_s = retry_after_s


class TryLater(RequestError):
    """`retry_after_s` is when asking again makes sense."""

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class LeftOpen(TryLater):
    """The message is the reason alone: how to find out depends on the request (`api.unavailable`)."""
