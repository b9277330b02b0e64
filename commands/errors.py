"""The words with which a command is refused; each dialect translates them once, at its edge.

Refusal
├── NotFound             no such object
│   ├── Unseen           there is one, but the actor may not know of it
│   └── ActorGone        the actor's own account has ended, or is locked, by now
├── Forbidden            the actor's role or place does not allow it
│   ├── Hidden           Forbidden to those who see the project, Unseen to everybody else
│   └── AdminProtected   admins are neither deactivated directly nor deleted
├── Invalid              field by field, what is wrong with the values
├── Conflict             the state of things does not allow it
│   ├── ProjectClosed    a completed or cancelled project takes no work
│   ├── LastAdmin        nobody would be an active admin any more
│   ├── StillOwnsProjects  a user who owns projects is not deleted
│   └── PasswordReplaced   the password is another one than the one that was proved
├── PreconditionFailed   the object changed since the version that the client names
└── Busy                 too many others change the same thing: try again

AlreadyDone is no refusal: the command id was committed before, and its first outcome counts.
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


class Unseen(NotFound):
    """For whom existence is a secret this is NotFound; a dialect may tell them apart."""


class ActorGone(NotFound):
    """What the actor asks for takes an account, and theirs ended after they had proved to have it."""

    def __init__(self) -> None:
        super().__init__("user")


class Forbidden(Refusal):
    """`required_role` is the least role that may do it."""

    def __init__(self, required_role: str) -> None:
        super().__init__("Insufficient permissions")
        self.required_role = required_role


class Hidden(Forbidden):
    """A decider cannot know whether the actor sees project `project_id` through a task in it.

    The dispatcher asks, and raises a plain Forbidden or Unseen(`what`) instead.
    """

    def __init__(self, what: str, project_id: int) -> None:
        super().__init__("manager")
        self.what = what
        self.project_id = project_id


class AdminProtected(Forbidden):
    def __init__(self) -> None:
        super().__init__("admin")


class Invalid(Refusal):
    """`errors` maps each field to its messages; `taken` are fields whose value is somebody else's."""

    def __init__(self, errors: Errors, taken: frozenset[str] = frozenset()) -> None:
        super().__init__("Validation failed")
        self.errors = errors
        self.taken = taken


class Conflict(Refusal):
    """The message says which state stands in the way and what would remove it."""


class ProjectClosed(Conflict):
    """The message says which status the project has, and what it does not take."""


class LastAdmin(Conflict):
    def __init__(self) -> None:
        super().__init__("This is the last active admin; make another user an admin first")


class StillOwnsProjects(Conflict):
    def __init__(self) -> None:
        super().__init__("The user still owns projects; give them to somebody else first")


class PasswordReplaced(Conflict):
    def __init__(self) -> None:
        super().__init__("The password was changed meanwhile; prove the new one")


class PreconditionFailed(Refusal):
    def __init__(self) -> None:
        super().__init__("The object has changed since the version that If-Match names")


class Busy(Refusal):
    def __init__(self) -> None:
        super().__init__("Too many concurrent changes to the same object; try again")


class AlreadyDone(Exception):
    """`position` and `recorded_at` are those of the first time."""

    def __init__(self, position: int, recorded_at: str) -> None:
        super().__init__(f"The command was committed before, at position {position}")
        self.position = position
        self.recorded_at = recorded_at


class Faults:
    """Gathers what is wrong with a command, so that one refusal names all of it.

    It starts with what the dialect found; a field that is wrong already is not looked at again.
    """

    def __init__(self, found: Errors) -> None:
        self._messages: dict[str, list[str]] = {name: list(messages) for name, messages in found.items()}
        self._taken: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._messages

    def add(self, name: str, message: str) -> None:
        self._messages.setdefault(name, []).append(message)

    def add_taken(self, name: str, message: str) -> None:
        """The value of a field is somebody else's already."""
        self.add(name, message)
        self._taken.add(name)

    def refuse(self) -> None:
        """Raises Invalid when anything was found."""
        if self._messages:
            raise Invalid(self._messages, frozenset(self._taken))
