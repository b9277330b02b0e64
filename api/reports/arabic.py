"""Arabic letters in the shapes that join them to their neighbours, which printing does not find by itself."""

from __future__ import annotations

import re
from typing import Final

from arabic_reshaper import ArabicReshaper

# Marks stay, and of all ligatures only lam with alef is one that must be joined.
RESHAPER: Final = ArabicReshaper(
    {"delete_harakat": False, "delete_tatweel": False, "ARABIC LIGATURE ALLAH": False}
)

_ARABIC: Final = re.compile(r"[\u0600-\u08ff]")


def shaped(text: str) -> str:
    """The letters in the shapes that their neighbours ask for; their order stays."""
    return str(RESHAPER.reshape(text)) if _ARABIC.search(text) else text
