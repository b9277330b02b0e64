"""Schemathesis finds no server error and nothing that the OpenAPI document does not say."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from tests.documents import closed
from tests.http import Taskflow
from tests.test_http_auth import token_of

ROOT: Final = Path(__file__).parent.parent
MANY: Final = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "0"))
"""On demand: so many examples of each operation, as many chains, and all the time that they take."""
EXAMPLES_MAX: Final = MANY or 3
"""Of each operation in each phase that invents examples."""
CHAINS: Final = MANY or 30
"""Chains of requests, each using what those before it made."""
STEPS_MAX: Final = 6
SEED: Final = 20_250_701
RUN_TIMEOUT_S: Final = 240 * max(1, MANY)
CHECKS: Final = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,negative_data_rejection,unsupported_method,allow_header_conformance,"
    "use_after_free,ignored_auth,what_fits_the_schema_is_refused_by_rules_only"
)

ADMINS_CHECKS: Final = "every_operation_succeeds_at_least_once"
"""Of whoever may do everything."""

CONFIG: Final = """\
hooks = "tests.{hooks}"
seed = {seed}
max-failures = 20

{auth}

[generation]
max-examples = {examples}
database = "none"

[phases.coverage]
unexpected-methods = ["PATCH", "DELETE"]

[phases.coverage.generation]
mode = "{coverage}"

[phases.stateful]
max-steps = {steps}

[phases.stateful.generation]
max-examples = {chains}

[checks.response_schema_conformance]
validate-formats = true
"""


@pytest.mark.timeout(RUN_TIMEOUT_S + 20)
@pytest.mark.parametrize("role", ["admin", "manager", "user"])
async def test_every_answer_is_documented(taskflow: Taskflow, role: str, tmp_path: Path) -> None:
    client = await signed_in_with_something_to_see(taskflow, role)
    me = (await client.get("/api/auth/me")).data
    document = (await client.get("/api/docs/openapi.json")).body
    told = {
        "TASKFLOW_URL": taskflow.url,
        "TASKFLOW_USER_ID": str(me["user"]["id"]),
        "TASKFLOW_USERNAME": me["user"]["username"],
        "TASKFLOW_PASSWORD": "admin123" if role == "admin" else "password of theirs",
        "TASKFLOW_CSRF_TOKEN": me["csrf_token"],
    }
    is_admin = role == "admin"
    chains = CHAINS if is_admin else CHAINS // 3
    config = CONFIG.format(
        seed=SEED,
        hooks="schemathesis_hooks",
        auth=f'[auth.openapi.session]\napi_key = "{token_of(client)}"',
        examples=EXAMPLES_MAX,
        steps=STEPS_MAX,
        # What is wrong with a body is looked at after who may send it: a user mostly sees refusals.
        coverage="positive" if role == "user" else "all",
        chains=chains,
    )
    at_the_end = (ADMINS_CHECKS,) if is_admin else ()
    await asyncio.to_thread(
        try_out, tmp_path, taskflow.url, closed(document), config, (CHECKS, *at_the_end), told, chains
    )
    assert (await client.get("/api/auth/me")).status == 200, "the run has signed itself out"


async def signed_in_with_something_to_see(taskflow: Taskflow, role: str) -> Any:
    """A client with this role, on a ledger where each kind of object is there to be changed."""
    admin = taskflow.admin
    department = (await admin.made("/api/departments", {"name": "Engineering"}))["id"]
    user_id = await taskflow.user("member", "user", department_id=department)
    await taskflow.user("leader", "manager", department_id=department)
    client = {
        "admin": admin,
        "manager": await taskflow.signed_in("leader"),
        "user": await taskflow.signed_in("member"),
    }
    owner = client["manager"]
    project = (await owner.made("/api/projects", {"name": "Website Redesign", "budget": 50000}))["id"]
    await owner.made(f"/api/projects/{project}/tasks", {"title": "Mockups", "assigned_to": [user_id]})
    await owner.made(f"/api/projects/{project}/risks", {"title": "Late steel"})
    await owner.made(f"/api/projects/{project}/expenses", {"amount": 12.5})
    return client[role]


def try_out(
    folder: Path,
    url: str,
    document: Any,
    config: str,
    checks: Sequence[str],
    told: dict[str, str],
    chains: int,
) -> None:
    """All phases, then the chains that are left. `checks` are those of each request, then of a whole run."""
    (folder / "openapi.json").write_bytes(orjson.dumps(document))
    (folder / "schemathesis.toml").write_text(config)
    said = run(folder, url, ",".join(checks), told)
    assert_complete(said, sum(len(methods) for methods in document["paths"].values()))
    go_on(folder, url, checks[0], told, chains - chains_in(said))


def run(folder: Path, url: str, checks: str, told: dict[str, str], *options: str) -> str:
    """What Schemathesis says after all phases, or those that `options` name; it must have found nothing."""
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"),
            *("--config-file", "schemathesis.toml"),
            *("run", "openapi.json", "--url", url, "--checks", checks),
            *("--request-timeout", "20", "--no-color"),
            *options,
        ],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | told,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=RUN_TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def go_on(folder: Path, url: str, checks: str, told: dict[str, str], chains: int) -> None:
    """Try so many more chains, with one seed after the other.

    Schemathesis says nothing and stops, where the same request is answered otherwise than before: a ledger
    that keeps what was written answers so, as when a name is taken by then.
    """
    seed = SEED
    while chains > 0:
        seed += 1
        made = chains_in(run(folder, url, checks, told, "--phases", "stateful", "--seed", str(seed)))
        assert made, "no chain has been tried"
        chains -= made


def chains_in(said: str) -> int:
    """How many chains were tried."""
    found = re.search(r"Scenarios: +([0-9,]+)", said)
    return int(found[1].replace(",", "")) if found else 0


def assert_complete(said: str, operations: int) -> None:
    """All operations went through all phases."""
    assert f"Selected: {operations}/{operations}" in said, said
    assert f"Tested: {operations}" in said, said
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in said, said
