"""What is away, behind or full, in words for clients: the same for every dialect."""

from __future__ import annotations

import structlog

from api.errors import TryLater
from events.errors import Erased, OutcomeUnknown, Unavailable, Undecodable
from readmodels.model import NotReady, TooBusy, TooLong

log = structlog.get_logger(__name__)


def as_try_later(exception: Exception) -> TryLater | None:
    """What to tell a client whose request ended in `exception`; None when it is about something else."""
    match exception:
        case TryLater():
            return exception
        case NotReady():
            return _not_ready(exception)
        case OutcomeUnknown():
            return TryLater(
                "It is not known yet whether this was done; the same request with the same "
                "Idempotency-Key tells"
            )
        case Unavailable():
            log.warning("the store is unavailable", reason=str(exception))
            return TryLater("The event store cannot be reached; nothing was done")
        case Undecodable() | Erased():
            log.error("an object cannot be read", reason=str(exception))
            return TryLater("This object cannot be read at the moment; operators are told", 60)
    return None


def _not_ready(exception: NotReady) -> TryLater:
    log.info("not ready", reason=str(exception))
    if isinstance(exception, TooBusy):
        return TryLater("Too many large questions are asked at this moment; ask again", 5)
    if isinstance(exception, TooLong):
        return TryLater("This question takes too long; narrow it down", 5)
    return TryLater("The read model is being made ready; ask again")
