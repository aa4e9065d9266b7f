"""How many connections an address may have, and how slow a client may be."""

import math

import pytest

from service.server import connections as module
from service.server.connections import Connections


class FakeConnection:
    """A connection that notes what is done to it."""

    def __init__(self, address="10.0.0.1", since=math.inf) -> None:
        self.address, self.waiting_since = address, since
        self.body_since, self.body_bytes, self.unsent, self.ended = math.inf, 0, 0, ""

    def unsent_bytes(self):
        """As the test sets it."""
        return self.unsent

    def refuse(self, _, kind, __):
        """Notes the kind."""
        self.ended = kind

    def close_after_answer(self):
        """Notes it."""
        self.ended = "close after answer"

    def abort(self):
        """Notes it."""
        self.ended = "aborted"


def added(connections, *addresses):
    """Connections of these addresses, those that were accepted."""
    made = [FakeConnection(address) for address in addresses]
    return [connection for connection in made if connections.add(connection)]


def test_an_address_has_so_many_connections_and_others_theirs():
    connections = Connections(2)
    first, second = added(connections, "a", "a", "a", "a")
    assert len(added(connections, "b", "b", "b")) == 2
    connections.remove(first)
    connections.remove(first)  # counted once
    assert len(added(connections, "a", "a")) == 1
    connections.remove(second)


@pytest.mark.parametrize("proxies", ["10.0.0.9", "10.0.0.8/31, ::1", " ::1 ,10.0.0.0/8"])
def test_a_proxy_may_have_any_number(proxies):
    connections = Connections(2, proxies)
    assert len(added(connections, *["10.0.0.9"] * 5)) == 5
    assert len(added(connections, *["192.168.0.1"] * 5)) == 2


def test_a_text_that_names_no_proxy_is_refused_at_the_start():
    with pytest.raises(ValueError, match="nonsense"):
        Connections(2, "nonsense")


def test_a_full_worker_closes_the_longest_waiting_connection_of_the_busiest_address():
    connections = Connections(10, maximum=4)
    waiting = [FakeConnection("busy", since) for since in (3.0, 1.0, 2.0)]
    other = FakeConnection("other", 0.0)
    assert all(connections.add(connection) for connection in (*waiting, other))
    assert added(connections, "new") and waiting[1].ended == "aborted"
    assert not waiting[0].ended and not waiting[2].ended and not other.ended


def test_a_worker_full_of_running_requests_refuses():
    connections = Connections(10, maximum=3)
    assert len(added(connections, "a", "b", "c")) == 3
    assert not added(connections, "d")


@pytest.mark.parametrize(
    ("seconds", "ended"),
    [(0, ""), (module.HEAD_SECONDS, ""), (module.HEAD_SECONDS + 1, "slow-head")],
)
def test_a_head_must_arrive_in_time(seconds, ended):
    connections, connection = Connections(1), FakeConnection(since=100.0)
    connections.add(connection)
    connections.sweep(100.0 + seconds)
    assert connection.ended == ended


@pytest.mark.parametrize(
    ("seconds", "size", "ended"),
    [
        (module.GRACE_SECONDS, 0, ""),
        (module.GRACE_SECONDS + 1, 16_000, ""),
        (module.GRACE_SECONDS + 1, 15_999, "slow-body"),
        (1_000, 2_000_000, ""),
        (1_000, 999_999, "slow-body"),
    ],
)
def test_a_body_must_arrive_with_a_least_rate(seconds, size, ended):
    connections, connection = Connections(1), FakeConnection()
    connection.body_since, connection.body_bytes = 100.0, size
    connections.add(connection)
    connections.sweep(100.0 + seconds)
    assert connection.ended == ended


def swept(sizes, every=1.0):
    """What becomes of a connection with so many unsent bytes, second by second."""
    connections, connection = Connections(1), FakeConnection()
    connections.add(connection)
    for number, size in enumerate(sizes):
        connection.unsent = size
        connections.sweep(100.0 + number * every)
    return connection.ended


def test_an_answer_must_be_read_with_a_least_rate():
    assert swept([300_000] * 10) == ""
    assert swept([300_000] * 18) == "aborted"
    assert swept([300_000 - 11_000 * n for n in range(25)]) == ""
    assert swept([300_000 - 5_000 * n for n in range(25)]) == "aborted"
    assert swept([0] * 100) == ""


def test_an_answer_that_goes_on_is_measured_again():
    assert swept([60_000, 60_000, 0] * 20) == ""
    assert swept([60_000, 20_000, 60_000, 20_000] * 20) == ""


def test_draining_is_told_to_each_connection():
    connections, connection = Connections(1), FakeConnection()
    connections.add(connection)
    connections.drain()
    assert connections.draining and connection.ended == "close after answer"
