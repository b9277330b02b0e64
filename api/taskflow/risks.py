"""Risks over HTTP: what threatens a project, and what is done about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from api.behind import Readable
from api.taskflow import parameters
from api.taskflow.calls import Call
from api.taskflow.endpoints import Endpoint, Shows, timed
from api.taskflow.envelope import Answer
from api.taskflow.listing import indexes, listed, paged
from api.taskflow.risk_forms import NewRisk, RiskChange, ShownRisk, risk_answer, shown_risk
from api.visibility import must_see
from commands.risks import ChangeRisk, RaiseRisk
from events.risks import RiskRaised
from readmodels.model import Query

FILTERS: Final[parameters.Parameters] = {
    **parameters.PAGING,
    "status": parameters.one_of("active", "mitigated", "resolved", "closed"),
    "severity": parameters.one_of("low", "medium", "high", "critical"),
    "sort": parameters.sort_by("created_at", "id", "title", "severity", "updated_at"),
}
INDEXES: Final = {"status": "risk:status", "severity": "risk:severity"}


async def list_risks(call: Call) -> Answer:
    project_id = call.number("project_id", "project")
    await must_see(call.model, call.caller, project_id, rights=call.core.model)
    where = (*indexes(call.filters, INDEXES), (f"risk:project:{project_id}",))
    page = await call.model.page(paged(Query("risk", where=where), call.filters))
    return listed("risks", [shown_risk(risk) for risk in page.documents], page, call.filters)


async def get_risk(call: Call) -> Answer:
    rights = call.core.model if call.past else None
    return await risk_answer(call.model, call.number("risk_id", "risk"), caller=call.caller, rights=rights)


async def raise_risk(call: Call) -> Answer:
    project_id = call.number("project_id", "project")
    written = await call.write(RaiseRisk(project_id=project_id, **call.fields, invalid=call.invalid))
    risk_id = written.the(RiskRaised).risk_id

    async def show(model: Readable) -> Answer:
        return await risk_answer(model, risk_id, "Risk created successfully", 201)

    return await call.shown(written, show, is_new=True)


async def change_risk(call: Call) -> Answer:
    risk_id = call.number("risk_id", "risk")
    written = await call.write(ChangeRisk(risk_id=risk_id, **call.fields, invalid=call.invalid))

    async def show(model: Readable) -> Answer:
        return await risk_answer(model, risk_id, "Risk updated successfully")

    return await call.shown(written, show)


ONE: Final = Shows({"risk": ShownRisk}, is_object=True)

ENDPOINTS: Final = (
    timed(
        Endpoint(
            "GET",
            "/api/projects/{project_id}/risks",
            list_risks,
            is_kept=True,
            parameters=FILTERS,
            summary="List a project's risks",
            shows=Shows({"risks": list[ShownRisk]}, is_list=True),
        )
    ),
    Endpoint(
        "POST",
        "/api/projects/{project_id}/risks",
        raise_risk,
        body=NewRisk,
        takes_key=True,
        summary="Raise a risk in a project",
        shows=replace(ONE, status=201),
        example={
            "title": "Technical Complexity Risk",
            "description": "High technical complexity may lead to delays",
            "severity": "high",
            "probability": "medium",
            "impact": "schedule",
            "mitigation_plan": "Engage senior developers and provide additional training",
        },
    ),
    timed(Endpoint("GET", "/api/risks/{risk_id}", get_risk, is_kept=True, summary="Read a risk", shows=ONE)),
    Endpoint(
        "PUT",
        "/api/risks/{risk_id}",
        change_risk,
        body=RiskChange,
        summary="Change a risk, or tell what became of it",
        shows=ONE,
        example={
            "status": "mitigated",
            "actual_impact": "minimal",
            "resolution_notes": "Risk successfully managed through proactive measures",
        },
    ),
)
