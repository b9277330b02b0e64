"""The file beside others that says what they must be, and whether they are."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, TypeVar

import orjson

from api.exits import CannotRun, NotThere, Unverified

MANIFEST: Final = "manifest.json"
CHUNK_BYTES: Final = 1024 * 1024

T = TypeVar("T")


class Vouched(Protocol):
    """A file as a manifest describes it: its name, its size, and its SHA-256 in hexadecimal digits."""

    @property
    def file(self) -> str: ...

    @property
    def bytes(self) -> int: ...

    @property
    def sha256(self) -> str: ...


def write_manifest(folder: Path, content: Mapping[str, Any]) -> None:
    with (folder / MANIFEST).open("xb") as file:
        file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def manifest_in(folder: Path, what: str, read: Callable[[dict[str, Any]], T]) -> T:
    """What `read` makes of the manifest; `what` is what the folder should hold, as `export`.

    Raises NotThere, CannotRun, and Unverified for what `read` cannot take.
    """
    try:
        raw = (folder / MANIFEST).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise NotThere(f"{folder} holds no {what}: there is no {MANIFEST} in it") from None
    except OSError as error:
        raise CannotRun(f"{folder / MANIFEST} cannot be read: {error.strerror}") from None
    try:
        return read(orjson.loads(raw))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unverified(f"{folder / MANIFEST} is no manifest of a {what}: {error}") from None


def verify(folder: Path, part: Vouched, progress: Callable[[int, int], None] = lambda _, __: None) -> None:
    """Whether a file is what the manifest says. Raises Unverified, CannotRun."""
    digest, size = hashlib.sha256(), 0
    if Path(part.file).name != part.file:
        raise Unverified(f"the manifest in {folder} names {part.file}, which lies elsewhere")
    if not (folder / part.file).is_file():
        raise Unverified(f"{folder} is damaged: its manifest names {part.file}, which is not in it")
    with reading(folder / part.file) as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            progress(size, part.bytes)
    if (size, digest.hexdigest()) != (part.bytes, part.sha256):
        raise Unverified(f"{folder / part.file} is not the file that was written: its SHA-256 differs")


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise CannotRun(f"{path} cannot be read: {error.strerror}") from None
