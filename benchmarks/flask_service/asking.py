"""What every view of the Flask service needs of its request: a database session, a person, a body."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, g, request
from flask import session as cookie
from sqlalchemy.orm import Session
from werkzeug.exceptions import Unauthorized, UnprocessableEntity

from benchmarks.flask_service.models import User

View = Callable[..., Response]


def db() -> Session:
    return g.db  # type: ignore[no-any-return]


def signed_in(view: View) -> View:
    """Looks the person of the session cookie up, as the extensions for it do."""

    @wraps(view)
    def checked(*arguments: Any, **named: Any) -> Response:
        user_id = cookie.get("user_id")
        g.user = user_id and db().get(User, user_id)
        if g.user is None:
            raise Unauthorized("authentication is required")
        return view(*arguments, **named)

    return checked


def json_object() -> dict[str, Any]:
    body = request.get_json()
    if not isinstance(body, dict):
        raise UnprocessableEntity("an object is expected")
    return body


def positive(name: str, otherwise: int) -> int:
    value = request.args.get(name, otherwise, type=int)
    if value < 1:
        raise UnprocessableEntity(f"{name} must be at least 1")
    return value
