"""Writes for a process that folds: parts are under way while the next ones are being made."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from queue import Queue
from typing import Any, Final

from redis import Redis
from redis.exceptions import ResponseError

from projections.bulk_messages import Order
from projections.bulk_wire import Packed, packed, parts
from projections.writer import Fenced, Lost
from readmodels.keys import Keys

PARTS_WAITING_MAX: Final = 4
LOADING: Final = "loading"


class Sink:
    """The generation of `order`, while it is loading; everything here blocks.

    Raises Fenced, Lost, RedisError, of a write sometimes only when the next one comes, or `flush`.
    """

    def __init__(self, order: Order) -> None:
        timeout_s = order.redis_timeout_s
        self._redis = Redis.from_url(
            order.redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s
        )
        self.keys = Keys(order.generation)
        self._part_max_bytes = order.part_max_bytes
        self._guarded = Guarded(self._redis, order)
        self._waiting: Queue[Sequence[bytes]] = Queue(PARTS_WAITING_MAX)
        self._failure: Exception | None = None
        threading.Thread(target=self._send_all, daemon=True).start()

    def write(self, commands: Iterable[Packed]) -> None:
        """Have commands carried out, unless somebody else writes the generation by now."""
        for part in parts(commands, self._part_max_bytes):
            self._raise_failure()
            self._waiting.put(part)

    def flush(self) -> None:
        """Return once all is written."""
        self._waiting.join()
        self._raise_failure()

    def values(self, key: str) -> list[bytes]:
        """All values of a hash."""
        found: Any = self._redis.hvals(key)
        return list(found)

    def fields(self, key: str) -> list[str]:
        """The names of a hash's values."""
        found: Any = self._redis.hkeys(key)
        return [name.decode() for name in found]

    def some(self, key: str, fields: Sequence[str]) -> list[bytes]:
        """The values of a hash that have these names."""
        found: Any = self._redis.hmget(key, list(fields))
        return list(found)

    def _send_all(self) -> None:
        while True:
            part = self._waiting.get()
            try:
                if self._failure is None:
                    self._guarded.send(part)
            except Exception as error:  # noqa: BLE001 - raised where the next part comes from
                self._failure = error
            finally:
                self._waiting.task_done()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


class Guarded:
    """A connection whose writes take effect only while the checkpoint is what `order` says.

    Each part is a transaction, begun by looking at the checkpoint and refused when that is written
    meanwhile, as everybody does who takes the generation over. The look for the next part goes along.
    """

    def __init__(self, redis: Redis, order: Order) -> None:
        self._connection = redis.connection_pool.get_connection()
        self._order = order
        checkpoint = Keys(order.generation).checkpoint
        watch = packed(["WATCH", checkpoint])
        self._look = watch + packed(["HMGET", checkpoint, "epoch", "state", "position"])
        self._say(self._look)
        self._read()
        self._check(self._read())

    def send(self, part: Sequence[bytes]) -> None:
        """Have all of a part carried out, or nothing. Raises Fenced, Lost, RedisError."""
        while not self._is_carried_out(part):
            pass

    def _is_carried_out(self, part: Sequence[bytes]) -> bool:
        self._say(MULTI, *part, EXEC, self._look)
        for _ in (MULTI, *part):
            self._read()
        outcome, _, found = (self._read() for _ in range(3))
        self._check(found)
        if outcome is None:
            # Somebody wrote the checkpoint, but it is what it was.
            return False
        for answer in outcome:
            if isinstance(answer, ResponseError):
                raise answer
        return True

    def _check(self, found: Sequence[bytes | None]) -> None:
        epoch, state, position = found
        if epoch is None or state is None or position is None:
            raise Lost("absent")
        if int(epoch) > self._order.epoch:
            raise Fenced(int(epoch))
        if (state.decode(), int(position)) != (LOADING, self._order.end):
            raise Lost(state.decode(), int(position))

    def _say(self, *packed_commands: bytes) -> None:
        together = [b"".join(packed_commands)]
        self._connection.send_packed_command(together, check_health=False)  # type: ignore[no-untyped-call]

    def _read(self) -> Any:
        return self._connection.read_response(disable_decoding=True)


MULTI, EXEC = packed(["MULTI"]), packed(["EXEC"])
