"""What is away, behind or full, in words for clients: the same for every dialect."""

from __future__ import annotations

from typing import Final

import structlog
from aiohttp import web

from api.csrf import SAFE_METHODS
from api.errors import LeftOpen, TryLater
from api.idempotency import KEYED
from events.errors import Erased, OutcomeUnknown, Rejected, Unavailable, Undecodable
from readmodels.model import NotReady, TooBusy, TooLong

MAY_HAVE_BEEN_DONE: Final = ". It may have been done: "
BY_KEY: Final = f"{MAY_HAVE_BEEN_DONE}the same request with the same Idempotency-Key tells"
BY_READING: Final = f"{MAY_HAVE_BEEN_DONE}read it to find out"

log = structlog.get_logger(__name__)


def open_end(request: web.BaseRequest) -> str:
    """How a client finds out about a request that was left open; nothing where it only read."""
    if request.method in SAFE_METHODS:
        return ""
    return BY_KEY if request.get(KEYED) else BY_READING


def as_try_later(exception: Exception, end: str = BY_READING) -> TryLater | None:
    """What to tell a client whose request ended in `exception`; None when it is about something else.

    `end` is the `open_end` of the request.
    """
    match exception:
        case LeftOpen():
            return TryLater(f"{exception}{end}", exception.retry_after_s)
        case TryLater():
            return exception
        case NotReady():
            return _not_ready(exception)
        case OutcomeUnknown():
            return TryLater(f"The event store has not confirmed this{end}")
        case Unavailable():
            log.warning("the store is unavailable", reason=str(exception))
            return TryLater("The event store cannot be reached; nothing was done")
        case Rejected():
            log.error("the store does not take what a command holds", exc_info=exception)
            return TryLater(
                "The event store does not take this; nothing was done, and operators are told", 60
            )
        case Undecodable() | Erased():
            log.error("an object cannot be read", reason=str(exception))
            return TryLater("This object cannot be read at the moment; operators are told", 60)
        case OSError():
            log.error("the system refuses something", exc_info=exception)
            return TryLater(f"This server lacks something at the moment{end}")
    return None


def _not_ready(exception: NotReady) -> TryLater:
    log.info("not ready", reason=str(exception))
    if isinstance(exception, TooBusy):
        return TryLater("Too many large questions are asked at this moment; ask again", 5)
    if isinstance(exception, TooLong):
        return TryLater("This question takes too long; narrow it down", 5)
    return TryLater("The read model is being made ready; ask again")
