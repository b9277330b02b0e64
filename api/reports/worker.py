"""The process that makes reports: it reads orders from its standard input, and ends with it."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
import threading
import traceback
from queue import SimpleQueue

from api.reports.frames import receive, send
from api.reports.order import Order
from api.reports.rendering import render

Orders = SimpleQueue[tuple[bytearray, int]]


def main() -> None:
    # Ctrl-C reaches every process of a terminal: the server decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = socket.socket(fileno=os.dup(sys.stdin.fileno()))
    orders: Orders = SimpleQueue()
    threading.Thread(target=_listen, args=(channel, orders), daemon=True).start()
    while True:
        send(channel, _done(*orders.get()))


def _listen(channel: socket.socket, orders: Orders) -> None:
    """Hand orders over, and end the process at once when nobody is left who would want them."""
    try:
        while True:
            message, files = receive(channel)
            orders.put((message, files[0]))
    except (EOFError, OSError):
        os._exit(0)


def _done(message: bytearray, file: int) -> bytes:
    """Carry an order out. Nothing when that worked, else the pickled exception."""
    try:
        with open(file, "wb") as into:
            order: Order = pickle.loads(message)  # noqa: S301 - from our own server, by a channel of its own
            render(order.make(), order.form, into)
    except Exception as error:  # noqa: BLE001 - whoever asked for the report is told
        error.add_note("".join(traceback.format_exception(error)))
        return _pickled(error)
    return b""


def _pickled(error: Exception) -> bytes:
    """Not every exception survives the journey; its text does."""
    try:
        pickled = pickle.dumps(error)
        pickle.loads(pickled)  # noqa: S301 - pickled on the line above
    except Exception:  # noqa: BLE001 - an exception may refuse in any way
        return pickle.dumps(RuntimeError("\n".join(error.__notes__)))
    return pickled


if __name__ == "__main__":
    main()
