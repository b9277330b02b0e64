"""Risks: their documents, where they are listed, and what they add to their project."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypedDict, cast

from readmodels.documents import Contribution, Document, Kind, Places, ref_to

SEVERITIES: Final = {"low": 0, "medium": 1, "high": 2, "critical": 3}
OPEN: Final = "active"
"""Who mitigated, resolved or closed a risk has dealt with it."""


class Risk(TypedDict):
    id: int
    version: int
    created: int
    updated: int
    project_id: int
    title: str
    description: str
    severity: str
    probability: str
    impact: str
    mitigation_plan: str
    status: str
    actual_impact: str
    resolution_notes: str
    created_at: str
    updated_at: str


def places(document: Document) -> Places:
    risk = cast(Risk, document)
    number = risk["id"]
    return {
        "risk:sort:created": risk["created"],
        "risk:sort:id": number,
        "risk:sort:title": risk["title"].casefold(),
        "risk:sort:severity": SEVERITIES[risk["severity"]],
        "risk:sort:updated_at": risk["updated"],
        f"risk:status:{risk['status']}": number,
        f"risk:severity:{risk['severity']}": number,
        f"risk:project:{risk['project_id']}": number,
    }


def groups(document: Document) -> Sequence[str]:
    """Where a project finds its risks."""
    return (f"risk:of:{document['project_id']}",)


def contributions(document: Document) -> Iterable[Contribution]:
    risk = cast(Risk, document)
    figures = {"risks": 1, "open_risks": int(risk["status"] == OPEN)}
    yield ref_to("project_figures", risk["project_id"]), figures


RISK = Kind("risk", places, contributions, groups=groups, group_fields=("project_id",))
