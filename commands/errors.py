"""The words with which a command is refused; each dialect translates them once, at its edge.

Refusal
├── NotFound             no such object, or none that the actor may see
├── Forbidden            the actor's role or place does not allow it
├── Invalid              field by field, what is wrong with the values
├── Conflict             the state of things does not allow it
├── PreconditionFailed   the object changed since the version that the client names
└── Busy                 too many others change the same thing: try again
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Errors = Mapping[str, Sequence[str]]


class Refusal(Exception):
    pass


class NotFound(Refusal):
    """`what` is the kind of thing, as in "project"."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what.capitalize()} not found")
        self.what = what


class Forbidden(Refusal):
    """`required_role` is the least role that may do it."""

    def __init__(self, required_role: str) -> None:
        super().__init__("Insufficient permissions")
        self.required_role = required_role


class Invalid(Refusal):
    """`errors` maps each field to its messages."""

    def __init__(self, errors: Errors) -> None:
        super().__init__("Validation failed")
        self.errors = errors


class Conflict(Refusal):
    """The message says which state stands in the way and what would remove it."""


class PreconditionFailed(Refusal):
    def __init__(self) -> None:
        super().__init__("The object has changed since the version that If-Match names")


class Busy(Refusal):
    def __init__(self) -> None:
        super().__init__("Too many concurrent changes to the same object; try again")
