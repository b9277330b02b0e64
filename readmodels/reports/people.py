"""People as reports show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from readmodels.documents import Document


def person(card: Document | None) -> Mapping[str, Any] | None:
    """A user, as a column of `Unit.PERSON` holds one."""
    return None if card is None else {name: card[name] for name in ("id", "username", "email")}
