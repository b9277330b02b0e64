"""One request as the handlers of the operators' API see it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from api.openapi.schemas import NOT_BLANK
from api.operators.instruments import Instruments, instruments_of
from api.taskflow.calls import Call
from commands.errors import Invalid
from commands.operations import REASON_MAX

DIALECT: Final = "ops"

Reason = Annotated[str, Field(min_length=1, max_length=REASON_MAX, pattern=NOT_BLANK)]
"""Why an operator does something."""


@dataclass(slots=True, kw_only=True)
class OpsCall(Call):
    DIALECT: ClassVar[str] = DIALECT

    @property
    def instruments(self) -> Instruments:
        """What the tools work with, on behalf of the caller."""
        tools = instruments_of(self.core, self.caller.actor, self.metadata())
        return replace(tools, recorded=self._recorded)

    def _recorded(self) -> None:
        self.has_committed = True

    def valid(self) -> dict[str, Any]:
        """The body's fields. Raises Invalid."""
        if self.invalid:
            raise Invalid(self.invalid)
        return dict(self.fields)
