"""PostgreSQL: whether it can be asked, its version, clock and schema, and what else is said of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import psycopg

from api.operators.doctor.backup import backup
from api.operators.doctor.clocks import clock as skewed
from api.operators.doctor.disk import disk
from api.operators.doctor.examined import TIMEOUT_S, Examined, connected
from api.operators.doctor.findings import Finding, failed, fine, looked_at, one_line, skipped
from api.operators.doctor.guards import append_only, role, triggers
from api.operators.doctor.keys import first_password, master_key
from api.preflight import POSTGRES_MIN
from api.settings import Settings
from events.errors import StoreError
from events.migrate import pending


def database(url: str, settings: Settings | None) -> Iterator[Finding]:
    """All that can be said of a database; where it cannot be reached, that alone."""
    try:
        with connected(url) as connection:
            connection.execute(f"set statement_timeout = '{TIMEOUT_S}s'")
            connection.execute("set lock_timeout = '1s'")
            ledger = Examined(connection, url, settings)
            yield from looked_at({name: partial(check, ledger) for name, check in CHECKS.items()})
    except psycopg.Error as error:
        yield failed("postgresql", one_line(error), "see to it that it runs, and that DATABASE_URL is right")
        yield from (skipped(name, "PostgreSQL cannot be asked") for name in DATABASE_CHECKS)


def version(ledger: Examined) -> Finding:
    number = ledger.connection.info.server_version
    found = f"PostgreSQL {number // 10_000}.{number % 10_000}"
    if number < POSTGRES_MIN:
        return failed("postgresql", found, "take PostgreSQL 15 or later")
    return fine("postgresql", found)


def clock(ledger: Examined) -> Finding:
    before = time.time()
    (theirs,) = ledger.row("select extract(epoch from clock_timestamp())::float8")
    skew_s = theirs - (before + time.time()) / 2
    return skewed("clock_of_postgresql", skew_s)


def migrations(ledger: Examined) -> Finding:
    try:
        missing = pending(ledger.url, connect_timeout_s=TIMEOUT_S)
    except StoreError as error:
        return failed("migrations", one_line(error), "take the release that this database belongs to")
    if missing:
        return failed("migrations", f"not applied: {', '.join(missing)}", "run `taskledger migrate`")
    return fine("migrations", "all applied")


CHECKS: Final[dict[str, Callable[[Examined], Finding]]] = {
    "postgresql": version,
    "clock_of_postgresql": clock,
    "migrations": migrations,
    "role": role,
    "append_only": append_only,
    "triggers": triggers,
    "master_key": master_key,
    "first_password": first_password,
    "disk": disk,
    "backup": backup,
}
DATABASE_CHECKS: Final = tuple(name for name in CHECKS if name != "postgresql")
