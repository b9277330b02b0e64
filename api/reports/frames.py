"""Messages between a server and its worker: their length, their bytes, and maybe an open file."""

from __future__ import annotations

import socket
import struct
from typing import Final

HEADER: Final = struct.Struct(">Q")


def send(channel: socket.socket, message: bytes, file: int | None = None) -> None:
    """Send a message, with a file descriptor if one is given. Raises OSError, TimeoutError too."""
    socket.send_fds(channel, [HEADER.pack(len(message))], [] if file is None else [file])
    channel.sendall(message)


def receive(channel: socket.socket) -> tuple[bytearray, list[int]]:
    """The next message and the descriptors that came with it. Raises EOFError at the end, OSError."""
    header, files, _, _ = socket.recv_fds(channel, HEADER.size, 1)
    header += _exactly(channel, HEADER.size - len(header))
    (length,) = HEADER.unpack(header)
    return _exactly(channel, length), files


def _exactly(channel: socket.socket, length: int) -> bytearray:
    received = bytearray(length)
    view = memoryview(received)
    while view:
        count = channel.recv_into(view)
        if not count:
            raise EOFError
        view = view[count:]
    return received
