"""Every Redis key of a read model, by its generation.

| key | type | holds |
|---|---|---|
| `{tl:3}:checkpoint` | hash | epoch, state, build, position, log_id, event_id, recorded_at, recorded_score |
| `{tl:3}:document:task:12` | string | a document's JSON |
| `{tl:3}:index:task:status:pending` | sorted set | members (see `member`) by score |
| `{tl:3}:index:task:sort:title` | sorted set | texts and members, `text NUL member`, at score 0 |
| `{tl:3}:places:task:sort:title` | hash | each member's text in an index of texts |
| `{tl:3}:texts:task:own:7` | hash | what a search looks into, by bucket (see `shelf_place`) |
| `{tl:3}:index:task:elsewhere:own:7` | sorted set | members whose text is on the shelf of all only |
| `{tl:3}:loading` | hash | while streams are folded in ranges: the plan, and what each range told |
| `{tl:3}:loading:sums:5` | hash | by range: its part of the summaries, of those in bucket 5 |
| `{tl:3}:loading:texts:5` | hash | by neighbourhood and range: texts whose neighbours other ranges have |
| `{tl:3}:parked` | set | documents (`task:12`) that take no further event |
| `{tl:m17}:…` | as above | the same of a moment, which ends at a position and is never changed |
| `{tl:m17}:index:task:permitted:7` | sorted set | listed members that user 7 may see today; expires |
| `tl:moments` | set | numbers of the moments that may have keys |
| `tl:behind` | sorted set | users by the position that their reads wait for, whatever the generation |
| `tl:limits:LIMITER/…` | string or list | counted requests, by limit and by whom; every key expires |
| `tl:limits:{sign-in}:…` | hash | wrong passwords, by name, address and both; every key expires |
| `tl:process:server:HOST:PID` | string | what a process counted, for the page of metrics; expires |
| `tl:processes` | sorted set | keys of processes by the Unix second of their last word |
| `{tl:3}:announcements` | channel | each position that the model has reached |

The braces put all keys of a generation into one slot of a cluster: one script may write them all.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from readmodels.documents import Ref

# How many neighbours lie in one bucket at most: 10 of all listed documents, which are dense and are
# looked up one by one as well, and 10,000 of some, as long as there are few of them.
TAG_DIGITS_ALL: Final = 1
TAG_DIGITS_SOME: Final = 4
BUCKET_MAX_BYTES: Final = 16_384
BEHIND: Final = "tl:behind"
LIMITS: Final = "tl:limits"
MOMENTS: Final = "tl:moments"
PROCESS: Final = "tl:process:"
PROCESSES: Final = "tl:processes"
PERMITTED: Final = ("project:permitted:", "task:permitted:")
SEPARATOR: Final = "\0"
MEMBERS_CACHED_MAX: Final = 50_000


class Keys:
    """The keys of one generation; `prefix` begins them all."""

    def __init__(self, generation: int | str) -> None:
        self.prefix = f"{{tl:{generation}}}:"
        self.checkpoint = f"{self.prefix}checkpoint"
        self.parked = f"{self.prefix}parked"
        self.loading = f"{self.prefix}loading"
        self.announcements = f"{self.prefix}announcements"

    def loading_sums(self, bucket: int) -> str:
        return f"{self.loading}:sums:{bucket}"

    def loading_texts(self, bucket: int) -> str:
        return f"{self.loading}:texts:{bucket}"

    def document(self, ref: Ref) -> str:
        return f"{self.prefix}document:{ref.kind}:{ref.id}"

    def index(self, name: str) -> str:
        return f"{self.prefix}index:{name}"

    def places(self, index: str) -> str:
        return f"{self.prefix}places:{index}"

    def texts(self, shelf: str) -> str:
        return f"{self.prefix}texts:{shelf}"


def permitted(kind: str, user_id: int) -> str:
    """The index of what a user may see today among the documents of a moment: one of PERMITTED."""
    return f"{kind}:permitted:{user_id}"


@lru_cache(maxsize=MEMBERS_CACHED_MAX)
def member(key: str) -> str:
    """An id as a member of an index: its length in a letter goes first, so that text order is number order.

    `member("9")` is `a9`, which comes before `b10`.
    """
    return chr(96 + min(len(key), 26)) + key


def shelf_place(shelf: str, key: str) -> tuple[str, str]:
    """The root and the tag of an id: on the shelf of all tasks `4711` is 1 of root 471, elsewhere 4711 of 0.

    A bucket `root:level:run` holds the texts of a root whose tags are those of one run of 2 ** level. The
    bucket of the highest level holds all of them; while it is too large it is halved, and both halves
    are there, though empty, so that what a bucket holds follows from the texts alone.

    It is a string of texts, each followed by the byte FF, its tag and its marks (see `Kind`),
    in the order of tags. The digits of tags and marks are the bytes F5 to
    FE: none of these is in UTF-8, so no search can hit them.
    """
    digits = tag_digits(shelf)
    return key[:-digits] or "0", key[-digits:].zfill(digits)


def tag_digits(shelf: str) -> int:
    return TAG_DIGITS_ALL if shelf.endswith(":sort:id") else TAG_DIGITS_SOME


def level_max(digits: int) -> int:
    """The level of a bucket for all tags with so many digits."""
    return int((10**digits - 1).bit_length())


@lru_cache(maxsize=MEMBERS_CACHED_MAX)
def elsewhere(shelf: str) -> str:
    """The index of those whose text is too long, or too many people's, to lie on a shelf of some."""
    return shelf.replace(":", ":elsewhere:", 1)


def placed(text: str, key: str) -> str:
    """A member of an index of texts."""
    return f"{text}{SEPARATOR}{member(key)}"
