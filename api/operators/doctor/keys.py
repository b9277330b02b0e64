"""What opens a ledger: the master key, and the password of the first admin."""

from __future__ import annotations

from api.bootstrap import DEVELOPMENT_PASSWORD
from api.operators.doctor.examined import Examined
from api.operators.doctor.findings import Finding, failed, fine, skipped
from api.passwords import is_password
from events.keys import Keyring, WrongMasterKey


def master_key(ledger: Examined) -> Finding:
    if ledger.settings is None:
        return skipped("master_key", "the settings cannot be read")
    found = ledger.connection.execute("select user_id, wrapped_key from user_keys limit 1").fetchone()
    if found is None:
        return skipped("master_key", "there is no user yet")
    try:
        Keyring(ledger.settings.master_key).learn([found[0]], {found[0]: found[1]})
    except WrongMasterKey:
        return failed(
            "master_key",
            "it is not the one that this ledger was made with",
            "give the right TASKLEDGER_MASTER_KEY, or the data folder that holds it",
        )
    return fine("master_key", "it opens the keys of users")


def first_password(ledger: Examined) -> Finding:
    found = ledger.connection.execute("select password_hash from credentials where user_id = 1").fetchone()
    if found is None or not is_password(found[0], DEVELOPMENT_PASSWORD):
        return fine("first_password", "the development password opens nothing")
    if ledger.settings is not None and not ledger.settings.is_production:
        return fine("first_password", "the development password works, which only development allows")
    return failed(
        "first_password",
        "the first admin has the development password",
        "run `taskledger users set-password 1 --reason …`",
    )
