"""Who asks: the session's user, with the role that is theirs now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from api.core import Core
from api.errors import Unauthenticated
from api.sessions import Session
from commands.context import Actor
from commands.users import User
from readmodels.documents import Ref
from readmodels.model import NotReady


@dataclass(frozen=True, slots=True)
class Caller:
    session: Session
    id: int
    role: str

    @property
    def actor(self) -> Actor:
        return Actor(self.id, self.role)

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"

    @property
    def sees_all(self) -> bool:
        """Admins and managers see all projects and tasks; users see their own."""
        return self.role in ("admin", "manager")


CALLER: Final = web.RequestKey("caller", Caller)


async def caller_of(core: Core, session: Session | None, *, writes: bool) -> Caller:
    """Raises Unauthenticated for whom there is no session, or no active user any more.

    A write is judged by the role as it stands in the log, a read by the live card.
    """
    if session is None:
        raise Unauthenticated
    role = await _role_in_log(core, session.user_id) if writes else await _role(core, session.user_id)
    if role is None:
        raise Unauthenticated
    return Caller(session, session.user_id, role)


async def _role(core: Core, user_id: int) -> str | None:
    """From the log while the read model is away or has not heard of the user yet."""
    card_ref = Ref("user", str(user_id))
    try:
        card = (await core.model.fetch([card_ref])).get(card_ref)
    except NotReady:
        card = None
    if card is None:
        return await _role_in_log(core, user_id)
    return card["role"] if card["active"] else None


async def _role_in_log(core: Core, user_id: int) -> str | None:
    user = await core.dispatcher.load(User, user_id)
    return user.role if user.active else None
