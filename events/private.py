"""Private rows: what belongs to a command but must not be in the log, written in its transaction."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SetPassword:
    """Replace the user's password hash (a PHC string) and end all of the user's sessions."""

    user_id: int
    password_hash: str


@dataclass(frozen=True, slots=True)
class EndSessions:
    """End all sessions of the user."""

    user_id: int


@dataclass(frozen=True, slots=True)
class KeepUserKey:
    """Keep the user's own key, encrypted under the master key."""

    user_id: int
    wrapped_key: bytes


PrivateRow = SetPassword | EndSessions | KeepUserKey
