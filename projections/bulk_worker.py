"""A process that folds ranges of streams for a coordinator, on its standard input, and ends with it."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading
import traceback
from queue import SimpleQueue
from typing import Final

import psycopg
from redis.exceptions import RedisError

from events.errors import StoreError
from projections.batch import Underivable
from projections.bulk_fold import Unsplittable
from projections.bulk_messages import Message, Order, framed, opened, receive_blocking
from projections.bulk_plan import Range
from projections.bulk_reading import reading
from projections.bulk_sink import Sink
from projections.bulk_work import Work
from projections.writer import Fenced, Lost

AWAY: Final = (psycopg.Error, RedisError, StoreError, OSError, TimeoutError)

Jobs = SimpleQueue[Message]


def main() -> None:
    # Ctrl-C reaches every process of a terminal: the coordinator decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A worker lives for moments, and what it makes does not refer to itself.
    gc.disable()
    channel = socket.socket(fileno=os.dup(sys.stdin.fileno()))
    jobs: Jobs = SimpleQueue()
    threading.Thread(target=listen, args=(channel, jobs), daemon=True).start()
    try:
        work_off(Order(**jobs.get()), channel, jobs)
    except Exception as error:  # noqa: BLE001 - the coordinator decides what comes of it
        channel.sendall(framed(failure(error)))


def listen(channel: socket.socket, jobs: Jobs) -> None:
    """Hand jobs over, and end the process at once when nobody is left who would want them."""
    stream = channel.makefile("rb")
    try:
        while (message := receive_blocking(stream)) is not None:
            jobs.put(message)
    finally:
        os._exit(0)


def work_off(order: Order, channel: socket.socket, jobs: Jobs) -> None:
    """Do one job after the other until the process ends. Raises what stops a load."""

    def tell(events: int) -> None:
        channel.sendall(framed({"events": events}))

    with reading(order.database_url, opened(order.master_key), order.end) as reader:
        work = Work(order, reader, Sink(order), tell)
        while True:
            do(work, jobs.get())
            channel.sendall(framed({"done": True}))


def do(work: Work, job: Message) -> None:
    match job:
        case {"departments": departments}:
            work.know(departments)
        case {"range": number, "low": low, "high": high}:
            work.fold(number, Range(low, high))
        case {"bucket": bucket}:
            work.add_up(bucket)


def failure(error: Exception) -> Message:
    """What a load stops for, as `projections.bulk_team.raised` reads it."""
    reason = f"{type(error).__name__}: {error}"
    match error:
        case Fenced():
            return {"failed": "fenced", "epoch": error.epoch}
        case Lost():
            return {"failed": "lost", "state": error.state, "position": error.position}
        case Unsplittable() | Underivable():
            return {"failed": "in order", "reason": reason}
        case _ if isinstance(error, AWAY):
            return {"failed": "away", "reason": reason}
        case _:
            return {"failed": "broken", "reason": "".join(traceback.format_exception(error))}


if __name__ == "__main__":
    main()
