"""Warnings that anybody can cause: one in a while, so that strangers fill no log."""

from __future__ import annotations

import time
from typing import Any, Final

import structlog

TELL_INTERVAL_S: Final = 60.0

log = structlog.get_logger(__name__)


class Seldom:
    """A warning that is told at once, and again no sooner than after `TELL_INTERVAL_S`."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._tell_at = 0.0

    def tell(self, **words: Any) -> None:
        now = time.monotonic()
        if now >= self._tell_at:
            self._tell_at = now + TELL_INTERVAL_S
            log.warning(self._event, **words)
