"""The messages by which whoever folds tells readers how far the read model is, and what has changed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import orjson


class Told(NamedTuple):
    """One message: a batch took the read model from `before` to `position`, and changed what `tags` say.

    `tags` is None where anything may have changed.
    """

    build: bytes
    position: int
    before: int
    tags: Sequence[str] | None


def told_in(data: bytes) -> Told | None:
    """What a message says; None for one that is none of ours, or of code that tells less."""
    with suppress(ValueError, TypeError):
        build, position, before, tags = data.split(b" ", 3)
        known: list[str] | None = orjson.loads(tags)
        return Told(build, int(position), int(before), known if known is None else [*map(str, known)])
    return None
