"""What happens to users. Names, usernames and emails are personal; secrets are never here."""

from __future__ import annotations

from dataclasses import dataclass

from events.event import Event


@dataclass(frozen=True, slots=True)
class UserRegistered(Event):
    TOPIC = "user.registered"
    STREAM = "user"
    ID = "user_id"
    PERSONAL = frozenset({"username", "email", "first_name", "last_name"})

    user_id: int
    username: str
    email: str
    first_name: str
    last_name: str
    role: str
    department_id: int | None
    active: bool
    hourly_rate_cents: int


@dataclass(frozen=True, slots=True)
class UserRenamed(Event):
    TOPIC = "user.renamed"
    STREAM = "user"
    ID = "user_id"
    PERSONAL = frozenset({"username"})

    user_id: int
    username: str


@dataclass(frozen=True, slots=True)
class UserEmailChanged(Event):
    TOPIC = "user.email_changed"
    STREAM = "user"
    ID = "user_id"
    PERSONAL = frozenset({"email"})

    user_id: int
    email: str


@dataclass(frozen=True, slots=True)
class UserNamesChanged(Event):
    TOPIC = "user.names_changed"
    STREAM = "user"
    ID = "user_id"
    PERSONAL = frozenset({"first_name", "last_name"})

    user_id: int
    first_name: str
    last_name: str


@dataclass(frozen=True, slots=True)
class UserRoleChanged(Event):
    TOPIC = "user.role_changed"
    STREAM = "user"
    ID = "user_id"

    user_id: int
    role: str


@dataclass(frozen=True, slots=True)
class UserDepartmentChanged(Event):
    TOPIC = "user.department_changed"
    STREAM = "user"
    ID = "user_id"

    user_id: int
    department_id: int | None


@dataclass(frozen=True, slots=True)
class UserActivated(Event):
    TOPIC = "user.activated"
    STREAM = "user"
    ID = "user_id"

    user_id: int


@dataclass(frozen=True, slots=True)
class UserDeactivated(Event):
    TOPIC = "user.deactivated"
    STREAM = "user"
    ID = "user_id"

    user_id: int


@dataclass(frozen=True, slots=True)
class UserRateChanged(Event):
    TOPIC = "user.rate_changed"
    STREAM = "user"
    ID = "user_id"

    user_id: int
    hourly_rate_cents: int


@dataclass(frozen=True, slots=True)
class PasswordChanged(Event):
    TOPIC = "user.password_changed"
    STREAM = "user"
    ID = "user_id"

    user_id: int


@dataclass(frozen=True, slots=True)
class SessionsEnded(Event):
    """Somebody ended ways in of a user: `which` is one, others (all but the one in use) or all."""

    TOPIC = "user.sessions_ended"
    STREAM = "user"
    ID = "user_id"

    user_id: int
    which: str


@dataclass(frozen=True, slots=True)
class UserDeleted(Event):
    """The account is gone, with its own tasks in no project; from all others it is unassigned."""

    TOPIC = "user.deleted"
    STREAM = "user"
    ID = "user_id"

    user_id: int


@dataclass(frozen=True, slots=True)
class AdminGained(Event):
    """An active admin more; all changes of that set meet in one stream, so they cannot race."""

    TOPIC = "admins.gained"
    STREAM = "admins"

    user_id: int


@dataclass(frozen=True, slots=True)
class AdminLost(Event):
    TOPIC = "admins.lost"
    STREAM = "admins"

    user_id: int
