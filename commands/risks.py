"""Raising and changing the risks of projects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

from commands.context import UNSET, Context, Unset, adopted, changed
from commands.errors import Errors, Faults, NotFound
from commands.projects import Project
from events.event import Event
from events.risks import RiskDetailsChanged, RiskRaised, RiskStatusChanged

DETAILS: Final = (
    "title",
    "description",
    "severity",
    "probability",
    "impact",
    "mitigation_plan",
    "actual_impact",
    "resolution_notes",
)

OUTCOME: Final = ("actual_impact", "resolution_notes")
"""What is known of a risk only once it has been dealt with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseRisk:
    project_id: int
    title: str = ""
    description: str = ""
    severity: str = "medium"
    probability: str = "medium"
    impact: str = ""
    mitigation_plan: str = ""
    status: str = "active"
    actual_impact: str = ""
    resolution_notes: str = ""
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRisk:
    risk_id: int
    title: str | Unset = UNSET
    description: str | Unset = UNSET
    severity: str | Unset = UNSET
    probability: str | Unset = UNSET
    impact: str | Unset = UNSET
    mitigation_plan: str | Unset = UNSET
    status: str | Unset = UNSET
    actual_impact: str | Unset = UNSET
    resolution_notes: str | Unset = UNSET
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Risk:
    STREAM: ClassVar[str] = "risk"

    id: int = 0
    project_id: int = 0
    title: str = ""
    description: str = ""
    severity: str = "medium"
    probability: str = "medium"
    impact: str = ""
    mitigation_plan: str = ""
    status: str = "active"
    actual_impact: str = ""
    resolution_notes: str = ""

    @property
    def exists(self) -> bool:
        return self.id > 0


def evolve(risk: Risk, event: Event) -> Risk:
    match event:
        case RiskRaised():
            return adopted(risk, event, id=event.risk_id)
        case RiskDetailsChanged():
            return replace(risk, **event.changes)
        case RiskStatusChanged():
            return adopted(risk, event)
    return risk


def raise_risk(command: RaiseRisk, context: Context) -> Iterator[Event]:
    project = context.existing(Project, command.project_id)
    project.must_be_managed_by(context.actor)
    Faults(command.invalid).refuse()
    project.must_take("new risks")
    raised = RiskRaised(
        risk_id=context.new_id("risk"),
        project_id=project.id,
        title=command.title,
        description=command.description,
        severity=command.severity,
        probability=command.probability,
        impact=command.impact,
        mitigation_plan=command.mitigation_plan,
        status=command.status,
    )
    yield raised
    outcome = {name: value for name in OUTCOME if (value := getattr(command, name))}
    if outcome:
        yield RiskDetailsChanged(raised.risk_id, outcome)


def change_risk(command: ChangeRisk, context: Context) -> Iterator[Event]:
    """A closed project's risks can still be changed: what became of them is often known late."""
    risk = context.existing(Risk, command.risk_id)
    project = context.load(Project, risk.project_id)
    if not project.exists:
        raise NotFound("risk")
    project.must_be_managed_by(context.actor, "risk")
    Faults(command.invalid).refuse()
    details = changed(risk, command, DETAILS)
    if details:
        yield RiskDetailsChanged(risk.id, details)
    if command.status is not UNSET and command.status != risk.status:
        yield RiskStatusChanged(risk.id, command.status)
