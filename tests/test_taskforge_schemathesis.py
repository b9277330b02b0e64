"""Schemathesis finds no server error in TaskForge and nothing that its OpenAPI document does not say."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import pytest

from tests.documents import closed
from tests.http import FORGE_PASSWORD, ForgeClient, Taskflow
from tests.test_schemathesis import (
    ADMINS_CHECKS,
    CHECKS,
    CONFIG,
    MANY,
    RUN_TIMEOUT_S,
    SEED,
    STEPS_MAX,
    try_out,
)

OF_TASKFORGE: Final = CHECKS.replace("negative_data_rejection", "what_does_not_fit_the_schema_is_refused")
"""Queries are never refused here, which only hooks can know."""

EXAMPLES_MAX: Final = {"admin": MANY or 3, "user": MANY or 2, "anonymous": MANY or 1}
CHAINS: Final = {"admin": MANY or 20, "user": MANY or 8, "anonymous": MANY or 2}
NOBODY: Final = "[auth]\nauto-signup = false"
BEARER: Final = '[auth.openapi.bearer]\nbearer = "{token}"\n\n[auth.openapi.refresh]\nbearer = "{refresh}"'


@pytest.mark.timeout(RUN_TIMEOUT_S + 20)
@pytest.mark.parametrize("role", ["admin", "user", "anonymous"])
async def test_every_answer_is_documented(taskflow: Taskflow, role: str, tmp_path: Path) -> None:
    client = await signed_in_with_something_to_see(taskflow, role)
    document = (await client.get("/api/docs/openapi.json")).body
    config = CONFIG.format(
        seed=SEED,
        hooks="schemathesis_taskforge_hooks",
        auth=BEARER.format(token=client.token, refresh=client.refresh_token) if client.token else NOBODY,
        examples=EXAMPLES_MAX[role],
        steps=STEPS_MAX,
        # What is wrong with a body is looked at after who may send it: others mostly see refusals.
        coverage="all" if role == "admin" else "positive",
        chains=CHAINS[role],
    )
    told = {
        "TASKFORGE_URL": taskflow.forge_url,
        "TASKFORGE_USER_ID": str(client.user.get("id", "")),
        "TASKFORGE_ROLE": role,
        "TASKFORGE_EMAIL": client.user.get("email", "member@example.com"),
        "TASKFORGE_REFRESH_TOKEN": client.refresh_token or "",
        "TASKFORGE_PASSWORD": FORGE_PASSWORD,
    }
    at_the_end = (ADMINS_CHECKS,) if role == "admin" else ()
    checks, chains = (OF_TASKFORGE, *at_the_end), CHAINS[role]
    await asyncio.to_thread(
        try_out, tmp_path, taskflow.forge_url, closed(document), config, checks, told, chains
    )
    if client.token:
        assert (await client.get("/api/auth/me")).status == 200, "the run has locked itself out"


async def signed_in_with_something_to_see(taskflow: Taskflow, role: str) -> ForgeClient:
    """A client with this role, or without a token, where each kind of object is there to be changed."""
    admin = await taskflow.forge_admin()
    # The first admin's password is none that could be set here, where a run sets it again and again.
    change = {"old_password": "admin123", "new_password": FORGE_PASSWORD}
    assert (await admin.post("/api/auth/change-password", change)).status == 200
    await admin.log_in(password=FORGE_PASSWORD)
    member = await taskflow.forge_user("member")
    tag = await admin.made("/api/tags", {"name": "Work"})
    await member.made("/api/tasks", {"title": "Mockups", "tags": [tag["id"]], "due_date": "2024-01-01"})
    await admin.made("/api/tasks", {"title": "Release notes"})
    return {"admin": admin, "user": member, "anonymous": await taskflow.forge()}[role]
