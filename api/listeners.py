"""Sockets at the two APIs' ports: a process binds them, and may have others accept from them."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

BETWEEN_PORTS: Final = "/"
BETWEEN_SOCKETS: Final = ","


class Ports(NamedTuple):
    """Where each API is served; 0 is whatever port is free."""

    taskflow: int
    taskforge: int


class Listeners(NamedTuple):
    """The sockets of each API, one for every address that its host stands for."""

    taskflow: Sequence[socket.socket]
    taskforge: Sequence[socket.socket]

    @property
    def ports(self) -> Ports:
        return Ports(*(sockets[0].getsockname()[1] for sockets in self))

    @property
    def numbers(self) -> list[int]:
        """The file descriptors, for a process that is to inherit them."""
        return [each.fileno() for sockets in self for each in sockets]

    def close(self) -> None:
        for sockets in self:
            for each in sockets:
                each.close()

    def copies(self) -> Listeners:
        """The same sockets once more: connections wait in them until both are closed."""
        return Listeners(*([each.dup() for each in sockets] for sockets in self))

    def as_word(self) -> str:
        """What `inherited` reads on the command line of such a process."""
        return BETWEEN_PORTS.join(
            BETWEEN_SOCKETS.join(str(each.fileno()) for each in sockets) for sockets in self
        )


def bound(host: str, ports: Ports, *, is_shared: bool = False) -> Listeners:
    """Sockets that hold the ports, on which nobody listens yet: so far, connections are refused.

    The system spreads connections over all `is_shared` ones of a port. Connections wait in a socket as
    long as any process holds it open, whichever accepts them in the end. Raises OSError.
    """
    with contextlib.ExitStack() as stack:
        found = Listeners(*(_bound(host, port, stack, is_shared=is_shared) for port in ports))
        stack.pop_all()
    return found


def inherited(word: str) -> Listeners:
    """The sockets that this process was started with."""
    return Listeners(
        *(
            [socket.socket(fileno=int(number)) for number in numbers.split(BETWEEN_SOCKETS)]
            for numbers in word.split(BETWEEN_PORTS)
        )
    )


def taken_from(listening: socket.socket) -> Iterator[socket.socket]:
    """All connections that wait in a socket, which is closed after them without a moment between."""
    listening.setblocking(False)
    # The end of it is an error, too; so it is where nobody has listened yet.
    with listening, contextlib.suppress(OSError):
        while True:
            with contextlib.suppress(ConnectionAbortedError):
                one, _ = listening.accept()
                one.setblocking(False)
                yield one


def _bound(host: str, port: int, stack: contextlib.ExitStack, *, is_shared: bool) -> Sequence[socket.socket]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets = []
    for family, kind, protocol, _, address in found:
        sockets.append(one := stack.enter_context(socket.socket(family, kind, protocol)))
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            # The same port of IPv4 has a socket of its own.
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)
    return sockets
