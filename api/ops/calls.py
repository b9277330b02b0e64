"""One request as the handlers of the operators' API see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from api.operators.instruments import Instruments, instruments_of
from api.taskflow.calls import Call

DIALECT: Final = "ops"


@dataclass(slots=True, kw_only=True)
class OpsCall(Call):
    DIALECT: ClassVar[str] = DIALECT

    async def caught_up(self) -> None:
        """Nobody waits: operators look at what is, above all while the read model stands still."""

    @property
    def instruments(self) -> Instruments:
        """What the tools work with, on behalf of the caller."""
        return instruments_of(self.core, self.caller.actor, self.metadata())
