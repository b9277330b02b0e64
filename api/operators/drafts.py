"""Folders that commands write: there when they are whole, or not at all."""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from api.exits import CannotRun, InConflict

FOLDER_MODE: Final = 0o700
"""What people wrote, and their keys, encrypted as they are, lie in it: for its owner only."""


SUFFIX: Final = ".draft"


class Draft:
    """A folder beside the target that takes its place when it is whole, and is removed otherwise.

    One that a process left because it was killed is removed by the next one for the same target.
    """

    def __init__(self, target: Path) -> None:
        _must_be_free(target)
        _remove_abandoned(target)
        self.path = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=SUFFIX, dir=target.parent))
        self.path.chmod(FOLDER_MODE)
        self._target = target
        # Held until this process ends, however it does: who is alive is known across containers, too.
        self._hold = os.open(self.path, os.O_RDONLY)
        fcntl.flock(self._hold, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def must_be_free(self) -> None:
        """Raises InConflict when something took the target's place meanwhile."""
        _must_be_free(self._target)

    def keep(self) -> None:
        self.must_be_free()
        self.path.rename(self._target)
        descriptor = os.open(self._target.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self) -> None:
        """Leave nothing of it where it was not kept."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._hold)


def _remove_abandoned(target: Path) -> None:
    for path in target.parent.glob(f".{glob.escape(target.name)}.*{SUFFIX}"):
        with suppress(OSError):
            _remove_unless_held(path)


def _remove_unless_held(path: Path) -> None:
    """Raises BlockingIOError, which is an OSError, where a living process writes it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(descriptor)


@contextmanager
def said_plainly(target: Path) -> Iterator[None]:
    """What the disk refuses within the block ends as one line. Raises CannotRun."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        reason = "the disk is full" if full else error.strerror or str(error)
        raise CannotRun(f"{target} cannot be written: {reason}; nothing of it was kept") from None


def _must_be_free(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise InConflict(f"{target} exists already: name a folder that does not")
