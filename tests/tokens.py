"""Tokens made by hand, as an attacker or a careless library would make them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any, Final

import orjson

from tests.http import JWT_SECRET

HEADER: Final = {"alg": "HS256", "typ": "JWT"}


def claims(user_id: int, kind: str = "access", life_s: float = 3600, **others: Any) -> dict[str, Any]:
    """What a token of ours would say now; None takes a claim away."""
    at = int(time.time())
    usual = {
        "fresh": False,
        "iat": at,
        "jti": "made by hand",
        "type": kind,
        "sub": str(user_id),
        "nbf": at,
        "csrf": "made by hand",
        "exp": at + life_s,
    }
    return {name: value for name, value in (usual | others).items() if value is not None}


def made(payload: object, header: object = HEADER, secret: bytes = JWT_SECRET, digest: str = "sha256") -> str:
    """A token with a right signature; bytes stand for JSON that is none."""
    signing = b".".join(
        encoded(part if isinstance(part, bytes) else orjson.dumps(part)) for part in (header, payload)
    )
    return b".".join((signing, encoded(hmac.digest(secret, signing, getattr(hashlib, digest))))).decode()


def encoded(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
