"""The commands that run a ledger. Each imports what it needs when it runs, so that all start quickly."""

from __future__ import annotations

import sys
from datetime import date, datetime
from typing import Annotated, Final

import typer

from api.cli import audit, dead_letters, events, projections, reports, users
from api.cli.backups import backup, restore
from api.cli.doctor import doctor
from api.cli.options import (
    DataOption,
    HostOption,
    JsonOption,
    LifelineOption,
    PortOption,
    TaskforgePortOption,
    WorkersOption,
)
from api.exits import CannotRun

UNTIL_MIN: Final = date(2000, 1, 1)

PASS_ON: Final = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

app = typer.Typer(
    help="A project-management backend whose record of truth is its history.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for group in (events, audit, projections, reports, dead_letters, users):
    app.add_typer(group.app)

app.command()(doctor)
app.command()(backup)
app.command()(restore)


@app.command()
def up(
    data: DataOption = None,
    ephemeral: Annotated[
        bool, typer.Option("--ephemeral", help="Keep nothing: the data are removed at the end.")
    ] = False,
    host: HostOption = "127.0.0.1",
    port: PortOption = 5000,
    taskforge_port: TaskforgePortOption = 5001,
    workers: WorkersOption = 1,
) -> None:
    """Start everything: PostgreSQL and Valkey, the projector, both APIs. Ctrl-C stops it."""
    from api.up import Options
    from api.up import up as run

    if ephemeral and data:
        raise typer.BadParameter("--ephemeral keeps nothing: it takes no --data")
    run(Options(data, ephemeral, host, port, taskforge_port, workers))


@app.command()
def serve(
    data: DataOption = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = 5000,
    taskforge_port: TaskforgePortOption = 5001,
    workers: WorkersOption = 1,
    lifeline: LifelineOption = None,
    sockets: Annotated[str, typer.Option("--sockets", hidden=True)] = "",
) -> None:
    """Run the APIs alone; `project` has to run beside them."""
    from api.parts import serve as run

    ports = {"--port": port, "--taskforge-port": taskforge_port}
    run(data, host, ports, workers=workers, lifeline=lifeline, sockets=sockets)


@app.command()
def project(
    data: DataOption = None,
    spare: Annotated[
        bool, typer.Option("--spare", help="Have a second process stand by, to take over within 5 seconds.")
    ] = False,
    lifeline: LifelineOption = None,
) -> None:
    """Run the projector alone. Any number may run: one works, the others stand by."""
    from api.parts import project as run

    run(data, with_spare=spare, lifeline=lifeline)


@app.command()
def migrate(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Bring the database up to date and make the first admin. Safe to repeat."""
    from api.parts import migrate as run
    from api.terminal import say

    applied = run(data)
    if as_json:
        from api.cli.output import print_json

        print_json({"applied": applied})
    else:
        say(f"applied {', '.join(applied)}" if applied else "the database is up to date")


@app.command("sample-data")
def sample_data(
    projects: Annotated[int, typer.Option(metavar="N", min=0, max=1000, help="How many projects.")] = 10,
    tasks: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, max=250_000, help="How many tasks in all projects together; none without any."
        ),
    ] = 500,
    users: Annotated[int, typer.Option(metavar="N", min=0, max=1000, help="How many people.")] = 20,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Another number makes another history, the same one the same.")
    ] = 1,
    months: Annotated[
        int, typer.Option(metavar="N", min=1, max=120, help="How long ago the history begins.")
    ] = 18,
    until: Annotated[
        datetime | None,
        typer.Option(
            metavar="DATE", formats=["%Y-%m-%d"], help="The day before which it ends; today by default."
        ),
    ] = None,
    data: DataOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Tell what was made as JSON.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Also in production.")] = False,
) -> None:
    """Fill a ledger with the made-up history of a company: 18 months of projects, hours, money and risks.

    Works whether the ledger is running or not. In a new --data folder the history is recorded at its own
    time; in a ledger with later events everything is recorded now.
    """
    from api.sample_data.command import Options
    from api.sample_data.command import sample_data as run

    day = until.date() if until else None
    if day and day < UNTIL_MIN:
        raise typer.BadParameter(f"--until {day} is too early: a history ends on {UNTIL_MIN} or later")
    raise typer.Exit(run(Options(projects, tasks, users, seed, months, day, data, as_json, yes)))


@app.command(context_settings=PASS_ON)
def test(context: typer.Context) -> None:
    """Run the tests; what follows goes to pytest. `test faults` runs the fault lab, `test fuzz` a fuzzer."""
    from api.house import faults, fuzz
    from api.house import test as run

    if context.args[:1] == ["faults"]:
        faults(context.args[1:])
    if context.args[:1] == ["fuzz"]:
        fuzz(context.args[1:])
    run(context.args)


@app.command(context_settings=PASS_ON)
def bench(context: typer.Context) -> None:
    """Measure how fast it is; what follows goes to the benchmarks: --help, --quick, --list, names."""
    from api.house import bench as run

    run(context.args)


@app.command()
def check() -> None:
    """Run the linters, the type checker and the layer rules."""
    from api.house import check as run

    raise typer.Exit(run())


def _version(asked: bool) -> None:
    if asked:
        from api.version import version

        typer.echo(f"taskledger {version()}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run a command and end the process with its exit code; what went wrong is one line on stderr."""
    from api.exits import ExitCode
    from api.settings import SettingsError
    from api.terminal import complain, complain_of_the_unexpected
    from events.errors import Unavailable

    code = ExitCode.FAILURE
    try:
        app(prog_name="taskledger")
    except CannotRun as error:
        code = error.code
        complain(str(error))
    except SettingsError as error:
        complain(str(error))
    except Unavailable as error:
        complain(f"the database cannot be reached: {error}; is it running, and is DATABASE_URL right?")
    except Exception as error:  # noqa: BLE001 — the last place that can turn it into one line
        complain_of_the_unexpected(error)
    sys.exit(code)
