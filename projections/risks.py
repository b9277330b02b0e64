"""Folds risks' events, and the end of their projects, into risks' documents."""

from __future__ import annotations

from events.event import Record
from events.projects import ProjectDeleted
from events.risks import RiskDetailsChanged, RiskRaised, RiskStatusChanged
from projections.projection import Projection, changed
from readmodels.risks import Risk

risks = Projection("risk")


@risks.creates(RiskRaised)
def raised(event: RiskRaised, record: Record) -> Risk:
    return Risk(
        id=event.risk_id,
        version=record.version,
        created=record.position,
        updated=record.position,
        project_id=event.project_id,
        title=event.title,
        description=event.description,
        severity=event.severity,
        probability=event.probability,
        impact=event.impact,
        mitigation_plan=event.mitigation_plan,
        status=event.status,
        actual_impact="",
        resolution_notes="",
        created_at=record.recorded_at,
        updated_at=record.recorded_at,
    )


@risks.on(RiskDetailsChanged)
def details_changed(risk: Risk, event: RiskDetailsChanged, record: Record) -> Risk:
    return changed(risk, record, event.changes)


@risks.on(RiskStatusChanged)
def status_changed(risk: Risk, event: RiskStatusChanged, record: Record) -> Risk:
    return changed(risk, record, {"status": event.status})


@risks.on(ProjectDeleted, group=lambda event: f"risk:of:{event.project_id}")
def project_deleted(_risk: Risk, _event: ProjectDeleted, _record: Record) -> None:
    return None
