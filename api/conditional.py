"""Entity tags: `"<version>-<digest>"`, the stream's version and a digest of what is shown.

The version changes with the object itself and is what `If-Match` compares; the digest also changes
with what is shown beside it (names, figures, children) and is what `If-None-Match` compares.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from aiohttp import hdrs, web

from api.errors import BadRequest

NO_VERSION: Final = 0
"""The version of nothing: no object that exists is at it, so it never matches."""

_TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*')
_VERSION = re.compile(r"([1-9][0-9]{0,17})(-[0-9a-f]+)?")


def etag(version: int, representation: bytes) -> str:
    return f'"{version}-{hashlib.sha256(representation).hexdigest()[:20]}"'


def is_known(request: web.Request, tag: str) -> bool:
    """Whether the client has this representation already, going by `If-None-Match`."""
    lines = request.headers.getall(hdrs.IF_NONE_MATCH, [])
    return any(line.strip() == "*" for line in lines) or tag.strip('"') in _opaque_tags(lines, weak=True)


def expected_version(request: web.Request) -> int | None:
    """The version that `If-Match` names; None without the header or with `*`.

    Of several the highest counts: versions only grow, so no lower one can be the present one.
    Raises BadRequest for what is no list of entity tags.
    """
    lines = request.headers.getall(hdrs.IF_MATCH, [])
    if not lines or any(line.strip() == "*" for line in lines):
        return None
    found = (_VERSION.fullmatch(tag) for tag in _opaque_tags(lines, weak=False, strict=True))
    return max((int(match[1]) for match in found if match), default=NO_VERSION)


def _opaque_tags(lines: list[str], *, weak: bool, strict: bool = False) -> list[str]:
    """What stands between the quotes; tags marked weak only where `weak` comparison is wanted."""
    text = ",".join(lines)
    matches = [_TAG.fullmatch(part) for part in text.split(",")]
    if strict and not all(matches):
        raise BadRequest('If-Match takes entity tags as in "3-5f1d…", or *')
    return [match[2] for match in matches if match and (weak or not match[1])]
