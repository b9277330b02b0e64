"""What can be known of a request from its bytes alone, before anybody parses it."""

from __future__ import annotations

import re
from typing import Final

HEAD_END: Final = b"\r\n\r\n"

_LINE: Final = re.compile(rb"(?:GET|POST|PUT|PATCH|DELETE) (/([^/ ?]*)[^ ]*) HTTP/1\.1\r\n")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *([0-9]{1,15}) *\r\n")

# Words that make a request anything but plain, wherever they stand in its head.
_UNUSUAL: Final = (b"transfer-encoding", b"upgrade", b"expect:", b"connection: close", b"x-request-id")


def plain_path(data: bytes) -> bytes | None:
    """The path when `data` is exactly one request, whole and without anything unusual; else None.

    Doubt means None: a wrong guess about where a request ends would be taken for the next one's beginning.
    """
    end = data.find(HEAD_END)
    line = _LINE.match(data)
    if end < 0 or line is None:
        return None
    head = data[: end + 2].lower()
    if any(word in head for word in _UNUSUAL) or _body_length(head) != len(data) - end - len(HEAD_END):
        return None
    return line[1]


def first_step(path: bytes) -> bytes:
    """The path up to its second slash: an API lies below one."""
    return path[: path.find(b"/", 1) + 1 or None].partition(b"?")[0]


def _body_length(head: bytes) -> int | None:
    match head.count(b"content-length"):
        case 0:
            return 0
        case 1:
            found = _LENGTH.search(head)
            return int(found[1]) if found else None
    return None
