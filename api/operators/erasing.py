"""Deleting people whose keys are gone already: as anybody is deleted, though nobody can read their names."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from api.operators.instruments import Instruments
from commands.accounts import DeleteUser
from commands.dispatcher import Dispatcher
from commands.errors import LastAdmin, NotFound
from commands.users import ChangeUser
from events.connections import Prepared

CLAIMS: Final = (Path(__file__).parent / "sql" / "restore_claims.sql").read_bytes()


async def delete_users(tools: Instruments, user_ids: Collection[int]) -> tuple[int, ...]:
    """Delete those who are not yet; the last admin among them stays, and is returned.

    Whether they own projects is not asked: nobody else could have taken those over in the backup.
    Raises as `Instruments.record`.
    """
    left = []
    for user_id in user_ids:
        deleting = replace(tools, dispatcher=Dispatcher(tools.store, await _claims_of(tools, user_id)))
        try:
            await deleting.record(ChangeUser(user_id=user_id, role="user"))
            await deleting.record(DeleteUser(user_id=user_id, owns_projects=False))
        except NotFound:
            continue
        except LastAdmin:
            left.append(user_id)
    return tuple(left)


async def _claims_of(tools: Instruments, user_id: int) -> Callable[[str, str], str]:
    """The claims on names that the user holds, by their kind: without the names their keys cannot be told."""
    rows = await tools.connections.read(Prepared(CLAIMS, {"holder": f"user-{user_id}"}))
    held: Mapping[str, str] = {
        claim.partition(":")[0]: claim for (state,) in rows for claim in (json.loads(state)["claim"],)
    }
    return lambda kind, name: held.get(kind) or tools.store.keyring.claim_key(kind, name)
