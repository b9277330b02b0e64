"""Commands as the bytes that Redis reads: a load sends so many that packing each by itself takes too long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from projections.encoding import COMMAND_WORDS_MAX, Command, Word

Packed = bytes
"""A command as Redis reads it."""


def word(data: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(data), data)


def word_of(part: Word) -> bytes:
    return word((part if isinstance(part, str) else repr(part)).encode())


def number_word(number: int) -> bytes:
    text = str(number)
    return f"${len(text)}\r\n{text}\r\n".encode()


def packed(command: Command) -> Packed:
    return b"*%d\r\n%b" % (len(command), b"".join(map(word_of, command)))


def long_command(name: str, key: str | None, entries: Iterable[bytes], words_each: int) -> Iterator[Packed]:
    """One command or, where it would be too long, several of the same; an entry is some words."""
    head = [word_of(each) for each in (name, key) if each is not None]
    rest, entries_max = iter(entries), COMMAND_WORDS_MAX // words_each
    while some := list(islice(rest, entries_max)):
        yield b"*%d\r\n%b" % (len(head) + words_each * len(some), b"".join([*head, *some]))


def parts(commands: Iterable[Packed], max_bytes: int) -> Iterator[Sequence[bytes]]:
    """Commands in parts that each hold Redis up for moments only. It takes one command at least."""
    part: list[bytes] = []
    size = 0
    for command in commands:
        if part and size + len(command) > max_bytes:
            yield part
            part, size = [], 0
        part.append(command)
        size += len(command)
    if part:
        yield part
