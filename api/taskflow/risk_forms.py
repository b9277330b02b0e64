"""The forms of risks: as requests send them, in full, and in brief beside their project."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from api.behind import Readable
from api.callers import Caller
from api.taskflow.envelope import Answer
from api.taskflow.fields import Body, Label, Line, Prose
from api.taskflow.formats import ShownMoment, moment
from api.visibility import sees
from commands.errors import NotFound
from readmodels.documents import Document, Ref

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


async def risk_answer(
    model: Readable,
    risk_id: int,
    message: str | None = None,
    status: int = 200,
    *,
    caller: Caller | None = None,
    rights: Readable | None = None,
) -> Answer:
    """Raises NotFound; also where `caller`, if given, may not know of the risk.

    `rights` is the model that says so, where `model` is one of the past.
    """
    ref = Ref("risk", str(risk_id))
    risk = (await model.fetch([ref])).get(ref)
    if risk is None or (caller and not await sees(rights or model, caller, risk["project_id"])):
        raise NotFound("risk")
    return Answer({"risk": shown_risk(risk)}, message, status, version=risk["version"])
