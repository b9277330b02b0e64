"""What a server process keeps to give it again: how much, and how often that helped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import Metric

from api.core import Core
from api.keep import Keep
from api.metrics.families import PREFIX, by_word, counter, gauge


def kept_families(core: Core) -> Iterator[Metric]:
    keeps: Mapping[str, Keep[Any, Any]] = {
        "answers": core.kept.keep,
        "documents": core.announcements.kept.keep,
    }
    hits = by_word({name: keep.hits for name, keep in keeps.items()})
    yield counter(f"{PREFIX}kept_hits", "Questions that what was kept has answered.", ("kept",), hits)
    misses = by_word({name: keep.misses for name, keep in keeps.items()})
    about = "Questions that it could not answer: new ones, and those about what has changed."
    yield counter(f"{PREFIX}kept_misses", about, ("kept",), misses)
    sizes = by_word({name: keep.size_bytes for name, keep in keeps.items()})
    yield gauge(f"{PREFIX}kept_bytes", "How much is kept.", ("kept",), sizes)
