"""The form of an exported log: a line of JSON for each event, and a manifest that says what it must be."""

from __future__ import annotations

import base64
import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any, BinaryIO, Final

import orjson
import zstandard

from api.exits import CannotRun, Unverified
from api.operators.manifests import manifest_in, reading
from events.log import Stored

FORMAT: Final = 1
EVENTS: Final = "events.ndjson"
KEYS: Final = "user_keys.ndjson"
COMPRESSED: Final = ".zst"
LINE_BYTES_MAX: Final = 16 * 1024 * 1024

_BESIDE_STATE: Final = tuple(name for name in Stored._fields if name != "state")


@dataclass(frozen=True, slots=True)
class Part:
    """A file of an export: how many lines it has, and the SHA-256 of its bytes as they lie on disk."""

    file: str
    lines: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an export holds: the events from one position to another, and the keys of people, encrypted.

    Without `user_keys` everybody in it is erased. `taskledger` is the version that made it.
    """

    format: int
    taskledger: str
    made_at: str
    log_id: str
    first_position: int
    last_position: int
    first_at: str
    last_at: str
    last_event_id: str
    events: Part
    user_keys: Part | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Sink:
    """A file that is being written, its bytes counted and hashed on the way."""

    def __init__(self, path: Path, *, is_compressed: bool = False) -> None:
        self._path = path
        self._file: BinaryIO = path.open("xb")
        self._hash = hashlib.sha256()
        self._lines = 0
        self._bytes = 0
        self._packing = zstandard.ZstdCompressor().compressobj() if is_compressed else None

    def write(self, lines: list[bytes]) -> None:
        self._lines += len(lines)
        whole = b"".join(lines)
        self._put(self._packing.compress(whole) if self._packing else whole)

    def finish(self) -> Part:
        """Bring it to disk and say what it is."""
        if self._packing:
            self._put(self._packing.flush())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return Part(self._path.name, self._lines, self._bytes, self._hash.hexdigest())

    def close(self) -> None:
        self._file.close()

    def _put(self, raw: bytes) -> None:
        self._file.write(raw)
        self._hash.update(raw)
        self._bytes += len(raw)


def line_of(stored: Stored) -> bytes:
    """An event as a line; its state as it is where JSON can give back every byte, else in base64."""
    beside = orjson.dumps({name: getattr(stored, name) for name in _BESIDE_STATE})
    if _is_plain(stored.state):
        state = b',"state":' + stored.state
    else:
        state = b',"state_base64":"' + base64.b64encode(stored.state) + b'"'
    return beside[:-1] + state + b"}\n"


def stored_of(line: bytes) -> Stored:
    """The event in a line. Raises Unverified."""
    try:
        found = orjson.loads(line)
        encoded = found.get("state_base64")
        state = orjson.dumps(found["state"]) if encoded is None else base64.b64decode(encoded, validate=True)
        return Stored(state=state, **{name: found[name] for name in _BESIDE_STATE})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unverified(f"a line of the export is no event: {type(error).__name__}: {error}") from None


def read_manifest(folder: Path) -> Manifest:
    """What an export says of itself. Raises NotThere, Unverified, CannotRun."""
    manifest = manifest_in(folder, "export", _manifest)
    _must_be_understood(manifest)
    return manifest


def _manifest(found: dict[str, Any]) -> Manifest:
    keys = found.pop("user_keys")
    events = Part(**found.pop("events"))
    return Manifest(events=events, user_keys=Part(**keys) if keys else None, **found)


def lines_in(folder: Path, part: Part) -> Iterator[bytes]:
    """The lines of a file, one in memory at a time. Raises Unverified, CannotRun."""
    count = 0
    with reading(folder / part.file) as file, _unpacked(file, part.file) as plain:
        while line := plain.readline(LINE_BYTES_MAX):
            count += 1
            yield line
    if count != part.lines:
        raise Unverified(f"{folder / part.file} has {count:,} lines; the manifest says {part.lines:,}")


@contextmanager
def _unpacked(file: BinaryIO, name: str) -> Iterator[IO[bytes]]:
    if not name.endswith(COMPRESSED):
        yield file
        return
    try:
        with io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(file)) as plain:
            yield plain
    except zstandard.ZstdError as error:
        raise Unverified(f"{name} cannot be unpacked: {error}") from None


def _must_be_understood(manifest: Manifest) -> None:
    if manifest.format != FORMAT:
        raise CannotRun(f"the export has format {manifest.format}, and this version reads format {FORMAT}")
    names = [part.file for part in (manifest.events, manifest.user_keys) if part]
    wrong = [each.name for each in fields(manifest) if getattr(manifest, each.name) is None]
    if any(Path(name).name != name for name in names) or set(wrong) - {"user_keys"}:
        raise Unverified("the manifest names files outside of the export, or leaves something out")


def _is_plain(state: bytes) -> bool:
    try:
        return orjson.dumps(orjson.loads(state)) == state
    except orjson.JSONDecodeError:
        return False
