"""The forms of accounts and tokens: what is sent, and what comes back."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, NotRequired

from pydantic import WithJsonSchema
from typing_extensions import TypedDict

from api.taskforge.reading import Field, Wrong, exact, text, text_faults
from api.taskforge.user_forms import (
    EMAIL_FAULTS,
    NAME_FAULTS,
    NAMES,
    USERNAME_FAULTS,
    ShownUser,
    email,
    username,
)

PASSWORD_MIN: Final = 8
PASSWORD_MAX: Final = 128
PASSWORD_NEEDS: Final = {"[A-Z]": "uppercase letter", "[a-z]": "lowercase letter", "[0-9]": "number"}

_NEEDED: Final = "".join(f"(?=.*{pattern})" for pattern in PASSWORD_NEEDS)

Password = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "format": "password",
            "minLength": PASSWORD_MIN,
            "maxLength": PASSWORD_MAX,
            "pattern": f"^{_NEEDED}",
        }
    ),
]
Token = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$"})
]


class Registration(TypedDict):
    username: str
    email: str
    password: Password
    first_name: NotRequired[str | None]
    last_name: NotRequired[str | None]


class Credentials(TypedDict):
    email: str
    password: str


class SignedIn(TypedDict):
    """The access token goes into every request, the refresh token only into those for a new one."""

    access_token: Token
    refresh_token: Token
    user: ShownUser


class Refresh(TypedDict, total=False):
    """For clients that cannot send the refresh token in the header."""

    refresh_token: Token


class Refreshed(TypedDict):
    access_token: Token


class SigningOut(TypedDict):
    refresh_token: str


class PasswordChange(TypedDict):
    old_password: str
    new_password: Password


def password(value: Any) -> str:
    """A password that is good enough, every character of it as it was given."""
    found = exact("Password", value)
    if not found:
        raise Wrong("Password is required")
    if len(found) < PASSWORD_MIN:
        raise Wrong(f"Password must be at least {PASSWORD_MIN} characters")
    if len(found) > PASSWORD_MAX:
        raise Wrong("Password is too long")
    for pattern, needed in PASSWORD_NEEDS.items():
        if not re.search(pattern, found):
            raise Wrong(f"Password must contain at least one {needed}")
    return found


REGISTRATION: Final = (
    Field("username", "username", username),
    Field("email", "email", email),
    Field("password", "password", password),
    *NAMES,
)
CREDENTIALS: Final = (
    Field("email", "email", lambda value: text("Email", value)),
    Field("password", "password", lambda value: exact("Password", value)),
)
OLD_PASSWORD: Final = (Field("old_password", "old_password", lambda value: exact("Current password", value)),)
NEW_PASSWORD: Final = (Field("new_password", "new_password", password),)
REFRESH_TOKEN: Final = (Field("refresh_token", "refresh_token", lambda value: exact("Refresh token", value)),)

PASSWORD_FAULTS: Final = (
    "Password is required",
    *text_faults("Password"),
    f"Password must be at least {PASSWORD_MIN} characters",
    "Password is too long",
    *(f"Password must contain at least one {needed}" for needed in PASSWORD_NEEDS.values()),
)
REGISTRATION_FAULTS: Final = (*USERNAME_FAULTS, *EMAIL_FAULTS, *PASSWORD_FAULTS, *NAME_FAULTS)
CREDENTIALS_FAULTS: Final = (*text_faults("Email"), *text_faults("Password"))
PASSWORD_CHANGE_FAULTS: Final = (*text_faults("Current password"), *PASSWORD_FAULTS)
REFRESH_TOKEN_FAULTS: Final = text_faults("Refresh token")
