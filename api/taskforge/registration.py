"""Making an account of one's own."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from api.behind import Readable
from api.core import Core
from api.taskforge.auth_forms import REGISTRATION, REGISTRATION_FAULTS, Registration
from api.taskforge.calls import Call
from api.taskforge.endpoints import Endpoint, Shows
from api.taskforge.envelope import Answer, Failure, Words
from api.taskforge.reading import must_have, read
from api.taskforge.user_forms import ADMIN, USER, ShownUser, user_answer
from commands.accounts import SignUp
from commands.claims import Claim
from commands.context import VISITOR
from events.users import UserRegistered

TAKEN: Final = {"username": "Username already exists", "email": "Email already exists"}
CLOSED: Final = "Registration is closed"
ROLE_MISSING: Final = "System error: User role not found"
ROLES: Final = (ADMIN["name"], USER["name"])


async def register(call: Call) -> Answer:
    if not call.core.settings.is_registration_open:
        raise Failure(403, CLOSED)
    must_have(call.body, ("username", "email", "password"))
    fields = read(call.body, REGISTRATION).must_be_right()
    await _must_be_free(call.core, {name: fields[name] for name in TAKEN})
    must_be_a_role(USER["name"], ROLES)
    password_hash = await call.core.passwords.hash(fields.pop("password"))
    written = await call.write(SignUp(password_hash=password_hash, **fields), VISITOR)
    user_id = written.the(UserRegistered).user_id

    async def show(model: Readable) -> Answer:
        return await user_answer(model, user_id, "User registered successfully", 201)

    return await call.shown(written, show, is_new=True)


def must_be_a_role(name: str, roles: Collection[str]) -> None:
    """Raises Failure where the role of new accounts is none of `roles`."""
    if name not in roles:
        raise Failure(500, ROLE_MISSING)


async def _must_be_free(core: Core, names: dict[str, str]) -> None:
    """Told before a password is hashed in vain; the decision itself is the command's."""
    keys = [core.dispatcher.claim_of(kind, name) for kind, name in names.items()]
    for kind, claim in zip(names, await core.dispatcher.load_all(Claim, keys), strict=True):
        if claim.exists:
            raise Failure(409, TAKEN[kind])


ENDPOINTS: Final = (
    Endpoint(
        methods=("POST",),
        path="/api/auth/register",
        handle=register,
        body=Registration,
        is_public=True,
        limit="5/hour",
        words=Words(taken=TAKEN),
        summary="Make an account of one's own",
        shows=Shows(ShownUser, status=201),
        example={
            "username": "ana",
            "email": "ana@example.com",
            "password": "Correct-horse-1",
            "first_name": "Ana",
            "last_name": "Lima",
        },
        fails={
            400: ("Missing required fields: username, password", *REGISTRATION_FAULTS),
            403: (CLOSED,),
            409: tuple(TAKEN.values()),
        },
    ),
)
