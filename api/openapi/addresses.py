"""What the address and the handler of an operation say of it: its id, its parameters, what it leads to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

Described = dict[str, Any]
Schema = dict[str, Any]

MADE: Final = "$response.body#/"
"""Where a link finds what an answer holds."""


def named(handler: str) -> str:
    """`list_project_tasks` as `listProjectTasks`."""
    first, *others = handler.split("_")
    return first + "".join(word.capitalize() for word in others)


def in_path(path: str) -> list[str]:
    """The names of an address' parameters, whatever else it says about them."""
    return re.findall(r"{([a-z_]+)[}:]", path)


def plain(path: str) -> str:
    """The address without what says how its parameters are written: `/tasks/{task_id}`."""
    return re.sub(r"{([a-z_]+):[^{}]*}", r"{\1}", path)


def words_in(path: str) -> list[str]:
    """What stands between the slashes, from the left."""
    return [word for word in path.split("/") if word]


def path_parameters(path: str, schema: Schema) -> list[Described]:
    """The ids in an address, each called after what it is the id of."""
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": f"The id of the {name.removesuffix('_id')}.",
            "schema": schema,
            "example": 1,
        }
        for name in in_path(path)
    ]


def links(made: str, place: str, path: str, others: Iterable[tuple[str, str]]) -> Described:
    """What can be done with an object that was made at `path`; by the id of each operation.

    `made` is the parameter that stands for the object, `place` where its id is in the answer;
    `others` are all operations with their addresses.
    """
    known: Mapping[str, str] = {
        **{name: f"$request.path.{name}" for name in sorted(in_path(path))},
        made: f"{MADE}{place}",
    }
    return {
        operation: {
            "operationId": operation,
            "parameters": {name: known[name] for name in sorted(in_path(address))},
        }
        for operation, address in others
        if made in in_path(address) and known.keys() >= {*in_path(address)}
    }
