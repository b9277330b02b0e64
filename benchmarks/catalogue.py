"""All figures, in the order in which they are measured."""

from __future__ import annotations

from typing import Final

from benchmarks import (
    append,
    dispatcher,
    growth,
    memory,
    overload,
    past,
    reading_figures,
    rebuild_figure,
    visible,
    writing_figures,
)
from benchmarks.figures import Figure

FIGURES: Final[tuple[Figure, ...]] = (
    append.FIGURE,
    dispatcher.FIGURE,
    *writing_figures.FIGURES,
    *reading_figures.FIGURES,
    visible.FIGURE,
    growth.FIGURE,
    rebuild_figure.FIGURE,
    past.FIGURE,
    memory.FIGURE,
    overload.FIGURE,
)
