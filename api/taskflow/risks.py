"""Risks over HTTP: what threatens a project, and what is done about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final, Literal

from pydantic import Field
from typing_extensions import TypedDict

from api.behind import Readable
from api.callers import Caller
from api.taskflow import parameters
from api.taskflow.calls import Call
from api.taskflow.endpoints import Endpoint, Shows
from api.taskflow.envelope import Answer
from api.taskflow.fields import Body, Label, Line, Prose
from api.taskflow.formats import ShownMoment, moment
from api.taskflow.listing import indexes, listed, paged
from api.taskflow.visibility import must_see, sees
from commands.errors import NotFound
from commands.risks import ChangeRisk, RaiseRisk
from events.risks import RiskRaised
from readmodels.documents import Document, Ref
from readmodels.model import Query

Severity = Literal["low", "medium", "high", "critical"]
Probability = Literal["low", "medium", "high"]
Status = Literal["active", "mitigated", "resolved", "closed"]


class RiskChange(Body):
    title: Annotated[Line, Field(max_length=200)] = ""
    description: Annotated[Prose, Field(max_length=5000)] = ""
    severity: Severity = "medium"
    probability: Probability = "medium"
    impact: Annotated[Label, Field(max_length=50)] = ""
    mitigation_plan: Annotated[Prose, Field(max_length=5000)] = ""
    status: Status = "active"
    actual_impact: Annotated[Label, Field(max_length=50)] = ""
    resolution_notes: Annotated[Prose, Field(max_length=5000)] = ""


class NewRisk(RiskChange):
    title: Annotated[Line, Field(max_length=200)]


class ShownRisk(TypedDict):
    id: int
    project_id: int
    title: str
    description: str
    severity: Severity
    probability: Probability
    impact: str
    mitigation_plan: str
    status: Status
    actual_impact: str
    resolution_notes: str
    created_at: ShownMoment
    updated_at: ShownMoment


class BriefRisk(TypedDict):
    """A risk as its project's detail form shows it."""

    id: int
    title: str
    severity: Severity
    probability: Probability
    status: Status


FILTERS: Final[parameters.Parameters] = {
    **parameters.PAGING,
    "status": parameters.one_of("active", "mitigated", "resolved", "closed"),
    "severity": parameters.one_of("low", "medium", "high", "critical"),
    "sort": parameters.sort_by("created_at", "id", "title", "severity", "updated_at"),
}
INDEXES: Final = {"status": "risk:status", "severity": "risk:severity"}


async def list_risks(call: Call) -> Answer:
    project_id = call.number("project_id", "project")
    await must_see(call.core.model, call.caller, project_id)
    where = (*indexes(call.filters, INDEXES), (f"risk:project:{project_id}",))
    page = await call.core.model.page(paged(Query("risk", where=where), call.filters))
    return listed("risks", [shown_risk(risk) for risk in page.documents], page, call.filters)


async def get_risk(call: Call) -> Answer:
    return await risk_answer(call.core.model, call.number("risk_id", "risk"), caller=call.caller)


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


async def risk_answer(
    model: Readable,
    risk_id: int,
    message: str | None = None,
    status: int = 200,
    *,
    caller: Caller | None = None,
) -> Answer:
    """Raises NotFound; also where `caller`, if given, may not know of the risk."""
    ref = Ref("risk", str(risk_id))
    risk = (await model.fetch([ref])).get(ref)
    if risk is None or (caller and not await sees(model, caller, risk["project_id"])):
        raise NotFound("risk")
    return Answer({"risk": shown_risk(risk)}, message, status, version=risk["version"])


def shown_risk(risk: Document) -> ShownRisk:
    return {
        "id": risk["id"],
        "project_id": risk["project_id"],
        "title": risk["title"],
        "description": risk["description"],
        "severity": risk["severity"],
        "probability": risk["probability"],
        "impact": risk["impact"],
        "mitigation_plan": risk["mitigation_plan"],
        "status": risk["status"],
        "actual_impact": risk["actual_impact"],
        "resolution_notes": risk["resolution_notes"],
        "created_at": moment(risk["created_at"]),
        "updated_at": moment(risk["updated_at"]),
    }


def brief_risk(risk: Document) -> BriefRisk:
    return {
        "id": risk["id"],
        "title": risk["title"],
        "severity": risk["severity"],
        "probability": risk["probability"],
        "status": risk["status"],
    }


ONE: Final = Shows({"risk": ShownRisk}, is_object=True)

ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/api/projects/{project_id}/risks",
        list_risks,
        parameters=FILTERS,
        summary="List a project's risks",
        shows=Shows({"risks": list[ShownRisk]}, is_list=True),
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
    Endpoint("GET", "/api/risks/{risk_id}", get_risk, summary="Read a risk", shows=ONE),
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
