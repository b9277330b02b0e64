"""Commands as the bytes that Redis reads: a load sends so many that packing each by itself takes too long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from projections.encoding import BUCKET_BYTES, COMMAND_WORDS_MAX, Command, Word, buckets
from readmodels.scripts import Script


class Packed(NamedTuple):
    """A command, and how many bytes Redis has to move for it, about."""

    data: bytes
    moved_bytes: int


def word(data: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(data), data)


def word_of(part: Word) -> bytes:
    return word((part if isinstance(part, str) else repr(part)).encode())


def packed(command: Command) -> Packed:
    data = b"*%d\r\n%b" % (len(command), b"".join(map(word_of, command)))
    return Packed(data, len(data))


def called(asked: Script, command: Command) -> Packed:
    """A command on a shelf, which a script of its own carries out."""
    data, size = packed(["EVALSHA", asked.sha, "1", *command[1:]])
    return Packed(data, size + BUCKET_BYTES * buckets(command))


def long_command(name: str, key: str | None, entries: Iterable[bytes], words_each: int) -> Iterator[Packed]:
    """One command or, where it would be too long, several of the same; an entry is some words."""
    head = [word_of(each) for each in (name, key) if each is not None]
    rest, entries_max = iter(entries), COMMAND_WORDS_MAX // words_each
    while some := list(islice(rest, entries_max)):
        data = b"*%d\r\n%b" % (len(head) + words_each * len(some), b"".join([*head, *some]))
        yield Packed(data, len(data))


def parts(commands: Iterable[Packed], max_bytes: int) -> Iterator[Sequence[bytes]]:
    """Commands in parts that each hold Redis up for moments only. It takes one command at least."""
    part: list[bytes] = []
    size = 0
    for command in commands:
        if part and size + command.moved_bytes > max_bytes:
            yield part
            part, size = [], 0
        part.append(command.data)
        size += command.moved_bytes
    if part:
        yield part
