"""What the document says in words: about the whole API, its parts, and what writes answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from api.openapi.document import Tag

TITLE: Final = "TaskForge API"

ABOUT: Final = """\
Tasks, tags and the people who have them, for programs that sign in with tokens. They are the same tasks and
people that TaskFlow Pro serves: what is changed here is seen there at once, and the other way round.

**Signing in.** `POST /api/auth/login` gives an access token, valid for an hour, and a refresh token, valid
for 30 days. The access token goes with every request as `Authorization: Bearer <token>`; when it has
expired, `POST /api/auth/refresh` with the refresh token gives another.

**Answers.** What went well is `{"success": true, "message", "data"}`: reads have no `message`, and some
writes no `data`. What failed is `{"success": false, "message"}`, with `error` beside it where no endpoint
is to blame: an address that does not exist is 404 with `Not Found`, a method that it does not take 405
with `Method Not Allowed` and the header `Allow` (`#/components/responses/MethodNotAllowed`), a host name
that is not the server's 421 with `Misdirected Request`. There are two exceptions: a token that is refused
is `{"msg"}`, and a request too many is `{"message"}` alone.

**What is checked first.** The limit, the token, the account, whether one is an admin, then the body,
whether the object exists, whether one may, and at last field by field, in the order of the fields: the
first thing that is wrong is told, and nothing is changed. Fields and query parameters that nobody knows
are ignored.

**Values.** Moments are UTC without a zone, as `2030-01-15T10:30:00`; those that are sent may bear an offset.
Texts lose the space around them.

**Limits.** Each endpoint counts the requests of an address by itself. Every answer to a request that was
counted says in `X-RateLimit-*` what is left, and in `Retry-After` when the count begins anew.
"""

TAGS: Final[Mapping[str, Tag]] = {
    "health": Tag("Health", "Whether the service can work."),
    "auth": Tag("Authentication", "Accounts, tokens and passwords."),
    "tasks": Tag("Tasks", "What is to be done, by whom and until when."),
    "tags": Tag("Tags", "Words that are put on tasks."),
    "users": Tag("Users", "People, and who may come in."),
}
"""By the word in the address that stands for it."""

SAID: Final[Mapping[str, str]] = {
    "register": "User registered successfully",
    "login": "Login successful",
    "refresh": "Token refreshed successfully",
    "logout": "Logged out successfully",
    "changePassword": "Password changed successfully",
    "createTask": "Task created successfully",
    "changeTask": "Task updated successfully",
    "completeTask": "Task marked as completed",
    "deleteTask": "Task deleted successfully",
    "createTag": "Tag created successfully",
    "changeTag": "Tag updated successfully",
    "deleteTag": "Tag deleted successfully",
    "changeUser": "User updated successfully",
    "deleteUser": "User deleted successfully",
    "activateUser": "User activated successfully",
    "deactivateUser": "User deactivated successfully",
}
"""The message of each write, by the id of its operation."""
