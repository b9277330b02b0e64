"""The whole read model of a moment as files: the same moment, the same bytes."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from api.exits import CannotRun
from api.operators.asked import Asked
from api.operators.instruments import Instruments
from events.instants import Instant
from projections.bulk_memory import fold_into_memory
from readmodels.documents import Document, Ref
from readmodels.kinds import KINDS
from readmodels.memory import MemoryModel

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
FOLDER_MODE: Final = 0o755


class Replayed(NamedTuple):
    """A read model, which log it was folded from, and the moment that it speaks of."""

    model: MemoryModel
    log_id: str
    position: int
    moment: Instant | None


async def replayed(tools: Instruments, end: Asked) -> Replayed:
    """The read model of a moment; without one asked for, that of the last event.

    Raises `projections.bulk_memory.TooLarge`, Unavailable.
    """
    model = await fold_into_memory(tools.store, end.position)
    moment = end.moment or model.recorded_at or None
    return Replayed(model, await tools.store.log_id(), end.position, moment)


def is_replay(folder: Path) -> bool:
    """Whether a replay lies in a folder. Raises CannotRun where something else does, or no folder can be."""
    try:
        if not folder.exists() or not any(folder.iterdir()):
            return False
    except OSError as error:
        raise CannotRun(f"{folder} cannot be used: {error.strerror}") from None
    names = {each.name for each in folder.iterdir()}
    if MANIFEST not in names or not names <= {MANIFEST, *map(file_name, KINDS)}:
        raise CannotRun(f"{folder} holds something else than a replay: name a new or an empty folder")
    return True


def write_replay(replayed: Replayed, folder: Path) -> dict[str, Any]:
    """Write the files, in place of a replay that is there; what stands in the manifest.

    All are written beside `folder` first, so nothing half is left there. Raises CannotRun.
    """
    folder = folder.absolute()
    draft = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        manifest = _write(replayed, draft)
        draft.chmod(FOLDER_MODE)
        _put(draft, folder)
    except OSError as error:
        raise CannotRun(f"{folder} cannot be written: {error.strerror}") from None
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
    return manifest


def _write(replayed: Replayed, folder: Path) -> dict[str, Any]:
    documents = by_kind(replayed.model.documents.items())
    manifest = {
        "format": FORMAT,
        "log_id": replayed.log_id,
        "position": replayed.position,
        "moment": replayed.moment,
        # Those that stopped at an event which could not be folded: they lag behind the rest.
        "stopped": sorted(f"{ref.kind}:{ref.id}" for ref in replayed.model.stopped),
        "files": [_write_kind(folder, kind, documents.get(kind, [])) for kind in sorted(KINDS)],
    }
    (folder / MANIFEST).write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2) + b"\n")
    return manifest


def by_kind(documents: Iterable[tuple[Ref, Document]]) -> dict[str, list[tuple[Ref, Document]]]:
    found = defaultdict(list)
    for ref, document in documents:
        found[ref.kind].append((ref, document))
    return found


def _write_kind(folder: Path, kind: str, documents: list[tuple[Ref, Document]]) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with (folder / file_name(kind)).open("wb") as file:
        for _, document in sorted(documents, key=lambda each: in_order(each[0].id)):
            # By name, so that equal documents are equal bytes, however they came about.
            line = orjson.dumps(document, option=orjson.OPT_SORT_KEYS) + b"\n"
            digest.update(line)
            size += file.write(line)
        file.flush()
        os.fsync(file.fileno())
    return {
        "name": file_name(kind),
        "documents": len(documents),
        "bytes": size,
        "sha256": digest.hexdigest(),
    }


def file_name(kind: str) -> str:
    return f"{kind}.ndjson"


def in_order(key: str) -> list[tuple[int, str]]:
    """Numbers by what they are worth, also in ids of several parts: `7:9` before `7:12`."""
    return [(len(part), part) for part in key.replace("-", ":").split(":")]


def _put(draft: Path, folder: Path) -> None:
    """Rename takes the place of an empty folder, of no other."""
    old = Path(f"{draft}.old")
    if folder.exists():
        folder.rename(old)
    try:
        draft.rename(folder)
    except OSError:
        with suppress(OSError):
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
