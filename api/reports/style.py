"""How printed reports look: paper, sizes in points, colours."""

from __future__ import annotations

from typing import Final

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4, landscape

PAPER: Final = landscape(A4)
MARGIN: Final = 36.0
LEFT: Final = MARGIN
ROOM: Final = PAPER[0] - 2 * MARGIN
TOP: Final = PAPER[1] - MARGIN
BOTTOM: Final = MARGIN + 16
FOOT: Final = MARGIN - 8

INK: Final = HexColor(0x1B2430)
MUTED: Final = HexColor(0x667085)
RULE: Final = HexColor(0xD5DAE1)
SERIES: Final = (HexColor(0xA9B8CC), HexColor(0x27496D), HexColor(0xC08A3E))
"""Colours of a chart's bars in turn; the only one is dark."""

TITLE_SIZE: Final = 18.0
FIGURE_SIZE: Final = 11.0
TEXT_SIZE: Final = 8.5
SMALL_SIZE: Final = 7.0
LEADING: Final = 1.3
"""From line to line, in sizes."""
