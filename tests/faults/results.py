"""What came of trials, as JSON: every finding with all that speaks against it, and what was injected."""

from __future__ import annotations

import dataclasses
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psutil

from api.version import version
from tests.faults.report import Tried


def as_json(tried: Sequence[Tried]) -> dict[str, Any]:
    """The whole run, and the machine that it ran on."""
    return {
        "taskledger": version(),
        "tried_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "memory_bytes": psutil.virtual_memory().total,
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "trials": [_trial(each) for each in tried],
    }


def _trial(tried: Tried) -> dict[str, Any]:
    return {
        "schedule": tried.schedule.name,
        "seed": tried.seed,
        "result": tried.word,
        "seconds": round(tried.seconds, 1),
        "reason": tried.untested or tried.broke or None,
        "verdict": dataclasses.asdict(tried.verdict) if tried.verdict else None,
    }
