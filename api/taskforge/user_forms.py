"""The forms of users: as requests change them, and as answers show them."""

from __future__ import annotations

from functools import partial
from typing import Any, Final, Literal

from typing_extensions import TypedDict

from api.behind import Readable
from api.cards import card_of
from api.shapes import EMAIL_MAX, USERNAME, is_email
from api.taskforge.envelope import Answer
from api.taskforge.moments import ShownMoment, shown
from api.taskforge.reading import Field, Wrong, at_most, exact, text, text_faults
from readmodels.documents import Document

USERNAME_MIN: Final = 3
USERNAME_MAX: Final = 80
EMAIL_MIN: Final = 3
PERSON_NAME_MAX: Final = 50

INVALID_ROLE: Final = "Invalid role"


class Role(TypedDict):
    """What a user may do here; managers, whom only TaskFlow Pro knows, are users."""

    id: int
    name: Literal["admin", "user"]
    description: str


ADMIN: Final = Role(id=1, name="admin", description="Administrator role with full access")
USER: Final = Role(id=2, name="user", description="Standard user role with limited access")


class ShownUser(TypedDict):
    """A user; `full_name` is the username unless both names are known."""

    id: int
    username: str
    email: str
    first_name: str
    last_name: str
    full_name: str
    is_active: bool
    created_at: ShownMoment
    updated_at: ShownMoment
    role: Role


class UserChange(TypedDict, total=False):
    """`is_active` and `role` are for admins; from others they count for nothing."""

    email: str
    username: str
    first_name: str | None
    last_name: str | None
    is_active: bool
    role: Literal["admin", "user"]


def shown_user(card: Document) -> ShownUser:
    return {
        "id": card["id"],
        "username": card["username"],
        "email": card["email"],
        "first_name": card["first_name"],
        "last_name": card["last_name"],
        "full_name": _full_name(card),
        "is_active": card["active"],
        "created_at": shown(card["created_at"]),
        "updated_at": shown(card["updated_at"]),
        "role": ADMIN if card["role"] == "admin" else USER,
    }


async def user_answer(model: Readable, user_id: int, message: str | None = None, status: int = 200) -> Answer:
    """Raises NotFound."""
    card = await card_of(model, "user", user_id)
    return Answer(shown_user(card), message, status)


def _full_name(card: Document) -> str:
    first, last = card["first_name"], card["last_name"]
    return f"{first} {last}" if first and last else str(card["username"])


def username(value: Any) -> str:
    """Raises Wrong."""
    found = _present("Username", value)
    if len(found) < USERNAME_MIN:
        raise Wrong(f"Username must be at least {USERNAME_MIN} characters")
    if len(found) > USERNAME_MAX:
        raise Wrong("Username is too long")
    if not USERNAME.fullmatch(found):
        raise Wrong("Username can only contain letters, numbers, underscores, and hyphens")
    return found


def email(value: Any) -> str:
    """In lower case. Raises Wrong."""
    found = _present("Email", value)
    if len(found) < EMAIL_MIN:
        raise Wrong("Email is too short")
    if len(found) > EMAIL_MAX:
        raise Wrong("Email is too long")
    if not is_email(found):
        raise Wrong("Invalid email format")
    return found.lower()


def person_name(label: str, value: Any) -> str:
    """Null empties it. Raises Wrong."""
    return "" if value is None else at_most(label, text(label, value), PERSON_NAME_MAX)


NAMES: Final = (
    Field("first_name", "first_name", partial(person_name, "First name")),
    Field("last_name", "last_name", partial(person_name, "Last name")),
)


def _present(label: str, value: Any) -> str:
    found = "" if value is None else text(label, value)
    if not found:
        raise Wrong(f"{label} is required")
    return found


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong("Is active must be a boolean")
    return value


def _is_admin(value: Any) -> bool:
    """Whether the role that is named is the admins'."""
    if value is None or exact("Role", value) not in ("admin", "user"):
        raise Wrong(INVALID_ROLE)
    return bool(value == "admin")


PROFILE: Final = (Field("email", "email", email), Field("username", "username", username), *NAMES)
"""What people change about themselves, in the order in which it is looked at."""

STANDING: Final = (Field("is_active", "active", _flag), Field("role", "admin", _is_admin))
"""What only admins change."""

USERNAME_FAULTS: Final = (
    "Username is required",
    *text_faults("Username"),
    "Username must be at least 3 characters",
    "Username is too long",
    "Username can only contain letters, numbers, underscores, and hyphens",
)
EMAIL_FAULTS: Final = (
    "Email is required",
    *text_faults("Email"),
    "Email is too short",
    "Email is too long",
    "Invalid email format",
)
NAME_FAULTS: Final = (
    *text_faults("First name"),
    "First name must not exceed 50 characters",
    *text_faults("Last name"),
    "Last name must not exceed 50 characters",
)
CHANGE_FAULTS: Final = (
    *EMAIL_FAULTS,
    *USERNAME_FAULTS,
    *NAME_FAULTS,
    "Is active must be a boolean",
    *text_faults("Role"),
    INVALID_ROLE,
)
"""All that may be wrong with a change, in the words for clients."""
