"""Signing in and out, and who one is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import hdrs

from api.core import Core
from api.credentials import proved, welcome
from api.errors import CredentialsRefused, Unauthenticated
from api.requests import Client
from api.taskflow.auth_forms import Credentials, ShownSelf, own_card
from api.taskflow.calls import Call
from api.taskflow.endpoints import Endpoint, Shows
from api.taskflow.envelope import Answer
from api.taskflow.visitors import cookie_name
from commands.errors import Invalid
from commands.users import User


async def login(call: Call) -> Answer:
    if call.invalid:
        raise Invalid(call.invalid)
    core = call.core
    token = await _new_session(core, call.fields["username"], call.fields["password"], call.client)
    session = await core.sessions.find(token)
    if session is None:
        raise _refused()
    await _end_session(call)
    data = {
        "user": await own_card(core, session.user_id),
        "csrf_token": core.csrf_tokens.make(session),
    }
    return Answer(data, "Login successful", headers=_cookie(core, token))


async def logout(call: Call) -> Answer:
    await _end_session(call)
    return Answer(message="Logged out successfully", headers=_cookie(call.core, "", "; Max-Age=0"))


async def me(call: Call) -> Answer:
    if call.session is None:
        raise Unauthenticated
    data = {
        "user": await own_card(call.core, call.caller.id),
        "csrf_token": call.core.csrf_tokens.make(call.session),
    }
    return Answer(data)


async def _new_session(core: Core, name: str, password: str, client: Client) -> str:
    """The token of a new session. Raises CredentialsRefused, after the same work whatever is wrong."""
    found = await proved(core, "email" if "@" in name else "username", name, password, client)
    if found is None or not found.user.active:
        raise _refused()
    token = await core.sessions.start(found.user.id, found.credential.changes, client)
    if token is None:
        raise _refused()
    # Being disabled ends the sessions that exist then; one that started later must not outlive it.
    if not (await core.dispatcher.load(User, found.user.id)).active:
        await core.sessions.end(token)
        raise _refused()
    await welcome(core, found)
    return token


def _refused() -> CredentialsRefused:
    return CredentialsRefused("Invalid username or password")


async def _end_session(call: Call) -> None:
    token = call.request.cookies.get(cookie_name(call.core))
    if token and call.session:
        await call.core.sessions.end(token)


def _cookie(core: Core, token: str, more: str = "") -> Mapping[str, str]:
    secure = "; Secure" if core.settings.is_https else ""
    cookie = f"{cookie_name(core)}={token}; HttpOnly; SameSite=Lax; Path=/{secure}{more}"
    return {hdrs.SET_COOKIE: cookie}


SIGNED_IN: Final = {"user": ShownSelf, "csrf_token": str}

ENDPOINTS: Final = (
    Endpoint(
        "POST",
        "/api/auth/login",
        login,
        body=Credentials,
        is_public=True,
        summary="Sign in",
        shows=Shows(SIGNED_IN, headers=(str(hdrs.SET_COOKIE),)),
        example={"username": "admin", "password": "admin123"},
        limit="20/minute",
    ),
    Endpoint(
        "POST",
        "/api/auth/logout",
        logout,
        summary="Sign out",
        shows=Shows(headers=(str(hdrs.SET_COOKIE),)),
    ),
    Endpoint("GET", "/api/auth/me", me, summary="Tell who is signed in", shows=Shows(SIGNED_IN)),
)
