"""What tells the lines of a log apart that several processes write."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from structlog.contextvars import bind_contextvars

_name: Final[dict[str, int]] = {}


def name_process() -> None:
    """Have every line that is logged from now on say the id of this process, as `process`."""
    _name["process"] = os.getpid()
    bind_contextvars(**_name)


def process_name() -> Mapping[str, int]:
    """What every line says of its process: nothing where there is but one."""
    return _name
