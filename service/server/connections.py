"""The open connections of a worker: how many an address may have, and how slow a client may be.

`Connections.sweep` looks at every connection once a second. A connection is closed that is idle or
in a request's head for too long, whose body arrives too slowly, or whose client does not read.
"""

import math
from collections import Counter
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Protocol

HEAD_SECONDS = 15.0  # from the first byte of a request to the end of its head, or without a byte
GRACE_SECONDS = 15.0  # before a rate is measured
BODY_BYTES_A_SECOND = 1_000  # at least, on average
ANSWER_BYTES_A_SECOND = 10_000  # at least, while the client has not read everything
SLOW_HEAD = "slow-head"
MAX_CONNECTIONS = 8_000  # of a worker


class Connection(Protocol):
    """What is measured of a connection; `protocol.py` has the connection itself."""

    address: str
    waiting_since: float  # for a request's head; infinite while a request is under way
    body_since: float  # infinite unless a body is being received
    body_bytes: int

    def unsent_bytes(self) -> int:
        """Bytes of answers that the client has not read yet."""

    def refuse(self, status: int, kind: str, detail: str) -> None:
        """Answer a problem, and close."""

    def close_after_answer(self) -> None:
        """Say `Connection: close` in the answer under way."""

    def abort(self) -> None:
        """Close at once."""


@dataclass
class Unsent:
    """How much a client had not read at one moment."""

    since: float
    size: int
    last: int


@dataclass
class Connections:
    """The connections of one worker.

    per_address: how many one address may have. proxies: addresses or networks, with commas between
    them; they have no such limit, since many clients are behind them.
    Raises ValueError when `proxies` are none.
    """

    per_address: int
    proxies: str = ""
    maximum: int = MAX_CONNECTIONS
    draining: bool = False
    _open: dict[Connection, Unsent | None] = field(default_factory=dict)
    _count: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        texts = [part.strip() for part in self.proxies.split(",") if part.strip()]
        self._networks = [ip_network(text, False) for text in texts]

    def add(self, connection: Connection) -> bool:
        """Count a new connection. False if its address has too many, or this worker has."""
        address = connection.address
        if self._count[address] >= self.per_address and not self._is_proxy(address):
            return False
        if len(self._open) >= self.maximum and not self._evict():
            return False
        self._open[connection] = None
        self._count[address] += 1
        return True

    def remove(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        if connection not in self._open:
            return
        del self._open[connection]
        self._count[connection.address] -= 1
        if not self._count[connection.address]:
            del self._count[connection.address]

    def client_of(self, address: str, forwarded_for: bytes) -> str:
        """The address of the client: that of the connection, or the last one in X-Forwarded-For
        that is no proxy, if the connection comes from a proxy."""
        if not self._networks or not self._is_proxy(address):
            return address
        hops = [hop.strip() for hop in forwarded_for.decode("latin-1").split(",")]
        return next((hop for hop in reversed(hops) if hop and not self._is_proxy(hop)), address)

    def drain(self) -> None:
        """From now on each answer says `Connection: close`."""
        self.draining = True
        for connection in self._open:
            connection.close_after_answer()

    def sweep(self, now: float) -> None:
        """Close the connections that are too slow. now: the event loop's clock."""
        for connection in list(self._open):
            if now - connection.waiting_since > HEAD_SECONDS:
                connection.refuse(408, SLOW_HEAD, f"no request within {HEAD_SECONDS:.0f} s")
            elif _is_slow(now - connection.body_since, connection.body_bytes, BODY_BYTES_A_SECOND):
                detail = f"a body must arrive with {BODY_BYTES_A_SECOND:,} bytes a second"
                connection.refuse(408, "slow-body", detail)
            elif self._is_slow_reader(connection, now):
                connection.abort()

    def _is_proxy(self, address: str) -> bool:
        try:
            return any(ip_address(address) in network for network in self._networks)
        except ValueError:  # no address: a forwarded text, or a Unix socket
            return False

    def _is_slow_reader(self, connection: Connection, now: float) -> bool:
        size, unsent = connection.unsent_bytes(), self._open.get(connection)
        if not size:
            self._open[connection] = None
            return False
        if unsent is None or size > unsent.last:  # the answer goes on: measure from here
            self._open[connection] = Unsent(now, size, size)
            return False
        unsent.last = size
        return _is_slow(now - unsent.since, unsent.size - size, ANSWER_BYTES_A_SECOND)

    def _evict(self) -> bool:
        """Close the connection that has waited longest, of the address with most of them."""
        busiest = self._count.most_common(1)[0][0]
        waiting = [c for c in self._open if c.address == busiest and c.waiting_since < math.inf]
        if not waiting:
            return False
        oldest = min(waiting, key=lambda connection: connection.waiting_since)
        oldest.abort()
        self.remove(oldest)
        return True


def _is_slow(seconds: float, size: int, bytes_a_second: float) -> bool:
    """Whether `size` bytes are too few for this time; the first seconds are not judged."""
    return seconds > GRACE_SECONDS and size < bytes_a_second * seconds
