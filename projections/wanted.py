"""What a fold asks for, and what it is given: the one thing that it needs of where documents are kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from readmodels.documents import Document, Ref


class Wanted(NamedTuple):
    """Documents to load, and groups (indexes) to read the ids of."""

    refs: Collection[Ref]
    groups: Collection[str] = ()


NOTHING: Final = Wanted(())
"""Yielded in the midst of much work, so that whoever folds may let others have a turn."""


class Found(NamedTuple):
    """The wanted documents that exist, and the ids in each wanted group."""

    documents: Mapping[Ref, Document]
    members: Mapping[str, Collection[str]]
