"""`taskledger doctor`: what is wrong with a ledger and its servers, and how to mend it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from api.cli.options import (
    DataOption,
    Form,
    FormOption,
    HostOption,
    JsonOption,
    PortOption,
    TaskforgePortOption,
)
from api.exits import CannotRun, ExitCode

if TYPE_CHECKING:
    from api.operators.doctor.examination import Patient

COLUMNS: Final = ("state", "check", "detail", "mend")


def doctor(
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    host: HostOption = "127.0.0.1",
    port: PortOption = 5000,
    taskforge_port: TaskforgePortOption = 5001,
    data: DataOption = None,
) -> None:
    """Examine the ledger and what it stands on; what is wrong is told with a way to mend it.

    Works whether the ledger is running or not, and when PostgreSQL or Redis is broken. Ends with 1 when
    something has failed; warnings alone end with 0.

    Example: taskledger doctor --json
    """
    from dataclasses import replace

    from api.cli.output import form_of, print_json, print_rows
    from api.operators.doctor.examination import examined, report

    with _patient(data, host) as patient:
        ports = {"--port": port, "--taskforge-port": taskforge_port}
        findings = [*examined(replace(patient, host=host, ports=ports))]
    told, form = report(findings), form_of(output, as_json)
    if form is Form.JSON:
        print_json(told)
    else:
        print_rows(told["checks"], COLUMNS, form)
    raise typer.Exit(ExitCode.DONE if told["is_well"] else ExitCode.FAILURE)


@contextlib.contextmanager
def _patient(data: Path | None, host: str) -> Iterator[Patient]:
    """The ledger with its servers started if they are not running; what stands in the way is a finding."""
    import psycopg

    from api import preflight
    from api.environ import environ
    from api.opening import folder_at, opened
    from api.operators.doctor.examination import Patient, patient_of
    from api.operators.doctor.findings import failed, one_line
    from api.settings import SettingsError

    folder, given = folder_at(data), dict[str, str]()
    with contextlib.ExitStack() as stack:
        try:
            given = environ()
            if not given.get("DATABASE_URL") and not folder.postgres.exists():
                raise CannotRun(f"there is no ledger in {folder.path}: `taskledger up` makes one")
            env = preflight.environment(host, given)
            patient = patient_of(stack.enter_context(opened(folder, given, env)))
        except (CannotRun, SettingsError, psycopg.Error, OSError) as error:
            cause = failed("ledger", one_line(error), "do what the line says, then ask again")
            patient = Patient(
                database_url=given.get("DATABASE_URL", ""),
                redis_url=given.get("REDIS_URL", ""),
                found=(cause,),
            )
        yield patient
