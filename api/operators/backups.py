"""What a backup is: PostgreSQL's own dump of one moment, and a manifest that says what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from api.exits import CannotRun, Unverified
from api.operators.manifests import manifest_in
from api.version import version
from events.keys import derived
from events.migrate import checksum, files

FORMAT: Final = 1
DUMP: Final = "ledger.dump"
CHECK_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Dump:
    """The file with the tables, in PostgreSQL's custom format."""

    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """`last_position` and `last_event_id` are those of the log's last event, 0 and None of an empty log.

    `rows` counts the rows of each table, `migrations` has the checksum of each, `postgresql` is the server's
    version, as 180006. `master_key_check` tells whether a master key is the one that the ledger needs, and
    nothing else about the key.
    """

    format: int
    taskledger: str
    made_at: str
    postgresql: int
    schema: str
    migrations: Mapping[str, str]
    log_id: str
    last_position: int
    last_event_id: str | None
    rows: Mapping[str, int]
    master_key_check: str
    dump: Dump

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def key_check(master_key: bytes) -> str:
    return derived(master_key, b"taskledger backup check")[:CHECK_BYTES].hex()


def read_backup(folder: Path) -> Backup:
    """What a backup says of itself. Raises NotThere, Unverified, CannotRun when it is another release's."""
    backup = manifest_in(folder, "backup", lambda found: Backup(**found | {"dump": Dump(**found["dump"])}))
    if backup.format != FORMAT:
        raise CannotRun(f"the backup has format {backup.format}, and this version reads format {FORMAT}")
    _must_be_known(backup)
    return backup


def _must_be_known(backup: Backup) -> None:
    """A schema that this release does not know would be read wrongly by it."""
    ours = {path.name: checksum(path) for path in files()}
    try:
        foreign = sorted(name for name, seen in backup.migrations.items() if ours.get(name) != seen)
    except AttributeError as error:
        raise Unverified(f"the manifest lists no migrations: {error}") from None
    if foreign:
        raise CannotRun(
            f"the backup was made by TaskLedger {backup.taskledger} with {', '.join(foreign[:3])}, which this"
            f" version ({version()}) does not have: restore it with that release, or a later one"
        )
