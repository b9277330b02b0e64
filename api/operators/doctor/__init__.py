"""Examining a ledger and what it stands on; what is wrong is told with a way to mend it."""
