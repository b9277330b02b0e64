"""Signing in and out with tokens, and changing the password."""

from __future__ import annotations

import time
from typing import Final

from api.behind import StreamModel
from api.callers import CALLER, caller_of
from api.core import Core
from api.credentials import Proved, credential_of, proved, welcome
from api.requests import Client
from api.taskforge import auth_forms as forms
from api.taskforge import refresh_tokens
from api.taskforge.bearer import MISSING, bearer, is_expired, token_of
from api.taskforge.calls import Call
from api.taskforge.endpoints import Endpoint, Shows
from api.taskforge.envelope import GONE, Answer, Failure, TokenRefused
from api.taskforge.reading import must_have, read
from api.taskforge.tokens import Unverified, signed, verified
from api.taskforge.user_forms import ShownUser, user_answer
from commands.accounts import ChangePassword
from commands.errors import NotFound, PasswordReplaced
from commands.users import User
from readmodels.model import NotReady

WRONG_CREDENTIALS: Final = "Invalid email or password"
INACTIVE: Final = "Account is inactive"
WRONG_PASSWORD: Final = "Current password is incorrect"  # noqa: S105 - it is what is said

NEVER_ISSUED: Final = "Invalid refresh token"
ENDED: Final = "Refresh token expired or revoked"
TOKEN_REQUIRED: Final = "Refresh token is required"  # noqa: S105 - it is what is said


async def login(call: Call) -> Answer:
    must_have(call.body, ("email", "password"))
    fields = read(call.body, forms.CREDENTIALS).must_be_right()
    core = call.core
    found = await proved(core, "email", fields["email"], fields["password"], call.client)
    if found is None:
        raise Failure(401, WRONG_CREDENTIALS)
    refresh_token = await _refresh_token(core, found, call.client)
    await welcome(core, found)
    data: forms.SignedIn = {
        "access_token": _access_token(core, found.user.id),
        "refresh_token": refresh_token,
        "user": await _own_card(core, found.user.id),
    }
    return Answer(data, "Login successful")


async def refresh(call: Call) -> Answer:
    text = _refresh_token_sent(call)
    token = token_of(call.request, text, "refresh")
    caller = await caller_of(call.core, token.user_id, writes=True)
    if caller is None:
        raise Failure(404, GONE)
    call.request[CALLER] = caller
    if is_expired(token):
        raise Failure(401, ENDED)
    is_live = await refresh_tokens.used(call.core, text, token.user_id)
    if not is_live:
        raise Failure(401, NEVER_ISSUED if is_live is None else ENDED)
    data: forms.Refreshed = {"access_token": _access_token(call.core, token.user_id)}
    return Answer(data, "Token refreshed successfully")


async def logout(call: Call) -> Answer:
    if call.body.get("refresh_token") in (None, ""):
        raise Failure(400, TOKEN_REQUIRED)
    token = read(call.body, forms.REFRESH_TOKEN).must_be_right()["refresh_token"]
    await refresh_tokens.revoke(call.core, token, call.caller.id)
    return Answer(message="Logged out successfully")


async def me(call: Call) -> Answer:
    return Answer(await _own_card(call.core, call.caller.id))


async def change_password(call: Call) -> Answer:
    must_have(call.body, ("old_password", "new_password"))
    old = read(call.body, forms.OLD_PASSWORD).must_be_right()["old_password"]
    core, user_id = call.core, call.caller.id
    # Before the hash, so that a password set after the comparison is seen to be another one.
    user = await core.dispatcher.load(User, user_id)
    kept = await credential_of(core, user_id)
    if not await core.passwords.matches(kept.password_hash, old):
        raise Failure(401, WRONG_PASSWORD)
    new = read(call.body, forms.NEW_PASSWORD).must_be_right()["new_password"]
    password_hash = await core.passwords.hash(new)
    command = ChangePassword(user_id=user_id, password_hash=password_hash, replaces=user.passwords)
    try:
        written = await call.write(command)
    except PasswordReplaced:
        raise Failure(401, WRONG_PASSWORD) from None
    return await call.done(written, "Password changed successfully")


async def _refresh_token(core: Core, found: Proved, client: Client) -> str:
    """A token for somebody who proved a password. Raises Failure."""
    user = found.user
    _must_be_active(user)
    token = await refresh_tokens.issue(core, user.id, found.credential.changes, client)
    if token is None:
        raise Failure(401, WRONG_CREDENTIALS)
    # Who is locked out loses the tokens that exist then; one that came later must not outlive it.
    now = await core.dispatcher.load(User, user.id)
    if not now.active:
        await refresh_tokens.revoke(core, token, user.id)
    _must_be_active(now)
    return token


def _must_be_active(user: User) -> None:
    if not user.active:
        raise Failure(403, INACTIVE)


def _access_token(core: Core, user_id: int) -> str:
    return signed(core.settings.jwt_secret, "access", user_id, time.time(), core.settings.jwt_access_s)


def _refresh_token_sent(call: Call) -> str:
    """The token in the header; that of the body where that is something else. Raises TokenRefused."""
    if call.body.get("refresh_token") and _bears_none(call):
        sent: str = read(call.body, forms.REFRESH_TOKEN).must_be_right()["refresh_token"]
        return sent
    return bearer(call.request)


def _bears_none(call: Call) -> bool:
    """Whether the header is missing, or has the access token that some clients send with every request."""
    try:
        return verified(call.core.settings.jwt_secret, bearer(call.request), time.time()).kind == "access"
    except TokenRefused as refused:
        return str(refused) == MISSING
    except Unverified:
        return False


async def _own_card(core: Core, user_id: int) -> ShownUser:
    """The user as they see themselves; from the log where the read model cannot tell yet."""
    try:
        answer = await user_answer(core.model, user_id)
    except (NotReady, NotFound):
        answer = await user_answer(StreamModel(core.store, core.model), user_id)
    shown: ShownUser = answer.data
    return shown


ENDPOINTS: Final = (
    Endpoint(
        methods=("POST",),
        path="/api/auth/login",
        handle=login,
        body=forms.Credentials,
        is_public=True,
        limit="10/hour",
        summary="Get an access token and a refresh token",
        shows=Shows(forms.SignedIn),
        example={"email": "admin@taskflow.com", "password": "admin123"},
        fails={
            400: ("Missing required fields: email", *forms.CREDENTIALS_FAULTS),
            401: (WRONG_CREDENTIALS,),
            403: (INACTIVE,),
        },
    ),
    Endpoint(
        methods=("POST",),
        path="/api/auth/refresh",
        handle=refresh,
        body=forms.Refresh,
        is_body_optional=True,
        is_public=True,
        takes_refresh_token=True,
        summary="Get another access token for the refresh token in the Authorization header",
        shows=Shows(forms.Refreshed),
        fails={
            400: forms.REFRESH_TOKEN_FAULTS,
            401: (NEVER_ISSUED, ENDED),
            404: (GONE,),
        },
    ),
    Endpoint(
        methods=("POST",),
        path="/api/auth/logout",
        handle=logout,
        body=forms.SigningOut,
        takes_empty=True,
        summary="Take a refresh token of one's own back",
        example={"refresh_token": "the.refresh.token"},
        fails={400: (TOKEN_REQUIRED, *forms.REFRESH_TOKEN_FAULTS)},
    ),
    Endpoint(
        methods=("GET",),
        path="/api/auth/me",
        handle=me,
        summary="Tell whose access token it is",
        shows=Shows(ShownUser),
    ),
    Endpoint(
        methods=("POST",),
        path="/api/auth/change-password",
        handle=change_password,
        body=forms.PasswordChange,
        limit="3/hour",
        counts_callers_only=True,
        summary="Set another password, which takes all refresh tokens back and ends all sessions",
        example={"old_password": "Correct-horse-1", "new_password": "Battery-staple-2"},
        fails={
            400: ("Missing required fields: new_password", *forms.PASSWORD_CHANGE_FAULTS),
            401: (WRONG_PASSWORD,),
            404: ("User not found",),
        },
    ),
)
