"""A fuzzer that is guided by coverage: what reaches a new line of our code is kept, and changed further."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

OURS: Final = tuple(
    str(Path(__file__).parents[2] / folder) for folder in ("api", "commands", "events", "readmodels", "tests")
)
INPUT_BYTES_MAX: Final = 8_000
CHANGES_MAX: Final = 4
NUMBERS: Final = (
    b"0", b"-1", b"1", b"255", b"2147483648", b"9007199254740993", b"9223372036854775807",
    b"9223372036854775808", b"18446744073709551616", b"1e308", b"1e400", b"1e-400", b"-0", b"0.001",
    b"NaN", b"9" * 40,
)  # fmt: skip
TEXTS: Final = (
    b"\0", b"\\u0000", b"\\ud800", b"\xff", b"\xed\xa0\x80", b"\xe2\x80\xae", b"\xd9\xa1", b"\xef\xbc\x9d",
    b"\r\n", b"\x1b", b'"', b"'", b"\\", b"{", b"}", b"[", b"]", b",", b":", b"=", b"&", b"%", b"+",
    b"null", b"true", b"{}", b"[]", b'""', b"T", b"Z", b"-", b"+14:00", b"W", b"*", b"(a+)+$", b"..", b"/",
    b"a" * 300, b"[" * 200,
)  # fmt: skip

Line = tuple[CodeType, int]


@dataclass(frozen=True)
class Target:
    """A parser: `run` is given any bytes and may raise nothing but `refuses`."""

    name: str
    run: Callable[[bytes], Any]
    seeds: Sequence[bytes]
    refuses: tuple[type[Exception], ...] = ()
    words: Sequence[bytes] = ()


class Broken(AssertionError):
    """A target let something out that is no refusal; the message says by which input."""


@dataclass
class Fuzzing:
    """One target's inputs as they grow; the same seed makes the same ones."""

    target: Target
    seed: int
    inputs: list[bytes] = field(default_factory=list)
    tried: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(f"{self.target.name} {self.seed}")
        self._known: set[Line] = set()
        for each in self.target.seeds:
            self._try(each)
            self.inputs.append(each)

    @property
    def reached(self) -> int:
        """How many lines of ours some input has reached."""
        return len(self._known)

    def rounds(self, number: int) -> None:
        """Raises Broken."""
        for _ in range(number):
            self._round()

    def until(self, at_s: float) -> None:
        """Go on until `time.monotonic` says so. Raises Broken."""
        while time.monotonic() < at_s:
            self._round()

    def _round(self) -> None:
        raw = self._changed(self._chance.choice(self.inputs))
        if self._try(raw):
            self.inputs.append(raw)

    def _try(self, raw: bytes) -> bool:
        """Whether the input is the first to reach some line."""
        self.tried += 1
        seen: set[Line] = set()
        with traced(seen):
            try:
                self.target.run(raw)
            except self.target.refuses:
                pass
            except Exception as error:
                told = (
                    f"{self.target.name} (seed {self.seed}, input {self.tried}) let out {error!r} for {raw!r}"
                )
                raise Broken(told) from error
        new = seen - self._known
        self._known |= new
        return bool(new)

    def _changed(self, raw: bytes) -> bytes:
        for _ in range(self._chance.randint(1, CHANGES_MAX)):
            raw = self._chance.choice(CHANGES)(self, raw)
        return raw[:INPUT_BYTES_MAX]

    def _place(self, raw: bytes) -> tuple[int, int]:
        start = self._chance.randint(0, len(raw))
        return start, min(len(raw), start + self._chance.randint(0, 8))

    def _word(self) -> bytes:
        return self._chance.choice([*NUMBERS, *TEXTS, *self.target.words])

    def put_in(self, raw: bytes) -> bytes:
        start, end = self._place(raw)
        return raw[:start] + self._word() + raw[end if self._chance.random() < 0.5 else start :]

    def take_out(self, raw: bytes) -> bytes:
        start, end = self._place(raw)
        return raw[:start] + raw[end:]

    def repeat(self, raw: bytes) -> bytes:
        start, end = self._place(raw)
        return raw[:end] + raw[start:end] * self._chance.choice((1, 2, 40)) + raw[end:]

    def flip(self, raw: bytes) -> bytes:
        start, _ = self._place(raw + b" ")
        bit = 1 << self._chance.randrange(8)
        return raw[:start] + bytes([byte ^ bit for byte in raw[start : start + 1]]) + raw[start + 1 :]

    def cross(self, raw: bytes) -> bytes:
        other = self._chance.choice(self.inputs)
        return raw[: self._place(raw)[0]] + other[self._place(other)[0] :]


CHANGES: Final = (
    Fuzzing.put_in,
    Fuzzing.put_in,
    Fuzzing.take_out,
    Fuzzing.repeat,
    Fuzzing.flip,
    Fuzzing.cross,
)


@contextmanager
def traced(seen: set[Line]) -> Iterator[None]:
    """Note the lines of our code that run within the block."""

    def line(frame: FrameType, _: str, __: object) -> Any:
        seen.add((frame.f_code, frame.f_lineno))
        return line

    def call(frame: FrameType, _: str, __: object) -> Any:
        return line if frame.f_code.co_filename.startswith(OURS) else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        yield
    finally:
        sys.settrace(before)
