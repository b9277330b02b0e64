"""`taskledger users …`: accounts of people who cannot help themselves any more."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from api.cli.options import DataOption, Form, FormOption, JsonOption, ReasonOption
from api.exits import WrongUsage

PASSWORD_CHARS_MAX: Final = 1_024

app = typer.Typer(
    name="users",
    help="Accounts of people who cannot help themselves any more.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

StdinOption = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from stdin, its first line."),
]


@app.command("create-admin")
def create_admin(
    username: Annotated[str, typer.Option("--username", metavar="NAME", help="The name to sign in with.")],
    email: Annotated[str, typer.Option("--email", metavar="EMAIL", help="Where the admin gets mail.")],
    reason: ReasonOption,
    password_stdin: StdinOption = False,
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Make an account with the role admin, as when the last admin is lost.

    Example: taskledger users create-admin --username ops --email ops@example.com --reason "the admin left"
    """
    from api.cli.output import form_of, print_fields
    from api.cli.running import run
    from api.operators.users import make_admin

    password = _password(from_stdin=password_stdin)

    print_fields(
        run(data, lambda tools: make_admin(tools, username, email, password, reason), needs_redis=False),
        form_of(output, as_json),
    )


@app.command("set-password")
def set_password(
    who: Annotated[str, typer.Argument(metavar="USERNAME|ID", help="Whose password it is.")],
    reason: ReasonOption,
    password_stdin: StdinOption = False,
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Give a user another password; every session and refresh token of theirs ends.

    Example: taskledger users set-password admin --reason "lost, asked for by phone"
    """
    from api.cli.output import form_of, print_fields
    from api.cli.running import run
    from api.operators.users import set_password as change

    password = _password(from_stdin=password_stdin)

    print_fields(
        run(data, lambda tools: change(tools, who, password, reason), needs_redis=False),
        form_of(output, as_json),
    )


@app.command("list-admins")
def list_admins(
    output: FormOption = Form.TABLE, as_json: JsonOption = False, data: DataOption = None
) -> None:
    """The active admins.

    Example: taskledger users list-admins --json
    """
    from api.cli.output import form_of, print_rows
    from api.cli.running import run
    from api.operators.users import admins

    rows = run(data, admins, needs_redis=False)
    print_rows(rows, ("id", "username", "email"), form_of(output, as_json), named="admins")


def _password(*, from_stdin: bool) -> str:
    """Never from the command line, which everybody on the machine can read. Raises WrongUsage."""
    if from_stdin:
        return sys.stdin.readline(PASSWORD_CHARS_MAX).rstrip("\r\n")
    if not sys.stdin.isatty():
        raise WrongUsage("nobody can be asked for the password: give it on stdin, with --password-stdin")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
