"""The headers that operations take and answers bear."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import hdrs

from api import csrf, idempotency
from api.requests import ID_HEADER
from api.taskflow.calls import MODEL_HEADER, POSITION_HEADER
from api.taskflow.endpoints import ETAG, MIN_POSITION_HEADER
from api.taskflow.quota import LIMIT_HEADER, REMAINING_HEADER, RESET_HEADER
from api.taskflow.reports import REPORT_FORMULAS, REPORT_MOMENT, REPORT_POSITION

REPLAYED: Final = "Idempotency-Replayed"
SET_COOKIE: Final = str(hdrs.SET_COOKIE)
RETRY_AFTER: Final = str(hdrs.RETRY_AFTER)
DISPOSITION: Final = str(hdrs.CONTENT_DISPOSITION)
LIMIT_HEADERS: Final = (LIMIT_HEADER, REMAINING_HEADER, RESET_HEADER)

Described = dict[str, Any]


def _taken(name: str, description: str, schema: Described) -> Described:
    """Without an example: pages that try requests out would send it, and no token or key fits everybody."""
    return {
        "name": str(name),
        "in": "header",
        "required": False,
        "description": description,
        "schema": schema,
    }


TEXT: Final[Described] = {"type": "string"}
NUMBER: Final[Described] = {"type": "integer", "minimum": 0}

_TAG: Final = r'(W/)?"[\x21\x23-\x2b\x2d-\x7e]*"'

TAKEN: Final[dict[str, Described]] = {
    "RequestId": _taken(
        ID_HEADER,
        "An id of your own for this request: 8 to 64 letters, digits, `-` or `_`, as in "
        "`req_9f86d081884c7d65`. It comes back, and stands in the server's log and on every event that the "
        "request causes. Anything else is replaced.",
        TEXT,
    ),
    "CsrfToken": _taken(
        csrf.HEADER,
        "The `csrf_token` of the session. Pages of other sites need it; whoever sends a wrong one is "
        "refused.",
        TEXT,
    ),
    "IdempotencyKey": _taken(
        idempotency.HEADER,
        "Makes it safe to send the same request again: it has one effect, and one answer for 24 hours. Take "
        "a new one for each request, a UUID such as `7c4a8d09-ca37-4e1f-9b02-6d1f6a1c5e11`.",
        {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
    ),
    "IfMatch": _taken(
        hdrs.IF_MATCH,
        'The `ETag` of the object as you know it, with its quotes, as in `"3-5f1d8e0c2b7a49d6e0f1"`: a '
        "change is refused (412) when the object has changed since.",
        {"type": "string", "pattern": f"^(\\*|{_TAG}(, ?{_TAG})*)$"},
    ),
    "IfNoneMatch": _taken(
        hdrs.IF_NONE_MATCH,
        "The `ETag` of the answer that you have: it is not sent again (304) when nothing has changed.",
        TEXT,
    ),
    "MinPosition": _taken(
        MIN_POSITION_HEADER,
        f"The `{POSITION_HEADER}` of a write: the answer waits until it is seen here, two seconds at most.",
        {"type": "integer", "minimum": 0, "maximum": 10**18 - 1},
    ),
}


def _borne(description: str, schema: Described, example: Any, *, always: bool = False) -> Described:
    return {"description": description, "required": always, "schema": schema, "example": example}


BORNE: Final[dict[str, Described]] = {
    ID_HEADER: _borne("The id of this request.", TEXT, "req_9f86d081884c7d65", always=True),
    ETAG: _borne(
        "The version of the object and a digest of this answer.",
        TEXT,
        '"3-5f1d8e0c2b7a49d6e0f1"',
        always=True,
    ),
    POSITION_HEADER: _borne(
        "The place in the log at which what was written is seen.", NUMBER, 42, always=True
    ),
    MODEL_HEADER: _borne(
        "`behind`: this answer was made from the log; sums in it may be old or null.",
        {"type": "string", "const": "behind"},
        "behind",
    ),
    REPLAYED: _borne(
        "`true`: this is the first answer to this Idempotency-Key again.",
        {"type": "string", "const": "true"},
        "true",
    ),
    RETRY_AFTER: _borne("In how many seconds asking again makes sense.", NUMBER, 1),
    SET_COOKIE: _borne(
        "The session's cookie.", TEXT, "session=4f0c…; HttpOnly; SameSite=Lax; Path=/", always=True
    ),
    DISPOSITION: _borne(
        "The name to save the file under, where it is a file.",
        TEXT,
        'attachment; filename="budget-analysis-2025-06-21.pdf"',
    ),
    REPORT_POSITION: _borne("The place in the log that the report speaks of.", NUMBER, 42, always=True),
    REPORT_FORMULAS: _borne("Raised when a formula of reports changes.", NUMBER, 1, always=True),
    REPORT_MOMENT: _borne(
        "The moment that the report speaks of.",
        {"type": "string", "format": "date-time"},
        "2025-06-21T10:30:00.000000Z",
        always=True,
    ),
    LIMIT_HEADER: _borne("The requests that an hour allows you.", NUMBER, 1000),
    REMAINING_HEADER: _borne("Those that are left of them.", NUMBER, 999),
    RESET_HEADER: _borne("When the hour ends, in Unix seconds.", NUMBER, 1640995200),
}
