"""What the fields of bodies take, as exactly as a schema can say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import permutations
from typing import Any, Final

from api.openapi.schemas import NO_NUL, NOT_BLANK, Schema
from api.shapes import EMAIL, EMAIL_MAX, USERNAME
from api.taskforge import auth_forms, tag_forms, task_forms, user_forms

_MONTH: Final = "(0[1-9]|1[0-2])"
_DAY: Final = "(0[1-9]|[12][0-9]|3[01])"
_WEEKDAY: Final = "W(0[1-9]|[1-4][0-9]|5[0-3])-[1-7]"
_HOUR: Final = "([01][0-9]|2[0-3])"
_60: Final = "[0-5][0-9]"
_SECOND: Final = rf"{_60}([.,][0-9]{{1,9}})?"
_OFFSET: Final = f"(Z|[+-]{_HOUR}(:?{_60})?)?"
_TIME: Final = f"[T ]{_HOUR}(:{_60}(:{_SECOND})?|{_60}({_SECOND})?)?{_OFFSET}"
MOMENT: Final = rf"(?!0000)[0-9]{{4}}(-{_MONTH}|(-{_MONTH}-{_DAY}|{_MONTH}{_DAY}|-{_WEEKDAY})({_TIME})?)"
"""Whether a month has the day, or a year the week, is left to the calendar."""

SPACE: Final = r"\s*"
"""Space around names does not count."""


def _text(most: int, *, least: int = 0, **more: Any) -> Schema:
    pattern = {"pattern": NOT_BLANK if least else NO_NUL}
    return {"type": "string", "minLength": least, "maxLength": most, **pattern, **more}


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _matching(pattern: str, **more: Any) -> Schema:
    return {"type": "string", "pattern": f"^{pattern}$", **more}


ANY_TEXT: Final[Schema] = {"type": "string", "minLength": 1, "pattern": NO_NUL}
NAME: Final = _or_null(_text(user_forms.PERSON_NAME_MAX))
EMAIL_ADDRESS: Final = _matching(
    f"{SPACE}{EMAIL.pattern}{SPACE}", minLength=user_forms.EMAIL_MIN, maxLength=EMAIL_MAX
)
_LENGTH: Final = f"{{{user_forms.USERNAME_MIN},{user_forms.USERNAME_MAX}}}"
USER_NAME: Final = _matching(f"{SPACE}{USERNAME.pattern.removesuffix('+')}{_LENGTH}{SPACE}")
_ANY: Final = r"[^\x00]*"
# Looking ahead would be shorter, but not every engine can, and generators of examples get lost in it.
_IN_ANY_ORDER: Final = "|".join(
    "".join(f"{_ANY}{each}" for each in order) for order in permutations(auth_forms.PASSWORD_NEEDS)
)
PASSWORD: Final = _matching(
    f"({_IN_ANY_ORDER}){_ANY}",
    minLength=auth_forms.PASSWORD_MIN,
    maxLength=auth_forms.PASSWORD_MAX,
    format="password",
)
PERSON: Final = {
    "username": USER_NAME,
    "email": EMAIL_ADDRESS,
    "first_name": NAME,
    "last_name": NAME,
}
TASK: Final[Mapping[str, Schema]] = {
    "title": _text(task_forms.TITLE_MAX, least=1),
    "description": _or_null(_text(task_forms.DESCRIPTION_MAX)),
    "due_date": _or_null(_matching(f"({MOMENT})?")),
    "tags": {
        "type": ["array", "null"],
        "items": {"type": "integer"},
        "description": "Ids of tags; those that belong to none are left out.",
    },
}
TAG: Final[Mapping[str, Schema]] = {
    "name": _text(tag_forms.NAME_MAX, least=1),
    "color": _or_null(_matching(f"({tag_forms.COLOR.pattern})?")),
    "description": _or_null(_text(tag_forms.DESCRIPTION_MAX)),
}
TAKEN: Final[Mapping[str, Mapping[str, Schema]]] = {
    "Registration": {**PERSON, "password": PASSWORD},
    "Credentials": {"email": ANY_TEXT, "password": ANY_TEXT},
    "Refresh": {"refresh_token": ANY_TEXT},
    "SigningOut": {"refresh_token": ANY_TEXT},
    "PasswordChange": {"old_password": ANY_TEXT, "new_password": PASSWORD},
    "UserChange": PERSON,
    "NewTask": TASK,
    "TaskChange": TASK,
    "NewTag": TAG,
    "TagChange": TAG,
}
"""By the type of the body, and the field."""

DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Registration": {"first_name": "", "last_name": ""},
    "NewTask": {"description": None, "status": "pending", "priority": "medium", "due_date": None, "tags": []},
    "NewTag": {"color": tag_forms.DEFAULT_COLOR, "description": None},
}
"""What is made of fields that are left out."""


def say_what_is_taken(components: Mapping[str, Schema], bodies: Iterable[Any]) -> None:
    """Write it into the schemas of the bodies. An empty one is none, and unknown fields count for nothing."""
    for name in {body.__name__ for body in bodies}:
        components[name] |= {"minProperties": 1, "additionalProperties": True}
        properties = components[name]["properties"]
        for field, schema in TAKEN[name].items():
            properties[field] = {**schema}
        for field, default in DEFAULTS.get(name, {}).items():
            properties[field] = {**properties[field], "default": default}
