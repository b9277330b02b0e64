"""How a stored event is shown to people and machines."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

import orjson

from events.criteria import payload_of
from events.keys import Keyring
from events.log import Stored
from events.mapper import CLASS_VERSION, ERASED, PERSONAL, open_text, place, user_of

HIDDEN: Final = "(personal)"
UNREADABLE: Final = "(unreadable)"

COLUMNS: Final = ("position", "recorded_at", "type", "stream", "version", "actor_id", "request_id", "data")


def row_of(stored: Stored, personal: Mapping[str, str] | None = None) -> dict[str, Any]:
    """An event with its metadata; `personal` are its personal fields in clear, else they are hidden.

    `data` is the payload as it was written, at its `schema_version`. One that is no JSON is null, and
    its bytes stand in `state_base64`.
    """
    state = _object(stored.state)
    shown = dict.fromkeys(state.get(PERSONAL) or {}, HIDDEN) if personal is None else personal
    data = payload_of(stored.state)
    row: dict[str, Any] = {
        "position": stored.position,
        "recorded_at": stored.recorded_at,
        "type": stored.topic,
        "schema_version": state.get(CLASS_VERSION, 1),
        "stream": stored.stream,
        "version": stored.version,
        "event_id": stored.event_id,
        "actor_id": stored.actor_id,
        "actor_role": stored.actor_role,
        "dialect": stored.dialect,
        "command": stored.command,
        "request_id": stored.request_id,
        "causation_id": stored.causation_id,
        "data": {**data, **shown} if isinstance(data, dict) else data,
    }
    if data is None:
        row["state_base64"] = base64.b64encode(stored.state).decode()
    return row


def opened(stored: Stored, keyring: Keyring) -> dict[str, str]:
    """The personal fields in clear; those of an erased person are `erased`. The key must be at hand."""
    sealed = _object(stored.state).get(PERSONAL)
    if not isinstance(sealed, dict):
        return {}
    return {name: _opened(stored, keyring, name, text) for name, text in sealed.items()}


def _opened(stored: Stored, keyring: Keyring, name: str, sealed: Any) -> str:
    try:
        cipher = keyring.cipher(user_of(stored.stream))
        where = place(stored.stream, stored.version, name)
        return ERASED if cipher is None else open_text(cipher, sealed, where)
    except (ValueError, TypeError, KeyError):
        # In a stream that is no user's, moved, or not made by us: told, and no reason to show nothing.
        return UNREADABLE


def _object(state: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(state)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
