"""The doctor over HTTP: the same examination, as a server sees things."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Literal

from typing_extensions import TypedDict

from api.operators.doctor.examination import examined, patient_of, report
from api.ops.calls import OpsCall
from api.ops.endpoints import OpsEndpoint
from api.taskflow.endpoints import Shows
from api.taskflow.envelope import Answer


class Check(TypedDict):
    check: str
    state: Literal["ok", "warning", "failed", "skipped"]
    detail: str
    mend: str | None


async def examine(call: OpsCall) -> Answer:
    def work() -> dict[str, Any]:
        return report([*examined(patient_of(call.core.settings))])

    return Answer(await asyncio.to_thread(work))


ENDPOINTS: Final = (
    OpsEndpoint(
        "GET",
        "/ops/api/doctor",
        examine,
        summary="Examine the ledger and what it stands on",
        shows=Shows({"is_well": bool, "checks": list[Check]}),
    ),
)
