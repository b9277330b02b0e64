"""What can go wrong with the event store.

StoreError
├── Stale              a (stream, version) is taken, or a guard no longer holds: read again, decide again
├── DuplicateCommand   the command id is in the log already: its first outcome counts
├── Rejected           the database does not take what the append holds: sending it again is no use
├── Unavailable        nothing was written; the store cannot be reached or is full
├── OutcomeUnknown     the connection broke while committing and nobody could be asked: ask later
├── Undecodable        a stored event that no known type or upcaster can read
└── Erased             personal data for a user whose key was destroyed
"""

from __future__ import annotations


class StoreError(Exception):
    pass


class Stale(StoreError):
    pass


class DuplicateCommand(StoreError):
    pass


class Rejected(StoreError):
    pass


class Unavailable(StoreError):
    pass


class OutcomeUnknown(StoreError):
    pass


class Undecodable(StoreError):
    pass


class Erased(StoreError):
    pass
