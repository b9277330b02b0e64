"""What happens to the risks of projects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from events.event import Event


@dataclass(frozen=True, slots=True)
class RiskRaised(Event):
    TOPIC = "risk.raised"
    STREAM = "risk"
    ID = "risk_id"

    risk_id: int
    project_id: int
    title: str
    description: str
    severity: str
    probability: str
    impact: str
    mitigation_plan: str
    status: str


@dataclass(frozen=True, slots=True)
class RiskDetailsChanged(Event):
    """`changes`: new values of title, description, severity, probability, impact, mitigation_plan,
    actual_impact and resolution_notes, those that changed."""

    TOPIC = "risk.details_changed"
    STREAM = "risk"
    ID = "risk_id"

    risk_id: int
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RiskStatusChanged(Event):
    TOPIC = "risk.status_changed"
    STREAM = "risk"
    ID = "risk_id"

    risk_id: int
    status: str
