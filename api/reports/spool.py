"""A temporary file without a name: it is gone with whoever holds it open, however that ends."""

from __future__ import annotations

import os
import tempfile
from types import TracebackType


class Spool:
    """Written by one process from its start, read by another at any place."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile("w+b", buffering=0)  # noqa: SIM115 - it is ours to close

    def fileno(self) -> int:
        return self._file.fileno()

    def size(self) -> int:
        """Its length in bytes, for now."""
        return os.fstat(self.fileno()).st_size

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset` on; blocks for as long as a disk takes."""
        return os.pread(self.fileno(), length, offset)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
