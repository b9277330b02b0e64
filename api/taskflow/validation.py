"""From a JSON object to a command's fields, with all that is wrong with it in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from api.taskflow.fields import Body

LABELS: Final[Mapping[str, str]] = {"email": "Email address", "active": "Active"}
PREDICATES: Final[Mapping[str, str]] = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "string_too_short": "must be at least {min_length} characters",
    "string_too_long": "must be at most {max_length} characters",
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "list_type": "must be a list of ids",
    "too_long": "must have at most {max_length} entries",
    "int_type": "must be the number of an object",
    "greater_than_equal": "must be the number of an object",
    "less_than_equal": "must be the number of an object",
}
NAME_MAX: Final = 100
"""Of an unknown field's name, this many characters come back in the answer."""


class Checked(NamedTuple):
    """The fields that are right, under the names that commands use, and what is wrong with the others."""

    fields: dict[str, Any]
    faults: dict[str, list[str]]


def checked(body: type[Body], given: Mapping[str, Any]) -> Checked:
    try:
        return Checked(_fields(body.model_validate(given)), {})
    except ValidationError as error:
        faults = _faults(error)
    return Checked(_right_ones(body, given, faults), faults)


def _fields(body: Body) -> dict[str, Any]:
    """What was given, as commands call it."""
    names = _names(type(body))
    return {names[name]: getattr(body, name) for name in body.model_fields_set}


@cache
def _names(body: type[Body]) -> Mapping[str, str]:
    """What commands call each field."""
    return {name: field.serialization_alias or name for name, field in body.model_fields.items()}


def _right_ones(body: type[Body], given: Mapping[str, Any], faults: Mapping[str, Any]) -> dict[str, Any]:
    """The fields without a fault, each validated alone: their own rules are checked in any case."""
    right = body.model_construct()
    for name in given.keys() & body.model_fields.keys() - faults.keys():
        body.__pydantic_validator__.validate_assignment(right, name, given[name])
    return _fields(right)


def _faults(error: ValidationError) -> dict[str, list[str]]:
    faults: dict[str, list[str]] = {}
    for detail in error.errors(include_url=False):
        name = _shown(str(detail["loc"][0]))
        message = f"{_label(name)} {_predicate(detail)}"
        if message not in faults.setdefault(name, []):
            faults[name].append(message)
    return faults


def _shown(name: str) -> str:
    return name.replace("\0", "\N{REPLACEMENT CHARACTER}")[:NAME_MAX]


def _label(name: str) -> str:
    return LABELS.get(name) or name.replace("_", " ").capitalize()


def _predicate(detail: ErrorDetails) -> str:
    """What the field must do to be right, to follow its name."""
    kind, bounds = detail["type"], detail.get("ctx", {})
    if len(detail["loc"]) > 1:
        return "must hold ids only"
    if kind == "value_error":
        return str(bounds["error"])
    if kind == "literal_error":
        return f"must be one of: {_listed(bounds['expected'])}"
    if kind == "string_too_short" and (bounds["min_length"] == 1 or not detail["input"]):
        return PREDICATES["missing"]
    if kind == "too_long" and isinstance(detail["input"], str):
        return PREDICATES["string_too_long"].format(**bounds)
    return PREDICATES.get(kind, "is not valid").format(**bounds)


def _listed(expected: str) -> str:
    """`'low', 'high' or 'urgent'` as `low, high, urgent`."""
    return expected.replace("'", "").replace(" or ", ", ")
