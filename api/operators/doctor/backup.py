"""How long ago the ledger was backed up, as far as its log remembers."""

from __future__ import annotations

from typing import Final

from api.operators.doctor.examined import Examined
from api.operators.doctor.findings import Finding, fine, warning

AGE_MAX_DAYS: Final = 8
LATEST: Final = """
select max(recorded_at)::date::text,
       coalesce(max(recorded_at) < clock_timestamp() - make_interval(days => %(age_max_days)s), true)
from stored_events where originator_id = 'operations' and topic = 'operator.ledger_backed_up'
"""


def backup(ledger: Examined) -> Finding:
    """Development has nothing to lose; backups by other means are not known here."""
    found = ledger.connection.execute(LATEST, {"age_max_days": AGE_MAX_DAYS}).fetchone()
    assert found is not None, "it asks for one row"
    latest, is_old = found
    told = f"the last one was made on {latest}" if latest else "none was made by `taskledger backup`"
    if is_old and ledger.settings is not None and ledger.settings.is_production:
        return warning("backup", told, "have `taskledger backup` run each night, and keep it elsewhere")
    return fine("backup", told)
