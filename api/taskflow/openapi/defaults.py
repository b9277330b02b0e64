"""The values that fields of a new object have when they are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from api.openapi.schemas import Schema
from api.taskflow.endpoints import Endpoint
from api.taskflow.fields import Body


def with_defaults(components: Mapping[str, Schema], endpoints: Sequence[Endpoint]) -> None:
    """Write them into the schemas of bodies that create.

    Where something is changed, a field that is left out stays as it is: it has no default.
    """
    for endpoint in endpoints:
        if endpoint.body and endpoint.shows.status == 201:
            properties = components[endpoint.body.__name__]["properties"]
            for name, field in endpoint.body.model_fields.items():
                if _is_sent_so(endpoint.body, name, field):
                    properties[name]["default"] = field.default


def _is_sent_so(body: type[Body], name: str, field: FieldInfo) -> bool:
    """Whether the default is a value that a client could send, with the same meaning.

    Others stand for what only code can say: an owner who is the caller, say.
    """
    if field.is_required():
        return False
    try:
        read: Any = body.__pydantic_validator__.validate_assignment(
            body.model_construct(), name, field.default
        )
    except ValidationError:
        return False
    return bool(getattr(read, name) == field.default or not field.default)
