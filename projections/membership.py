"""What follows from documents and the departments of their people, when either of them changes."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from projections.batch import Batch, Underivable, where
from projections.wanted import Found, Wanted
from readmodels.changes import Changes, Sums, add_difference, people_index, standing_of
from readmodels.documents import DepartmentOf, Document, Ref
from readmodels.kinds import BY_DEPARTMENT_KINDS, KINDS

UNREAD_MAX: Final = 5_000


class Affected(NamedTuple):
    """A document before and after the batch, which may be the same."""

    ref: Ref
    before: Document | None
    after: Document | None


def by_department(batch: Batch, result: Changes, sums: Sums) -> Generator[Wanted, Found, None]:
    """Move what has to be moved in `result` and `sums`. Raises Underivable."""
    affected = {each.ref: each for each in changed(batch)}
    unread: list[Ref] = []
    moved = list(moved_users(batch))
    if moved:
        refs = yield from of_people(moved)
        at_hand = [ref for ref in refs if ref in batch.now]
        affected |= {ref: Affected(ref, batch.before[ref], batch.now[ref]) for ref in at_hand}
        unread = [ref for ref in refs if ref not in batch.now]
    known = list(affected.values())
    for start in range(0, len(known), UNREAD_MAX):
        yield from move_all(known[start : start + UNREAD_MAX], batch, result, sums)
    # Somebody may have worked on more than should be in memory at once.
    for start in range(0, len(unread), UNREAD_MAX):
        stored = (yield Wanted(unread[start : start + UNREAD_MAX])).documents
        same = [Affected(ref, document, document) for ref, document in stored.items()]
        yield from move_all(same, batch, result, sums)


def changed(batch: Batch) -> Iterator[Affected]:
    """The documents of which something changed that departments' figures rest on."""
    for ref, after in batch.now.items():
        kind, before = KINDS[ref.kind], batch.before[ref]
        by = kind.by_department
        if by is not None and after is not before and differs(by.fields, before, after):
            yield Affected(ref, before, after)


def differs(fields: Iterable[str], before: Document | None, after: Document | None) -> bool:
    if before is None or after is None:
        return before is not after
    return any(before[field] != after[field] for field in fields)


def moved_users(batch: Batch) -> Iterator[str]:
    """The users who are in another department after the batch than before it."""
    for ref, after in batch.now.items():
        if ref.kind == "user" and department_in(batch.before[ref]) != department_in(after):
            yield ref.id


def of_people(users: Iterable[str]) -> Generator[Wanted, Found, list[Ref]]:
    """All documents that look at some users' departments, as far as the read model knows them."""
    groups = {people_index(kind, user): kind for user in users for kind in BY_DEPARTMENT_KINDS}
    found = yield Wanted((), groups)
    refs = (Ref(kind.name, key) for group, kind in groups.items() for key in found.members.get(group, ()))
    return list(dict.fromkeys(refs))


def move_all(
    affected: Sequence[Affected], batch: Batch, result: Changes, sums: Sums
) -> Generator[Wanted, Found, None]:
    people = {user_id for each in affected for user_id in people_of(each)}
    cards = yield from cards_of(people, batch)
    before = departments(people, cards, batch.before)
    after = departments(people, cards, batch.now)
    for each in affected:
        try:
            move(each, before, after, result, sums)
        except Exception as error:
            raise Underivable(where(error), (each.ref,)) from error


def people_of(each: Affected) -> set[int]:
    by = KINDS[each.ref.kind].by_department
    documents = [document for document in (each.before, each.after) if document is not None]
    return {user_id for document in documents for user_id in by.people(document)} if by else set()


def cards_of(people: Iterable[int], batch: Batch) -> Generator[Wanted, Found, Mapping[Ref, Document]]:
    """The cards that the batch has not read itself."""
    refs = [ref for ref in (Ref("user", str(user_id)) for user_id in people) if ref not in batch.now]
    return (yield Wanted(refs)).documents if refs else {}


def departments(
    people: Iterable[int], stored: Mapping[Ref, Document], batch: Mapping[Ref, Document | None]
) -> DepartmentOf:
    found: dict[int, int | None] = {}
    for user_id in people:
        ref = Ref("user", str(user_id))
        found[user_id] = department_in(batch[ref] if ref in batch else stored.get(ref))
    return found.get


def department_in(card: Document | None) -> int | None:
    return None if card is None else card["department_id"]


def move(each: Affected, before: DepartmentOf, after: DepartmentOf, result: Changes, sums: Sums) -> None:
    kind = KINDS[each.ref.kind]
    old = standing_of(kind, each.before, before)
    new = standing_of(kind, each.after, after)
    result.move_by_department(kind, each.ref, (each.before, old.places), (each.after, new.places))
    add_difference(list(old.contributions), list(new.contributions), sums)
