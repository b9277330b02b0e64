"""Answers say so when they show documents that stand still, or sums that may lack what these would add."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from api.calls import MODEL_HEADER
from readmodels.noted import Noted

LACKS_HEADER: Final = "X-Read-Model-Lacks"
PARKED: Final = "parked"


def add_parked_headers(noted: Noted, response: web.StreamResponse) -> None:
    """`X-Read-Model: parked`, unless it says that the read model is behind, and `X-Read-Model-Lacks`."""
    if noted.shows_parked and MODEL_HEADER not in response.headers:
        response.headers[MODEL_HEADER] = PARKED
    if noted.lacking:
        response.headers[LACKS_HEADER] = str(noted.lacking)
