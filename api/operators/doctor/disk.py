"""How much room there is for the log."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import psycopg

from api.operators.doctor.examined import Examined
from api.operators.doctor.findings import Finding, failed, fine, warning

WARNING_BYTES: Final = 2 * 1024**3
MIN_BYTES: Final = 200 * 1024**2
MIB: Final = 1024**2


def disk(ledger: Examined) -> Finding:
    """Where the database lies on this machine; elsewhere only its size can be told."""
    (size,) = ledger.row("select pg_database_size(current_database())")
    told = f"the database has {size // MIB} MiB"
    folder = _folder(ledger)
    if folder is None:
        return fine("disk", f"{told}; its disk is not this machine's")
    free = shutil.disk_usage(folder).free
    told = f"{told}, {free // MIB} MiB are free beside it"
    if free < MIN_BYTES:
        return failed("disk", told, "make room at once: PostgreSQL stops when the disk is full")
    if free < WARNING_BYTES:
        return warning("disk", told, "make room before it is full")
    return fine("disk", told)


def _folder(ledger: Examined) -> Path | None:
    try:
        (named,) = ledger.row("select current_setting('data_directory')")
    except psycopg.errors.InsufficientPrivilege:
        return None
    folder = Path(named)
    return folder if folder.is_dir() else None
