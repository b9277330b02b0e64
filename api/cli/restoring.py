"""What has to be right before a restore begins, so that a mistake changes nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from api import preflight
from api.cli.asking import must_be_sure
from api.cli.output import progress, tell
from api.data_folder import DataFolder
from api.exits import CannotRun, InConflict
from api.opening import folder_at, opened
from api.operators.backups import Backup, read_backup
from api.operators.manifests import verify
from api.operators.replaced import listed, must_be_told, replaced
from api.operators.restore import Restored, must_open, restore
from api.operators.restore_filling import Order
from api.settings import Settings, secret_key, variable
from commands.context import SYSTEM
from commands.operations import permitted


def restored(data: Path | None, environ: Mapping[str, str], order: Order, *, yes: bool) -> Restored:
    """Raises CannotRun, with the exit code that fits, or Refusal; nothing is changed then."""
    permitted(order.reason, SYSTEM)
    backup = read_backup(order.source)
    folder = folder_at(data)
    _must_rest(folder, environ)
    _must_have_the_key(folder, environ, backup)
    preflight.named_servers(environ)
    with progress("verifying, bytes") as advance:
        verify(order.source, backup.dump, advance)
    with _opened(folder, environ, is_replacing=order.is_replacing) as settings:
        _must_be_wanted(settings, backup, order, _where(folder, environ), yes=yes)
        with progress("restoring, bytes") as advance:
            return restore(settings, backup, order, advance)


@contextlib.contextmanager
def _opened(folder: DataFolder, environ: Mapping[str, str], *, is_replacing: bool) -> Iterator[Settings]:
    """As `opened`; what is to be replaced may be too broken to be started, which is why it is replaced."""
    with contextlib.ExitStack() as stack:
        try:
            settings = stack.enter_context(
                opened(folder, environ, preflight.environment("127.0.0.1", environ))
            )
        except CannotRun as error:
            if not is_replacing or environ.get("DATABASE_URL"):
                raise
            raise CannotRun(
                f"{error}; where that cannot be mended, restore without --replace into a new folder"
                f" (--data NEW), with {folder.secret_files()[0]} copied to NEW/secrets/master.key before"
            ) from None
        yield settings


def _must_be_wanted(settings: Settings, backup: Backup, order: Order, where: str, *, yes: bool) -> None:
    """Say what will be restored to where, and who will be erased; what is replaced has to be agreed to."""
    if not order.is_replacing:
        tell(f"The ledger is restored to a place {where}.")
        return
    found = replaced(settings.database_url, backup, is_replacing=True)
    if not order.keeps_people:
        must_be_told(found, order.erased)
        if found.erased:
            tell(f"Erased there, and erased again after the restore: {listed(found.erased)}.")
    must_be_sure(f"Throw away the ledger that is {where}?", yes=yes)


def _where(folder: DataFolder, environ: Mapping[str, str]) -> str:
    return "in the database that DATABASE_URL names" if environ.get("DATABASE_URL") else f"in {folder.path}"


def _must_rest(folder: DataFolder, environ: Mapping[str, str]) -> None:
    if not environ.get("DATABASE_URL") and folder.held():
        raise InConflict(f"the ledger in {folder.path} is running: stop it, then restore")


def _must_have_the_key(folder: DataFolder, environ: Mapping[str, str], backup: Backup) -> None:
    """Before anything is started, which would make a new key in an empty folder."""
    given = environ.get(variable("master_key"))
    if not given and not folder.has_master_key():
        raise CannotRun(
            f"there is no master key in {folder.path}: put the one of the ledger that was backed up into"
            " secrets/master.key there, or into TASKLEDGER_MASTER_KEY, and restore again"
        )
    try:
        must_open(backup, secret_key(given) if given else folder.master_key())
    except ValueError as error:
        raise CannotRun(f"{variable('master_key')} must be {error}") from None
