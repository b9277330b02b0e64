"""Every Redis key of a read model, by its generation.

| key | type | holds |
|---|---|---|
| `{tl:3}:checkpoint` | hash | epoch, state, build, position, log_id, event_id, recorded_at, recorded_score |
| `{tl:3}:document:task:12` | string | a document's JSON |
| `{tl:3}:index:task:status:pending` | sorted set | members (see `member`) by score |
| `{tl:3}:index:task:sort:title` | sorted set | texts and members, `text NUL member`, at score 0 |
| `{tl:3}:places:task:sort:title` | hash | each member's text in an index of texts |
| `{tl:3}:texts:task:own:7` | hash | what a search looks into, by bucket of ids (see `shelf_place`) |
| `{tl:3}:index:task:elsewhere:own:7` | sorted set | members whose text is on the shelf of all only |
| `{tl:3}:parked` | set | documents (`task:12`) that take no further event |
| `tl:behind` | sorted set | users by the position that their reads wait for, whatever the generation |
| `tl:limits:LIMITER/…` | string or list | counted requests, by limit and by whom; every key expires |
| `{tl:3}:announcements` | channel | each position that the model has reached |

The braces put all keys of a generation into one slot of a cluster: one script may write them all.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from readmodels.documents import Ref

# Texts of neighbours lie in one bucket. All listed documents are dense, some of them are sparse.
TAG_DIGITS_ALL: Final = 1
TAG_DIGITS_SOME: Final = 2
BEHIND: Final = "tl:behind"
LIMITS: Final = "tl:limits"
SEPARATOR: Final = "\0"
MEMBERS_CACHED_MAX: Final = 50_000


class Keys:
    """The keys of one generation; `prefix` begins them all."""

    def __init__(self, generation: int) -> None:
        self.prefix = f"{{tl:{generation}}}:"
        self.checkpoint = f"{self.prefix}checkpoint"
        self.parked = f"{self.prefix}parked"
        self.announcements = f"{self.prefix}announcements"

    def document(self, ref: Ref) -> str:
        return f"{self.prefix}document:{ref.kind}:{ref.id}"

    def index(self, name: str) -> str:
        return f"{self.prefix}index:{name}"

    def places(self, index: str) -> str:
        return f"{self.prefix}places:{index}"

    def texts(self, shelf: str) -> str:
        return f"{self.prefix}texts:{shelf}"


@lru_cache(maxsize=MEMBERS_CACHED_MAX)
def member(key: str) -> str:
    """An id as a member of an index: its length in a letter goes first, so that text order is number order.

    `member("9")` is `a9`, which comes before `b10`.
    """
    return chr(96 + min(len(key), 26)) + key


def shelf_place(shelf: str, key: str) -> tuple[str, str]:
    """The bucket of an id, and its tag there: on the shelf of all tasks `4711` is 1 in bucket 471.

    A bucket is a string of texts, each followed by the byte FF, its tag and its marks (see `Kind`),
    in the order of tags. The digits of tags and marks are the bytes F5 to
    FE: none of these is in UTF-8, so no search can hit them.
    """
    digits = TAG_DIGITS_ALL if shelf.endswith(":sort:id") else TAG_DIGITS_SOME
    return key[:-digits] or "0", key[-digits:].zfill(digits)


def elsewhere(shelf: str) -> str:
    """The index of those whose text is too long, or too many people's, to lie on a shelf of some."""
    return shelf.replace(":", ":elsewhere:", 1)


def placed(text: str, key: str) -> str:
    """A member of an index of texts."""
    return f"{text}{SEPARATOR}{member(key)}"
