"""Reading a request's body: bounded in bytes, time and depth, and with its numbers exactly as written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import orjson
from aiohttp import hdrs, web
from aiohttp.web_protocol import RequestPayloadError

from api.errors import BadRequest, PayloadTooLarge, TooSlow, UnsupportedMediaType

INTEGER_DIGITS_MAX: Final = 19
"""More digits than a 64-bit integer has; longer numbers stay decimal, and no field takes them as whole."""


async def read_body(request: web.Request, *, bytes_max: int, timeout_s: float) -> bytes:
    """The whole body; empty when there is none.

    Raises UnsupportedMediaType, PayloadTooLarge, BadRequest; TooSlow after `timeout_s`.
    """
    if not request.body_exists:
        return b""
    _must_be_plain_json(request)
    if (request.content_length or 0) > bytes_max:
        raise _too_large(bytes_max)
    try:
        if request.content.is_eof():
            # Small bodies come with the head: all is there.
            return _bounded(request.content.read_nowait(), bytes_max)
        async with asyncio.timeout(timeout_s):
            return await _read(request, bytes_max)
    except TimeoutError:
        raise TooSlow(f"The body did not arrive within {timeout_s:g} seconds") from None
    except (RequestPayloadError, ConnectionError):
        raise BadRequest("The body ended early or was badly framed") from None


async def _read(request: web.Request, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    length = 0
    async for part in request.content.iter_any():
        length += len(part)
        if length > bytes_max:
            raise _too_large(bytes_max)
        parts.append(part)
    return b"".join(parts)


def _bounded(body: bytes, bytes_max: int) -> bytes:
    if len(body) > bytes_max:
        raise _too_large(bytes_max)
    return body


def _too_large(bytes_max: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body must have at most {bytes_max} bytes")


def _must_be_plain_json(request: web.Request) -> None:
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower() != "identity":
        raise UnsupportedMediaType("The body must have no Content-Encoding")
    kind, _, parameters = request.headers.get(hdrs.CONTENT_TYPE, "").partition(";")
    if kind.strip().lower() != "application/json" or not _is_utf8(parameters):
        raise UnsupportedMediaType("The body must be sent as Content-Type: application/json")


def _is_utf8(parameters: str) -> bool:
    """Whether the parameters of a content type name no other charset than UTF-8."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip().strip('"').lower() not in ("utf-8", "utf8"):
            return False
    return True


def parse_object(raw: bytes, *, depth_max: int) -> dict[str, Any]:
    """The JSON object in `raw`: numbers with a point or an exponent as Decimal, so that no digit is lost.

    Raises BadRequest for malformed JSON, NaN, invalid UTF-8, lone surrogates, a name that stands
    twice in an object, nesting beyond `depth_max`, or anything that is no object.
    """
    try:
        # orjson refuses what the standard parser lets pass, and nests no deeper than that can follow.
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is not valid JSON: {error.msg} at character {error.pos}") from None
    if not isinstance(value, dict):
        raise BadRequest("The body must be a JSON object")
    if _depth(value, depth_max) > depth_max:
        raise BadRequest(f"The body must not nest deeper than {depth_max}")
    exact: dict[str, Any] = _EXACTLY.decode(raw.decode())
    return exact


def _depth(value: Any, enough: int) -> int:
    """How many objects and lists stand inside each other, counted to one more than `enough`."""
    depth = 0
    containers = [value]
    while containers and depth <= enough:
        depth += 1
        children = (child for container in containers for child in _children(container))
        containers = [child for child in children if isinstance(child, dict | list)]
    return depth


def _children(container: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return container.values() if isinstance(container, dict) else container


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= INTEGER_DIGITS_MAX else Decimal(digits)


def _decimal(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation:
        raise BadRequest("A number in the body has an exponent beyond all bounds") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise BadRequest("A name must not stand twice in one JSON object")
    return made


_EXACTLY: Final = json.JSONDecoder(parse_float=_decimal, parse_int=_integer, object_pairs_hook=_object)
