"""What a server process counts besides what its parts count by themselves."""

from __future__ import annotations

from dataclasses import dataclass, field

from api.metrics.process import LoopLag
from api.metrics.requests import RequestCounts


@dataclass(frozen=True, slots=True)
class Watch:
    requests: RequestCounts = field(default_factory=RequestCounts)
    loop_lag: LoopLag = field(default_factory=LoopLag)
