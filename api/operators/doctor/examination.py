"""The whole examination, on the command line and in a server alike. It blocks: for a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.operators.doctor.database import database
from api.operators.doctor.findings import Finding, skipped
from api.operators.doctor.machine import machine, ports
from api.operators.doctor.machine import settings as of_settings
from api.operators.doctor.read_models import folding, read_models
from api.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is to be examined, as far as it could be found out.

    `found` is what came to light on the way. Without `ports` none is looked at: a server's own are in use.
    """

    settings: Settings | None = None
    database_url: str = field(default="", repr=False)
    redis_url: str = field(default="", repr=False)
    host: str = "127.0.0.1"
    ports: Mapping[str, int] = field(default_factory=dict)
    found: Sequence[Finding] = ()


def patient_of(settings: Settings) -> Patient:
    return Patient(settings=settings, database_url=settings.database_url, redis_url=settings.redis_url)


def examined(patient: Patient) -> Iterator[Finding]:
    """One finding for each thing, whatever else is out of order. Takes some seconds at most."""
    yield from patient.found
    yield from machine()
    if patient.settings is not None:
        yield from of_settings(patient.settings)
    yield from ports(patient.host, patient.ports)
    if patient.database_url:
        yield from database(patient.database_url, patient.settings)
    if patient.redis_url:
        yield from read_models(patient.redis_url)
    if patient.database_url and patient.redis_url:
        yield from folding(patient.database_url, patient.redis_url)
    else:
        yield skipped("projector", "that needs both servers")


def report(findings: Sequence[Finding]) -> dict[str, Any]:
    """`is_well`: nothing has failed."""
    return {
        "is_well": all(each.state != "failed" for each in findings),
        "checks": [each.as_json() for each in findings],
    }
