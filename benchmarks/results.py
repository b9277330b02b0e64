"""What a run found, as JSON: every repeat of every figure, and the machine that it ran on."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any, Final

import psutil

from api.version import version
from benchmarks.bench import Effort
from benchmarks.figures import Row
from benchmarks.run import Measured

PACKAGES: Final = (
    "aiohttp",
    "eventsourcing",
    "flask",
    "gunicorn",
    "psycopg",
    "redis",
    "sqlalchemy",
    "uvloop",
)


def as_json(found: Sequence[Measured], effort: Effort, servers: Mapping[str, str]) -> dict[str, Any]:
    """The whole run; `servers` are the versions of PostgreSQL and Valkey."""
    return {
        "taskledger": version(),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": effort.is_quick,
        "repeats": effort.repeats,
        "seconds_per_measurement": effort.seconds,
        "machine": machine(servers),
        "figures": [_figure(each) for each in found],
    }


def machine(servers: Mapping[str, str]) -> dict[str, Any]:
    """What else than the code decides about figures: processors, memory, and the versions of what runs."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": platform.platform(),
        "python": platform.python_version(),
        **servers,
        "packages": {name: package_version(name) for name in PACKAGES},
    }


def _processor() -> str:
    """As Linux calls it; elsewhere its kind must do."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _figure(found: Measured) -> dict[str, Any]:
    return {
        "name": found.figure.name,
        "title": found.figure.title,
        "seconds": round(found.seconds, 1),
        "failed": found.failed or None,
        "rows": [_row(row) for row in found.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    target = row.target
    return {
        "what": row.what,
        "unit": row.unit,
        "ours": list(row.ours),
        "base": list(row.base),
        "base_what": row.base_what,
        "measured": row.measured,
        "target": target and {"value": target.value, "is_at_least": target.is_at_least},
        "holds": row.holds,
        "note": row.note,
    }
