"""Who asks: a user, with the role that is theirs now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from api.core import Core
from commands.context import Actor
from commands.users import User
from readmodels.documents import Ref
from readmodels.model import NotReady


@dataclass(frozen=True, slots=True)
class Caller:
    """`reads_from` is the position that the read model must have reached for reads of theirs."""

    id: int
    role: str
    reads_from: int = 0

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


async def caller_of(core: Core, user_id: int, *, writes: bool) -> Caller | None:
    """The user who proved to be `user_id`; None for one who is not active, or not there any more.

    A write is judged by the role as it stands in the log. So is a read while the read model lacks
    something that was answered already, such as that they are locked out; else by the live card.
    """
    reads_from = 0 if writes else await core.positions.of(user_id)
    is_live = not writes and not reads_from
    role = await (_role if is_live else _role_in_log)(core, user_id)
    return None if role is None else Caller(user_id, role, reads_from)


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
