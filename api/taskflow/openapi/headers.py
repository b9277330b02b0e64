"""The headers that operations take and answers bear."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import hdrs

from api import csrf
from api.limits.told import LIMIT_HEADER, REMAINING_HEADER, RESET_HEADER
from api.openapi import headers
from api.openapi.headers import DISPOSITION, NUMBER, TEXT, borne, taken
from api.taskflow.as_of import AS_OF_POSITION
from api.taskflow.endpoints import ETAG
from api.taskflow.reports import REPORT_FORMULAS, REPORT_MOMENT, REPORT_POSITION

SET_COOKIE: Final = str(hdrs.SET_COOKIE)

Described = dict[str, Any]

_TAG: Final = r'(W/)?"[\x21\x23-\x2b\x2d-\x7e]*"'

TAKEN: Final[dict[str, Described]] = {
    **headers.TAKEN,
    "CsrfToken": taken(
        csrf.HEADER,
        "The `csrf_token` of the session. Pages of other sites need it; whoever sends a wrong one is "
        "refused.",
        TEXT,
    ),
    "IfMatch": taken(
        hdrs.IF_MATCH,
        'The `ETag` of the object as you know it, with its quotes, as in `"3-5f1d8e0c2b7a49d6e0f1"`: a '
        "change is refused (412) when the object has changed since.",
        {"type": "string", "pattern": f"^(\\*|{_TAG}(, ?{_TAG})*)$"},
    ),
    "IfNoneMatch": taken(
        hdrs.IF_NONE_MATCH,
        "The `ETag` of the answer that you have: it is not sent again (304) when nothing has changed.",
        TEXT,
    ),
}

BORNE: Final[dict[str, Described]] = {
    **headers.BORNE,
    ETAG: borne(
        "The version of the object and a digest of this answer.",
        TEXT,
        '"3-5f1d8e0c2b7a49d6e0f1"',
        always=True,
    ),
    SET_COOKIE: borne(
        "The session's cookie.", TEXT, "session=4f0c…; HttpOnly; SameSite=Lax; Path=/", always=True
    ),
    DISPOSITION: borne(
        "The name to save the file under, where it is a file.",
        TEXT,
        'attachment; filename="budget-analysis-2025-06-21.pdf"',
    ),
    REPORT_POSITION: borne("The place in the log that the report speaks of.", NUMBER, 42, always=True),
    REPORT_FORMULAS: borne("Raised when a formula of reports changes.", NUMBER, 1, always=True),
    REPORT_MOMENT: borne(
        "The moment that the report speaks of.",
        {"type": "string", "format": "date-time"},
        "2025-06-21T10:30:00.000000Z",
        always=True,
    ),
    AS_OF_POSITION: borne("The place in the log that an answer about the past speaks of.", NUMBER, 42),
    LIMIT_HEADER: borne("The requests that an hour allows you.", NUMBER, 1000),
    REMAINING_HEADER: borne("Those that are left of them.", NUMBER, 999),
    RESET_HEADER: borne("When the hour ends, in Unix seconds.", NUMBER, 1640995200),
}
