"""Private rows: what belongs to a command but must not be in the log, written in its transaction."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SetPassword:
    """Replace the user's password hash (a PHC string) and end all that was begun with the old password.

    That is every session, and every refresh token is revoked.
    """

    user_id: int
    password_hash: str


@dataclass(frozen=True, slots=True)
class EndSessions:
    """End all sessions of the user, and revoke all refresh tokens.

    Or one of them, the one with the number `only`; or all but the one with the number `but`.
    """

    user_id: int
    only: int | None = None
    but: int | None = None


@dataclass(frozen=True, slots=True)
class ForgetUser:
    """Remove the user's password hash, sessions, refresh tokens, and the places they signed in from."""

    user_id: int


@dataclass(frozen=True, slots=True)
class KeepUserKey:
    """Keep the user's own key, encrypted under the master key."""

    user_id: int
    wrapped_key: bytes


PrivateRow = SetPassword | EndSessions | ForgetUser | KeepUserKey
