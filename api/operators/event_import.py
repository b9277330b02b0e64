"""Importing an exported log into a ledger that never ran: the same log, or nothing."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
import psycopg

from api.exits import CannotRun, InConflict, Unverified, WrongUsage
from api.operators.event_files import Manifest, lines_in, read_manifest, stored_of
from api.operators.manifests import verify
from events.connections import reason
from events.keys import Keyring, WrongMasterKey
from events.log import Stored
from events.postgres import SEQUENCES

FOLDER: Final = Path(__file__).parent / "sql"
CHECK_EMPTY, CHECK_VERSIONS, COPY_EVENTS, COPY_KEYS, SET_LOG_ID = (
    (FOLDER / f"import_{name}.sql").read_bytes()
    for name in ("check_empty", "check_versions", "copy_events", "copy_keys", "set_log_id")
)
CONNECT_TIMEOUT_S: Final = 10
LOCK_TIMEOUT_S: Final = 60
PROGRESS_EVENTS: Final = 1_000

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Imported:
    """What was imported, and the identity that the log has here."""

    manifest: Manifest
    log_id: str
    last_ids: dict[str, int]


def import_log(
    database_url: str,
    master_key: bytes,
    folder: Path,
    *,
    is_another_log: bool = False,
    progress: Progress = lambda _, __: None,
) -> Imported:
    """Fill the empty log of a migrated database with the export in `folder`.

    Ids, versions, positions, moments and metadata stay as they are. The log stays the same one unless
    `is_another_log`. Everything is verified, in one transaction: on failure nothing has changed. Raises
    NotThere, WrongUsage for a part of a log, Unverified, InConflict when the ledger has run already,
    CannotRun when the master key is another one.
    """
    manifest = read_manifest(folder)
    if manifest.first_position != 1:
        raise WrongUsage(
            f"the export begins at position {manifest.first_position}: only one that begins at 1 is a log"
        )
    for part in (manifest.events, manifest.user_keys):
        if part is not None:
            verify(folder, part)
    _must_open(folder, manifest, master_key)
    try:
        with psycopg.connect(database_url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
            return _imported(connection, folder, manifest, is_another_log, progress)
    except psycopg.Error as error:
        raise CannotRun(f"the database refused the import: {reason(error)}; nothing was changed") from None


def _imported(
    connection: psycopg.Connection, folder: Path, manifest: Manifest, is_another_log: bool, progress: Progress
) -> Imported:
    connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT_S}s'".encode())
    empty = connection.execute(CHECK_EMPTY).fetchone()
    if empty is None or not empty[0]:
        raise InConflict(
            "this ledger has events already: an import needs one that was migrated and never ran"
        )
    last_ids: dict[str, int] = {}
    with connection.cursor().copy(COPY_EVENTS) as copy:
        for stored in _events(folder, manifest, progress):
            copy.write_row(stored)
            _note_id(last_ids, stored.stream)
    _copy_keys(connection, folder, manifest)
    gaps = connection.execute(CHECK_VERSIONS).fetchone()
    if gaps is not None:
        raise Unverified(f"the versions of {gaps[0]} in the export are not 1, 2, 3 and so on")
    for category, last in last_ids.items():
        connection.execute("select setval(%s, %s)", (f"{category}_ids", last))
    log_id = str(uuid.uuid4()) if is_another_log else manifest.log_id
    connection.execute(SET_LOG_ID, {"log_id": log_id})
    return Imported(manifest, log_id, last_ids)


def _events(folder: Path, manifest: Manifest, progress: Progress) -> Iterator[Stored]:
    """The events, whose positions leave no gap and whose moments never go back."""
    position, at, event_id = 0, "", ""
    for line in lines_in(folder, manifest.events):
        stored = stored_of(line)
        if stored.position != position + 1 or not at <= stored.recorded_at:
            raise Unverified(
                f"after position {position} the export goes on with {stored.position}, out of order"
            )
        yield stored
        position, at, event_id = stored.position, stored.recorded_at, stored.event_id
        if position % PROGRESS_EVENTS == 0 or position == manifest.last_position:
            progress(position, manifest.last_position)
    if (position, event_id) != (manifest.last_position, manifest.last_event_id):
        raise Unverified(f"the export ends at position {position}, not as its manifest says")


def _keys(folder: Path, manifest: Manifest) -> Iterator[tuple[int, bytes, str]]:
    for line in lines_in(folder, manifest.user_keys) if manifest.user_keys else ():
        try:
            found = orjson.loads(line)
            yield int(found["user_id"]), base64.b64decode(found["wrapped_key"]), str(found["created_at"])
        except (ValueError, KeyError, TypeError) as error:
            raise Unverified(f"a line of the export is no key: {error}") from None


def _must_open(folder: Path, manifest: Manifest, master_key: bytes) -> None:
    keyring = Keyring(master_key)
    try:
        for user_id, wrapped, _ in _keys(folder, manifest):
            keyring.learn([user_id], {user_id: wrapped})
            keyring.trim()
    except WrongMasterKey:
        raise CannotRun(
            "the master key of this ledger is not the one that the log was written with: put that one into"
            " secrets/master.key of the data folder, or into TASKLEDGER_MASTER_KEY, and import again"
        ) from None


def _copy_keys(connection: psycopg.Connection, folder: Path, manifest: Manifest) -> None:
    with connection.cursor().copy(COPY_KEYS) as copy:
        for key in _keys(folder, manifest):
            copy.write_row(key)


def _note_id(last_ids: dict[str, int], stream: str) -> None:
    """Ids of things are the numbers of their streams: none of them may be given out again."""
    category, _, number = stream.rpartition("-")
    if category in SEQUENCES and number.isascii() and number.isdecimal():
        last_ids[category] = max(last_ids.get(category, 0), int(number))
