"""The folder that holds all of a ledger's data: servers' files, the secrets, the lock."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from api.exits import CannotRun
from api.processes import give_away
from api.settings import KEY_BYTES, secret_key

SOCKET_PATH_MAX: Final = 100
"""The kernel's limit for a socket's path is 104 to 108 bytes, the name included."""

LOCK_ATTEMPTS_MAX: Final = 5

_LONGEST_SOCKET: Final = "/.s.PGSQL.5432.lock"


@dataclass(frozen=True)
class DataFolder:
    """`path` is absolute. Nothing is written before `create`."""

    path: Path

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def valkey(self) -> Path:
        return self.path / "valkey"

    @property
    def sockets(self) -> Path:
        """In the folder, or where its path is too long for a socket, in a private temporary one."""
        near = self.path / "run"
        if len(os.fsencode(near)) + len(_LONGEST_SOCKET) <= SOCKET_PATH_MAX:
            return near
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        return Path("/tmp") / f"taskledger-{os.geteuid()}-{digest}"  # noqa: S108 — checked by create()

    def create(self) -> None:
        """Make the folders that are missing. Raises CannotRun where that is not allowed."""
        try:
            for folder in (self.path, self.sockets, self.path / "secrets"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                _must_be_ours(folder)
        except OSError as error:
            raise self._unusable(error) from None
        give_away(self.sockets)

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Be the only one that runs servers on it. Raises CannotRun when somebody else does."""
        self.create()
        with (self.path / "lock").open("a+") as lock:
            if not _locked(lock):
                raise CannotRun(
                    f"{self.path} is in use by another taskledger (process {_holder(self.path)});"
                    " stop that one, or name another folder with --data"
                )
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            try:
                yield
            finally:
                self._leave_nothing_outside()

    def _leave_nothing_outside(self) -> None:
        if self.sockets.parent != self.path:
            # Not empty only when a server could not be stopped.
            with contextlib.suppress(OSError):
                self.sockets.rmdir()

    def held(self) -> bool:
        """Whether some process runs servers on it now. Raises CannotRun where that cannot be seen."""
        try:
            with (self.path / "lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._unusable(error) from None
        return False

    def _unusable(self, error: OSError) -> CannotRun:
        is_none = isinstance(error, FileExistsError | NotADirectoryError)
        reason = "it is not a folder" if is_none else error.strerror
        return CannotRun(f"cannot use the data folder {self.path}: {reason}; name another one with --data")

    def master_key(self) -> bytes:
        """The key that protects personal data, made for a new ledger. Raises CannotRun."""
        file = self._secret("master.key")
        if not file.exists() and self.postgres.exists():
            raise CannotRun(f"the master key {file} is missing: names cannot be read; restore the file")
        return _kept_secret(file, "master key")

    def has_master_key(self) -> bool:
        return self._secret("master.key").exists()

    def jwt_secret(self) -> bytes:
        """What signs the tokens of TaskForge, made when it is missing: people sign in again then.

        Raises CannotRun.
        """
        return _kept_secret(self._secret("jwt.key"), "JWT secret")

    def secret_files(self) -> tuple[Path, ...]:
        """Where the secrets are, or would be."""
        return self._secret("master.key"), self._secret("jwt.key")

    def _secret(self, name: str) -> Path:
        return self.path / "secrets" / name


@contextlib.contextmanager
def temporary_folder() -> Iterator[DataFolder]:
    """A data folder that is gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="taskledger-"))
    try:
        yield DataFolder(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _locked(lock: TextIO) -> bool:
    """Tried for a moment: whoever asks `held` has the lock for an instant."""
    for _ in range(LOCK_ATTEMPTS_MAX):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.1)
        else:
            return True
    return False


def _kept_secret(file: Path, what: str) -> bytes:
    """The secret in the file, which is made when there is none. Raises CannotRun."""
    try:
        if not file.exists():
            _write_secret(file, secrets.token_bytes(KEY_BYTES).hex())
        return secret_key(file.read_text().strip())
    except (OSError, ValueError) as error:
        raise CannotRun(
            f"the {what} in {file} cannot be read ({error}); put the file back from your backup"
        ) from None


def _write_secret(file: Path, text: str) -> None:
    """Written beside and linked into place, so that it is whole, and the first of two writers wins."""
    descriptor, draft = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(descriptor, "w") as output:
        output.write(text + "\n")
        output.flush()
        os.fsync(output.fileno())
    with contextlib.suppress(FileExistsError):
        file.hardlink_to(draft)
    Path(draft).unlink()


def _must_be_ours(folder: Path) -> None:
    """Somebody else's folder under our name could read every word that goes through its sockets."""
    found = folder.lstat()
    if folder.parent == Path("/tmp") and (folder.is_symlink() or found.st_uid not in _our_ids()):  # noqa: S108
        raise CannotRun(f"{folder} belongs to another user; name a folder with a shorter path with --data")


def _our_ids() -> tuple[int, ...]:
    return (os.geteuid(), 65534) if os.geteuid() == 0 else (os.geteuid(),)


def _holder(path: Path) -> str:
    with contextlib.suppress(OSError):
        return (path / "lock").read_text().strip() or "unknown"
    return "unknown"
