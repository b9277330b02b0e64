"""The processes that serve and project together: started, watched, replaced, and stopped in order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import wait
from typing import Final

from api.listeners import Ports, bound
from api.rolling import rolled
from api.signals import Asked
from api.supervisor import Supervisor
from api.terminal import say
from api.workers import Worker

WATCH_INTERVAL_S: Final = 0.2
DONE: Final = object()


@dataclass(frozen=True)
class Team:
    """Of the projectors one works; the others stand by."""

    projectors: Sequence[Worker] = ()
    servers: Sequence[Worker] = ()

    @property
    def workers(self) -> Sequence[Worker]:
        return (*self.projectors, *self.servers)

    @contextlib.contextmanager
    def loaded(self) -> Iterator[None]:
        """Let all import their modules while something else starts; whatever happens, they end."""
        try:
            for worker in self.workers:
                worker.load()
            yield
        finally:
            for worker in self.workers:
                worker.stop()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Let all work; in the end the servers stop together, then the projectors.

        A server that stops answers what has reached its sockets. Nobody comes after it, so nothing may
        reach them any more once it has closed its own.
        """
        try:
            for worker in self.workers:
                worker.start()
            yield
        finally:
            for part in (self.servers, self.projectors):
                for worker in part:
                    worker.refuse()
                    worker.ask_to_stop()
                for worker in part:
                    worker.stop()

    def watch(self, supervisor: Supervisor, asked: Asked) -> None:
        """Start again what dies or hangs, and replace all when that is asked for; until Stopped is raised."""
        replacing: Iterator[None] = iter(())
        while True:
            self._end_what_hangs()
            supervisor.look()
            self._refuse_for_the_dead(supervisor)
            if next(replacing, DONE) is DONE and asked.to_replace:
                asked.to_replace = False
                replacing = rolled(self.projectors, self.servers, say)
            self._wait()

    def _end_what_hangs(self) -> None:
        for worker in self.workers:
            if seconds := worker.end_if_hanging():
                say(f"the {worker.name} has shown no life for {seconds:g} s and was ended")

    def _refuse_for_the_dead(self, supervisor: Supervisor) -> None:
        """Connections to a server that died go to the others.

        Where there is no other they wait for the new one, unless that died, too: who is refused knows more.
        """
        for worker in self.servers:
            if worker.has_died and (len(self.servers) > 1 or supervisor.failures_of(worker) > 1):
                worker.refuse()

    def _wait(self) -> None:
        """For a moment, or until somebody says something or dies."""
        living = [worker.child for worker in self.workers if worker.child and not worker.child.has_ended]
        wait([child.line for child in living], WATCH_INTERVAL_S)


def projectors(data: Sequence[str], number: int) -> Sequence[Worker]:
    """`data` are the words of the command line that name the data folder."""
    names = ["projector"] if number == 1 else [f"projector {n + 1}" for n in range(number)]
    return [Worker(name, ("project", *data)) for name in names]


@contextlib.contextmanager
def servers(
    data: Sequence[str], host: str, ports: Mapping[str, int], number: int
) -> Iterator[Sequence[Worker]]:
    """Each has sockets of its own at the same ports, over which the system spreads connections.

    `ports` are TaskFlow Pro's and TaskForge's, by the options that choose them.
    """
    words = ("serve", *data, "--host", host, *as_words(ports))
    with contextlib.ExitStack() as stack:
        found = []
        bind = partial(bound, host, Ports(*ports.values()), is_shared=number > 1)
        for n in range(number):
            found.append(Worker(f"server {n + 1}", words, bind(), bind))
            stack.callback(found[-1].refuse)
        yield found


def as_words(options: Mapping[str, int]) -> list[str]:
    """Options and their values as a command line has them."""
    return [word for name, value in options.items() for word in (name, str(value))]
