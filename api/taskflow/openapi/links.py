"""What can be done next with an object that was just made: links from its answer to other operations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from api.taskflow.endpoints import Endpoint

CREATED: Final = 201

Described = dict[str, Any]


def links_of(endpoint: Endpoint, endpoints: Sequence[Endpoint]) -> Described:
    """By the id of the operation that each leads to; none from what makes nothing."""
    if endpoint.shows.status != CREATED:
        return {}
    (made,) = endpoint.shows.data
    known = {
        **{name: f"$request.path.{name}" for name in sorted(path_parameters(endpoint))},
        f"{made}_id": f"$response.body#/data/{made}/id",
    }
    return {
        operation_id(each): {
            "operationId": operation_id(each),
            "parameters": {name: known[name] for name in sorted(path_parameters(each))},
        }
        for each in endpoints
        if f"{made}_id" in path_parameters(each) and path_parameters(each) <= known.keys()
    }


def path_parameters(endpoint: Endpoint) -> frozenset[str]:
    return frozenset(re.findall(r"{([a-z_]+)}", endpoint.path))


def operation_id(endpoint: Endpoint) -> str:
    """`list_project_tasks` as `listProjectTasks`."""
    first, *others = endpoint.handle.__name__.split("_")
    return first + "".join(word.capitalize() for word in others)
