"""The headers that TaskForge's answers bear besides those of every dialect."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import hdrs

from api.limits.told import LIMIT_HEADER, REMAINING_HEADER, RESET_HEADER
from api.openapi import headers
from api.openapi.headers import DISPOSITION, LIMIT_HEADERS, NUMBER, RETRY_AFTER, TEXT, borne
from api.requests import ID_HEADER

WWW_AUTHENTICATE: Final = str(hdrs.WWW_AUTHENTICATE)
ALLOW: Final = str(hdrs.ALLOW)
COUNTED: Final = (ID_HEADER, *LIMIT_HEADERS, RETRY_AFTER)
"""What the answer to a request that was counted bears."""

BORNE: Final[dict[str, dict[str, Any]]] = {
    **headers.BORNE,
    LIMIT_HEADER: borne("The requests that the window of the limit allows.", NUMBER, 50),
    REMAINING_HEADER: borne("Those that are left of them.", NUMBER, 49),
    RESET_HEADER: borne("When the window ends, in Unix seconds.", NUMBER, 1893456000),
    RETRY_AFTER: borne("In how many seconds the window ends, or asking again makes sense.", NUMBER, 3600),
    DISPOSITION: borne(
        "The name to save the file under.", TEXT, "attachment; filename=tasks.csv", always=True
    ),
    ALLOW: borne("The methods that the address takes.", TEXT, "GET,HEAD,POST", always=True),
    WWW_AUTHENTICATE: borne(
        "What is asked for.", {"type": "string", "const": "Bearer"}, "Bearer", always=True
    ),
}
