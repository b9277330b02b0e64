"""The ports that tests give to the servers they start."""

from __future__ import annotations

import socket
from itertools import islice

import pytest

from tests.running import PORTS, free_port, is_free, own_ports


def test_workers_at_the_same_time_name_different_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "3")
    named: list[int] = []
    for worker in range(3):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", f"gw{worker}")
        named += islice(own_ports(), len(PORTS) // 3)
    assert sorted(named) == [*PORTS]


def test_a_port_on_which_somebody_listens_is_not_free() -> None:
    port = free_port()
    assert is_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)
    assert free_port() != port
