"""The fonts that printed reports use, and texts as they can be set in them.

DejaVu Sans knows most of the world's alphabets; the part of it that a document needs is put into it.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.pdfdoc import PDFDocument
from reportlab.pdfbase.ttfonts import TTFont

from api.reports.arabic import shaped

FOLDER: Final = Path(__file__).parent / "fonts"
REGULAR: Final = "DejaVuSans"
BOLD: Final = "DejaVuSans-Bold"
REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
ELLIPSIS: Final = "…"
CHARACTERS_MAX: Final = 600
"""What stands behind them in a text is not printed."""

CACHE_MAX: Final = 4096
"""Texts that are remembered, as most of them stand in many rows or are looked at more than once."""

_WIDE_CODE: Final = re.compile(r"<([0-9A-F]{5,6})>")


class Font(TTFont):  # type: ignore[misc] # reportlab has no types
    """Tells programs that read a document which characters its glyphs are, beyond U+FFFF too."""

    def addObjects(self, document: PDFDocument) -> None:  # noqa: N802 - the name that reportlab calls
        super().addObjects(document)
        for name, stream in document.idToObject.items():
            if name.startswith("toUnicodeCMap:"):
                stream.content = _WIDE_CODE.sub(lambda code: f"<{_utf_16(int(code[1], 16))}>", stream.content)


def _utf_16(code: int) -> str:
    return chr(code).encode("utf-16-be").hex().upper()


@cache
def load() -> frozenset[int]:
    """Make both fonts known to reportlab, once. The characters that both of them have."""
    fonts = [Font(name, FOLDER / f"{name}.ttf") for name in (REGULAR, BOLD)]
    for font in fonts:
        pdfmetrics.registerFont(font)
    return frozenset.intersection(*(frozenset(font.face.charToGlyph) for font in fonts))


def width(text: str, font: str, size: float) -> float:
    return _width(text, font) * size


@lru_cache(CACHE_MAX)
def _width(text: str, font: str) -> float:
    load()
    return float(pdfmetrics.stringWidth(text, font, 1))


def printable(text: str) -> str:
    """One line of characters that the fonts have: any other becomes the replacement character.

    Characters that only steer others (direction, joining) are left out, white space is one space.
    """
    return _printable(text[:CHARACTERS_MAX])


@lru_cache(CACHE_MAX)
def _printable(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        text = "".join(map(_settable, shaped(unicodedata.normalize("NFC", text))))
    return " ".join(text.split())


def _settable(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Cc", "Zs", "Zl", "Zp"}:
        return " "
    if category == "Cf":
        return ""
    for like in (character, unicodedata.normalize("NFKC", character)):
        if load().issuperset(map(ord, like)):
            return like
    return "" if category == "Mn" else REPLACEMENT


def wrapped(text: str, font: str, size: float, room: float, lines_max: int) -> list[str]:
    """The lines of a printable text, broken between words; what is too much ends in an ellipsis."""
    lines: list[str] = []
    while width(text, font, size) > room:
        if len(lines) == lines_max - 1:
            return [*lines, shortened(text, font, size, room)]
        fits = _fitting(text, font, size, room)
        gap = text.rfind(" ", 1, fits + 1)
        cut = gap if gap > 0 else fits
        lines.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*lines, text]


def shortened(text: str, font: str, size: float, room: float) -> str:
    """The text, or as much of it as fits in one line with an ellipsis."""
    if width(text, font, size) <= room:
        return text
    return text[: _fitting(text, font, size, room - width(ELLIPSIS, font, size))].rstrip() + ELLIPSIS


def _fitting(text: str, font: str, size: float, room: float) -> int:
    """How many characters fit: one at least, so that there is always progress."""

    def end(last: int) -> float:
        return float(pdfmetrics.stringWidth(text[: last + 1], font, size))

    return max(bisect_right(range(len(text)), room, key=end), 1)
