"""One request as TaskForge's handlers see it, and how they answer after a write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final

from api.behind import Readable
from api.calls import BaseCall
from api.errors import BadRequest
from api.recording import holds_now_only
from api.taskforge.envelope import Answer
from api.writing import Written
from commands.errors import NotFound
from events import instants
from events.instants import Instant

DIALECT: Final = "taskforge"
ID_MAX: Final = 2**63 - 1
"""What is greater does not fit into 64 bits, and belongs to nothing."""
ID_DIGITS_MAX: Final = len(str(ID_MAX))


@dataclass(slots=True, kw_only=True)
class Call(BaseCall):
    """`body` is the JSON object that was sent, empty where the endpoint takes none."""

    DIALECT: ClassVar[str] = DIALECT

    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def query(self) -> Mapping[str, str]:
        """The query parameters; of one that stands several times, the first. Raises BadRequest."""
        try:
            # Not every parser of HTTP refuses bytes that are no text.
            self.request.query_string.encode()
        except UnicodeEncodeError:
            raise BadRequest("The address must be in UTF-8") from None
        return self.request.query

    def now(self) -> Instant:
        """The present moment; the answer holds for no other one then."""
        holds_now_only()
        return instants.now()

    def number(self, name: str, what: str) -> int:
        """The id in the path. Raises NotFound for one that nothing can have."""
        digits = self.request.match_info[name].lstrip("0")
        if len(digits) > ID_DIGITS_MAX or int(digits or "0") > ID_MAX:
            raise NotFound(what)
        return int(digits or "0")

    async def shown(
        self, written: Written, show: Callable[[Readable], Awaitable[Answer]], *, is_new: bool = False
    ) -> Answer:
        """The answer to a write: what `show` makes of a model that has the write in it."""
        answer, headers = await self.seen(written, show, is_new=is_new)
        return replace(answer, headers={**answer.headers, **headers})

    async def done(self, written: Written, message: str) -> Answer:
        """The answer to a write after which there is nothing to show."""

        async def show(_: Readable) -> Answer:
            return Answer(message=message)

        return await self.shown(written, show)
