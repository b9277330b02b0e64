"""How a break is patched into a method: now and then, before or after what it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

Method = Callable[..., Awaitable[Any]]
Around = Callable[[Method], Method]


def around(owner: Any, name: str, wrap: Around) -> None:
    """Replace a coroutine function of a class or a module by what `wrap` makes of it.

    Raises AttributeError where there is none: a break that breaks nothing proves nothing.
    """
    setattr(owner, name, wrap(getattr(owner, name)))


def every(turns: int) -> Callable[[], bool]:
    """A question that is answered with yes at each of so many turns."""
    turn = count(1)
    return lambda: next(turn) % turns == 0
