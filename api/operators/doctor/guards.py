"""What keeps the log as it is: the role that the program works as, its rights, and the trigger."""

from __future__ import annotations

from typing import Final

import psycopg

from api.operators.doctor.examined import APPLICATION_ROLE, Examined
from api.operators.doctor.findings import Finding, failed, fine, warning

CHANGES: Final = {
    "change": b"update stored_events set topic = topic where false",
    "remove": b"delete from stored_events where false",
}
# The role where there is one, as every connection of the program takes it.
SET_ROLE: Final = (
    b"select set_config('role', rolname, true) from pg_roles where rolname = %(role)s"
    b" and pg_has_role(session_user, oid, 'MEMBER')"
)
TRIGGERS: Final = (
    b"select tgenabled::text from pg_trigger"
    b" where tgrelid = 'stored_events'::regclass and tgname = 'stored_events_are_forever'"
)
LACKING: Final = (
    b"select c.relname from pg_class c where c.relnamespace = current_schema()::regnamespace"
    b" and c.relkind in ('r', 'v', 'p') and not has_table_privilege(%(role)s, c.oid, 'SELECT') order by 1"
)


def role(ledger: Examined) -> Finding:
    (name, exists, may_become) = ledger.row(
        "select session_user::text, to_regrole(%(role)s) is not null,"
        " coalesce(pg_has_role(session_user, to_regrole(%(role)s)::oid, 'MEMBER'), false)"
    )
    if not exists or not may_become:
        return warning(
            "role",
            f"the program works as {name}, who owns the tables",
            f"let the owner create the role {APPLICATION_ROLE}, and run `taskledger migrate`",
        )
    lacking = [row[0] for row in ledger.connection.execute(LACKING, {"role": APPLICATION_ROLE})]
    if lacking:
        detail = f"{APPLICATION_ROLE} may not read {', '.join(lacking)}"
        return failed("role", detail, "run `taskledger migrate`, which grants it")
    return fine("role", f"{name}, working as {APPLICATION_ROLE}")


def append_only(ledger: Examined) -> Finding:
    """Tried for real, as the program's role: in a transaction that is taken back, on no row."""
    possible = [verb for verb, statement in CHANGES.items() if _is_possible(ledger, statement)]
    if possible:
        return failed(
            "append_only",
            f"the program may {' and '.join(possible)} events",
            "run `taskledger migrate`; if that does not help, restore the trigger"
            " stored_events_are_forever of events/migrations/0001_log.sql",
        )
    return fine("append_only", "nobody can change or remove events")


def triggers(ledger: Examined) -> Finding:
    found = ledger.connection.execute(TRIGGERS).fetchone()
    if found is None or found[0] != "A":
        detail = "the trigger that keeps events as they are is " + ("missing" if found is None else "off")
        return failed(
            "triggers",
            detail,
            "alter table stored_events enable always trigger stored_events_are_forever;"
            " where it is missing, restore it from events/migrations/0001_log.sql",
        )
    return fine("triggers", "in place, and always on")


def _is_possible(ledger: Examined, statement: bytes) -> bool:
    try:
        with ledger.connection.transaction(force_rollback=True):
            ledger.connection.execute(SET_ROLE, {"role": APPLICATION_ROLE})
            ledger.connection.execute(statement)
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.RestrictViolation):
        return False
    return True
