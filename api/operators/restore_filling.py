"""Filling a database from a dump: all of it in one transaction, which psql commits last."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, NamedTuple

from api.exits import CannotRun, Unverified
from api.operators.backups import Backup
from api.operators.manifests import CHUNK_BYTES, reading
from api.operators.postgres_tools import Tools, last_words, tools_for
from api.operators.replaced import Replaced

FOLDER: Final = Path(__file__).parent / "sql"
BEGIN, DROP, FINISH = ((FOLDER / f"restore_{name}.sql").read_bytes() for name in ("begin", "drop", "finish"))
PSQL: Final = ("psql", "-X", "-q", "-w", "-v", "ON_ERROR_STOP=1")

# An older server does not know what the dump of a newer one sets first of all.
UNKNOWN_BEFORE: Final = 170_000
UNKNOWN: Final = b"SET transaction_timeout = 0;\n"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`source` holds the backup. `erased` are ids of people who asked for it after the backup was made.

    `is_latest`: nothing was written after the backup; otherwise so many ids of each kind are skipped.
    `keeps_people`: in the ledger that is replaced keys were lost, so that a missing one means nothing.
    """

    source: Path
    is_replacing: bool = False
    is_latest: bool = False
    skip_ids: int = 10_000
    erased: tuple[int, ...] = ()
    keeps_people: bool = False
    reason: str


def fill(
    database_url: str, found: Replaced, backup: Backup, order: Order, progress: Progress = lambda _, __: None
) -> None:
    """Have psql run the dump as SQL, between what comes before and after it in the same transaction.

    psql commits only when it reads the last line, which it gets when all else went well.
    Raises CannotRun, Unverified.
    """
    tools = tools_for(found.server, database_url)
    with (
        reading(order.source / backup.dump.file) as archive,
        tempfile.TemporaryFile() as said,
        _pipeline(tools, archive, said, backup.schema) as line,
    ):
        try:
            line.sink.write(variables(found, backup, order) + BEGIN + (DROP if order.is_replacing else b""))
            _pass_on(
                line.source, line.sink, found.server, lambda: progress(_place(archive), backup.dump.bytes)
            )
            if line.unpack.wait():
                raise Unverified(f"the backup cannot be read: {last_words(said)}; nothing was changed")
            line.sink.write(FINISH)
            line.sink.close()
            code = line.run.wait()
        except BrokenPipeError:
            code = line.run.wait()
        if code:
            raise CannotRun(f"the restore failed: {last_words(said)}; nothing was changed")


def variables(found: Replaced, backup: Backup, order: Order) -> bytes:
    """What the scripts around the dump want to know, as psql takes it; by its input, as it may be long."""
    told = {
        "rows": json.dumps(dict(backup.rows)),
        "named": json.dumps(order.erased),
        "erased": json.dumps(() if order.keeps_people else found.erased),
        "first_event": found.first_event_id or "",
        "skip_ids": str(0 if order.is_latest else order.skip_ids),
        "is_latest": str(order.is_latest).lower(),
        "schema": backup.schema,
    }
    return b"".join(f"\\set {name} {_quoted(value)}\n".encode() for name, value in told.items())


def _quoted(value: str) -> str:
    """As psql's own commands read it. Raises Unverified for what no manifest of ours says."""
    if not value.isprintable():
        raise Unverified("the manifest names tables or a schema that cannot be")
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Pipeline(NamedTuple):
    """One program makes SQL of a dump, the other runs what it is given; what is between them is ours."""

    unpack: subprocess.Popen[bytes]
    source: IO[bytes]
    run: subprocess.Popen[bytes]
    sink: IO[bytes]


@contextlib.contextmanager
def _pipeline(tools: Tools, archive: IO[bytes], said: IO[bytes], schema: str) -> Iterator[Pipeline]:
    """Of the dump only what is in the ledger's schema, which is there already, and no extension."""
    unpack = tools.start(
        *("pg_restore", "--no-owner", "--no-privileges", f"--schema={schema}", "--file=-"),
        said=said,
        stdin=archive,
        stdout=subprocess.PIPE,
    )
    run = tools.start(*PSQL, said=said, stdin=subprocess.PIPE)
    assert unpack.stdout, "it is a pipe"
    assert run.stdin, "it is a pipe"
    try:
        yield Pipeline(unpack, unpack.stdout, run, run.stdin)
    finally:
        # Before its input ends, so that nothing half is ever committed.
        for process in (run, unpack):
            process.kill()
            process.wait()
        with contextlib.suppress(BrokenPipeError):
            run.stdin.close()
        unpack.stdout.close()


def _pass_on(source: IO[bytes], sink: IO[bytes], server: int, tell: Callable[[], None]) -> None:
    chunk = source.read(CHUNK_BYTES)
    if server < UNKNOWN_BEFORE:
        chunk = chunk.replace(UNKNOWN, b"", 1)
    while chunk:
        sink.write(chunk)
        tell()
        chunk = source.read(CHUNK_BYTES)


def _place(archive: IO[bytes]) -> int:
    """How far the other process has read: both share the place in the file."""
    return os.lseek(archive.fileno(), 0, os.SEEK_CUR)
