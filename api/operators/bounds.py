"""How large the numbers are that operators and auditors ask about; light, as commands start with it."""

from __future__ import annotations

from typing import Final

NUMBER_MAX: Final = 10**18 - 1
"""The largest position of the log, and the largest number of an object: 18 digits, as in both dialects."""
