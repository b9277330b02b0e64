"""What can be done next with an object that was just made: links from its answer to other operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from api.openapi.addresses import links, named
from api.taskflow.endpoints import Endpoint

CREATED: Final = 201

Described = dict[str, Any]


def links_of(endpoint: Endpoint, endpoints: Sequence[Endpoint]) -> Described:
    """By the id of the operation that each leads to; none from what makes nothing."""
    if endpoint.shows.status != CREATED:
        return {}
    (made,) = endpoint.shows.data
    others = [(operation_id(each), each.path) for each in endpoints]
    return links(f"{made}_id", f"data/{made}/id", endpoint.path, others)


def operation_id(endpoint: Endpoint) -> str:
    return named(endpoint.handle.__name__)
