"""One request as TaskFlow Pro's handlers see it, and how they write and answer."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final

from api import conditional
from api.behind import Readable
from api.calls import BaseCall
from api.moments import Past
from api.recording import holds_now_only
from api.sessions import Session
from api.taskflow.envelope import Answer
from api.writing import Written
from commands.errors import NotFound
from events import instants
from events.instants import Instant, first_of_day
from readmodels.model import Model

DIALECT: Final = "taskflow"

_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


@dataclass(slots=True, kw_only=True)
class Call(BaseCall):
    """One request to one endpoint, read and checked as far as that goes without the handler.

    `fields` are the body's right fields under the names that commands use, `invalid` what is wrong
    with the others. `past` is the moment that a read is about, if not the present one.
    """

    DIALECT: ClassVar[str] = DIALECT

    session: Session | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    invalid: Mapping[str, list[str]] = field(default_factory=dict)
    filters: Mapping[str, Any] = field(default_factory=dict)
    past: Past | None = None

    @property
    def model(self) -> Model:
        """The read model that the answer is looked up in; who may see it is up to the live one."""
        return self.past.model if self.past else self.core.model

    @property
    def now(self) -> Instant:
        """The moment that is the present for the answer, which holds for no other one then."""
        holds_now_only()
        return self.past.at if self.past else instants.now()

    @property
    def today(self) -> Instant:
        """The first instant of the present day (UTC)."""
        return first_of_day(instants.now())

    def expected_version(self) -> int | None:
        """The version in `If-Match`. Raises BadRequest."""
        return conditional.expected_version(self.request)

    def number(self, name: str, what: str) -> int:
        """The id in the path. Raises NotFound for what is no number."""
        text = self.request.match_info[name]
        if not _NUMBER.fullmatch(text):
            raise NotFound(what)
        return int(text)

    async def shown(
        self, written: Written, show: Callable[[Readable], Awaitable[Answer]], *, is_new: bool = False
    ) -> Answer:
        """The answer to a write: what `show` makes of a model that has the write in it."""
        answer, headers = await self.seen(written, show, is_new=is_new)
        version = written.version if written.version and answer.version else answer.version
        return replace(answer, headers={**answer.headers, **headers}, version=version)

    async def done(self, written: Written, message: str) -> Answer:
        """The answer to a write after which there is nothing to show."""

        async def show(_: Readable) -> Answer:
            return Answer(message=message)

        return await self.shown(written, show)
