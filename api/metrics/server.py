"""What the parts of a server process count, as families of metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from prometheus_client.core import Metric

from api.core import Core
from api.metrics.families import PREFIX, by_word, counter, gauge, histogram
from api.metrics.kept import kept_families
from commands.dispatcher import DispatchCounts
from events.appender import AppendCounts
from events.connections import Connections
from events.postgres import PostgresLog
from readmodels.pipe import UNDER_WAY_MAX, Pipe
from readmodels.redis import RedisModel


def server_families(core: Core) -> Iterator[Metric]:
    yield from core.watch.requests.families()
    yield from core.watch.loop_lag.families()
    yield from _appending(core.store.counts, core.store.appends_waiting)
    yield from _deciding(core.dispatcher.counts)
    yield from _answering(core)
    yield from kept_families(core)
    yield from _queues(core)
    yield from _pools(core)
    yield from _limits(core)
    yield from _admission(core)


def _appending(counts: AppendCounts, waiting: int) -> Iterator[Metric]:
    outcomes = by_word(counts.outcomes)
    yield counter(f"{PREFIX}appends", "Appends to the log, by what came of them.", ("outcome",), outcomes)
    groups = {(): counts.group_appends}
    yield histogram(f"{PREFIX}append_group_size", "Appends that were written together.", (), groups)
    took = {(): counts.group_seconds}
    yield histogram(f"{PREFIX}append_group_seconds", "How long writing a group took.", (), took)
    yield gauge(f"{PREFIX}appends_waiting", "Appends that wait for the writer.", (), {(): waiting})


def _deciding(counts: DispatchCounts) -> Iterator[Metric]:
    words = {name: number for name, number in asdict(counts).items() if name != "conflicts"}
    yield counter(f"{PREFIX}commands", "Commands, by what came of them.", ("outcome",), by_word(words))
    about = "Decisions made again because somebody else was faster."
    yield counter(f"{PREFIX}command_conflicts", about, (), {(): counts.conflicts})


def _answering(core: Core) -> Iterator[Metric]:
    about = "Answers given again to the same Idempotency-Key."
    yield counter(f"{PREFIX}repetitions", about, (), {(): core.repetitions.repeated})
    outcomes = by_word({word: core.passwords.outcomes[word] for word in ("right", "wrong", "turned_away")})
    yield counter(f"{PREFIX}password_checks", "Passwords that were checked.", ("outcome",), outcomes)
    about = "Cookies that named no live session."
    yield counter(f"{PREFIX}sessions_refused", about, (), {(): core.sessions.refused})


def _queues(core: Core) -> Iterator[Metric]:
    reports = {(): core.reports.under_way}
    yield gauge(f"{PREFIX}reports_under_way", "Reports that are made or wait.", (), reports)
    traces = {(): core.attempts.waiting}
    yield gauge(f"{PREFIX}attempts_waiting", "Traces of requests that wait to be written.", (), traces)
    about = "Traces of requests that were given up because too many waited."
    yield counter(f"{PREFIX}attempts_dropped", about, (), {(): core.attempts.dropped_total})


def _pools(core: Core) -> Iterator[Metric]:
    pools = {"requests": core.connections, **_log_pools(core)}
    used = by_word({name: pool.in_use for name, pool in pools.items()})
    yield gauge(f"{PREFIX}database_connections_in_use", "Connections at work.", ("pool",), used)
    most = by_word({name: pool.connections_max for name, pool in pools.items()})
    yield gauge(f"{PREFIX}database_connections_max", "How many there may be.", ("pool",), most)
    pipes = _pipes(core)
    under_way = by_word({name: pipe.under_way for name, pipe in pipes.items()})
    about = f"Questions to Redis under way, {UNDER_WAY_MAX} at most."
    yield gauge(f"{PREFIX}redis_questions_under_way", about, ("pipe",), under_way)
    waiting = by_word({name: pipe.waiting for name, pipe in pipes.items()})
    yield gauge(f"{PREFIX}redis_questions_waiting", "Questions that wait for those.", ("pipe",), waiting)
    if isinstance(core.announcements.present, RedisModel):
        large = {(): core.announcements.present.turns.waiting}
        yield gauge(f"{PREFIX}large_questions", "Large questions that wait or are answered.", (), large)


def _log_pools(core: Core) -> Mapping[str, Connections]:
    return core.store.log.pools if isinstance(core.store.log, PostgresLog) else {}


def _pipes(core: Core) -> Mapping[str, Pipe]:
    model = core.announcements.present
    return model.pipes if isinstance(model, RedisModel) else {}


def _limits(core: Core) -> Iterator[Metric]:
    if core.limiter is None:
        return
    decisions = core.limiter.decisions.counts()
    about = "What limiters decided; local: by a process alone, while Redis was away."
    yield counter(f"{PREFIX}limiter_decisions", about, ("limiter", "decision"), decisions)
    broken = by_word({name: breaker.is_open for name, breaker in core.limiter.breakers.items()})
    about = "1 while a limiter goes without Redis."
    yield gauge(f"{PREFIX}limiter_breaker_open", about, ("limiter",), broken)


def _admission(core: Core) -> Iterator[Metric]:
    gates = {"read": core.admission.reads, "write": core.admission.writes}
    under_way = by_word({word: gate.under_way for word, gate in gates.items()})
    yield gauge(f"{PREFIX}requests_let_in", "Requests that were let in.", ("gate",), under_way)
    most = by_word({word: gate.limit for word, gate in gates.items()})
    yield gauge(f"{PREFIX}requests_let_in_max", "How many are let in at present.", ("gate",), most)
    about = "Requests that were answered 503 because there was no room."
    yield counter(f"{PREFIX}requests_turned_away", about, (), {(): core.admission.turned_away})
    about = "Connections of clients."
    yield gauge(f"{PREFIX}client_connections", about, (), {(): core.admission.connections})
