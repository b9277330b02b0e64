"""The cards that other objects are shown with, fetched together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from api.behind import Readable
from commands.errors import NotFound
from readmodels.documents import Document, Ref


async def card_of(model: Readable, kind: str, number: int) -> Document:
    """One document. Raises NotFound where it is gone, or never was."""
    found = await cards(model, kind, [number])
    if number not in found:
        raise NotFound(kind)
    return found[number]


async def cards(model: Readable, kind: str, ids: Iterable[int]) -> Mapping[int, Document]:
    """Documents of one kind by their ids; those that are gone are not among them."""
    return (await cards_of(model, {kind: ids}))[kind]


async def cards_of(
    model: Readable, wanted: Mapping[str, Iterable[int]]
) -> Mapping[str, Mapping[int, Document]]:
    """Documents of several kinds, by kind and id; those that are gone are not among them."""
    refs = {Ref(kind, str(number)) for kind, ids in wanted.items() for number in ids}
    found: dict[str, dict[int, Document]] = {kind: {} for kind in wanted}
    for ref, card in (await model.fetch(refs) if refs else {}).items():
        found[ref.kind][card["id"]] = card
    return found
