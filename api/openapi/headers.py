"""Headers in a document, and those that operations of every dialect take and answers bear."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from aiohttp import hdrs

from api import idempotency
from api.calls import MIN_POSITION_HEADER, MODEL_HEADER, POSITION_HEADER
from api.limits.told import LIMIT_HEADER, REMAINING_HEADER, RESET_HEADER
from api.parked import LACKS_HEADER
from api.requests import ID_HEADER

REPLAYED: Final = "Idempotency-Replayed"
RETRY_AFTER: Final = str(hdrs.RETRY_AFTER)
DISPOSITION: Final = str(hdrs.CONTENT_DISPOSITION)
LIMIT_HEADERS: Final = (LIMIT_HEADER, REMAINING_HEADER, RESET_HEADER)

Described = dict[str, Any]

TEXT: Final[Described] = {"type": "string"}
NUMBER: Final[Described] = {"type": "integer", "minimum": 0}


def taken(name: str, description: str, schema: Described) -> Described:
    """Without an example: pages that try requests out would send it, and no token or key fits everybody."""
    return {
        "name": str(name),
        "in": "header",
        "required": False,
        "description": description,
        "schema": schema,
    }


def borne(description: str, schema: Described, example: Any, *, always: bool = False) -> Described:
    return {"description": description, "required": always, "schema": schema, "example": example}


def references(names: Iterable[str]) -> Described:
    """The headers of an answer, by their names among the components."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def references_to_taken(names: Iterable[str]) -> list[Described]:
    """The headers of a request, by their names among the components."""
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


TAKEN: Final[dict[str, Described]] = {
    "RequestId": taken(
        ID_HEADER,
        "An id of your own for this request: 8 to 64 letters, digits, `-` or `_`, as in "
        "`req_9f86d081884c7d65`. It comes back, and stands in the server's log and on every event that the "
        "request causes. Anything else is replaced.",
        TEXT,
    ),
    "IdempotencyKey": taken(
        idempotency.HEADER,
        "Makes it safe to send the same request again: it has one effect, and one answer for 24 hours. Take "
        "a new one for each request, a UUID such as `7c4a8d09-ca37-4e1f-9b02-6d1f6a1c5e11`.",
        {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
    ),
    "MinPosition": taken(
        MIN_POSITION_HEADER,
        f"The `{POSITION_HEADER}` of a write: the answer waits until it is seen here, two seconds at most.",
        {"type": "integer", "minimum": 0, "maximum": 10**18 - 1},
    ),
}

BORNE: Final[dict[str, Described]] = {
    ID_HEADER: borne("The id of this request.", TEXT, "req_9f86d081884c7d65", always=True),
    POSITION_HEADER: borne(
        "The place in the log at which what was written is seen.", NUMBER, 42, always=True
    ),
    MODEL_HEADER: borne(
        "`behind`: this answer was made from the log; sums in it may be old or null. `parked`: it shows "
        "something that stands still, because an event of it could not be read or taken.",
        {"type": "string", "enum": ["behind", "parked"]},
        "behind",
    ),
    LACKS_HEADER: borne("How many things stand still, whose latest events sums may lack.", NUMBER, 1),
    REPLAYED: borne(
        "`true`: this is the first answer to this Idempotency-Key again.",
        {"type": "string", "const": "true"},
        "true",
    ),
    RETRY_AFTER: borne("In how many seconds asking again makes sense.", NUMBER, 1),
}
