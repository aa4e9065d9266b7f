"""A load generator in plain Python, over connections that are kept.

`run` sends without a pause: each connection sends the next request when its answer is complete, so
`connections` requests are always under way. `run_paced` sends at a rate, whatever the server does.
It runs on the same machine as the server and costs about 15 µs a request.
"""

import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

HEAD_END = b"\r\n\r\n"
PACED_CONNECTIONS = 32


@dataclass
class Answers:
    """seconds: length of the measurement. latencies: seconds of each request. statuses: counts."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter = field(default_factory=Counter)

    @property
    def per_second(self) -> float:
        """Answers a second, whatever their status."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """Milliseconds within which so many percent were answered."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]

    @property
    def failed(self) -> int:
        """Requests that were not answered 200: other statuses and broken connections."""
        return sum(self.statuses.values()) - self.statuses[200]


def request(
    path: str, body: bytes = b"", content_type: str = "application/json", headers: str = ""
) -> bytes:
    """An HTTP/1.1 request: POST with a body, GET without."""
    method = "POST" if body else "GET"
    about = f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nHost: bench\r\n{about}{headers}\r\n".encode() + body


def run(
    port: int, requests: Sequence[bytes], connections: int, seconds: float, host: str = "127.0.0.1"
) -> Answers:
    """Send `requests` again and again, in order, over so many connections for so many seconds."""
    answers = Answers()
    with selectors.DefaultSelector() as selector:
        queue = _RequestQueue(requests)
        for _ in range(connections):
            _Connection((host, port), queue, answers, selector)
        started = time.perf_counter()
        while (now := time.perf_counter()) < started + seconds:
            for key, _ in selector.select(0.2):
                key.data.readable(now)
                now = time.perf_counter()
        answers.seconds = time.perf_counter() - started
        for key in list(selector.get_map().values()):
            key.fileobj.close()
    return answers


def run_paced(port: int, requests: Sequence[bytes], per_second: float, seconds: float) -> Answers:
    """Send `requests` in order, `per_second` of them a second for so many seconds.

    A latency begins when its request was due, also if no connection was free at that moment: a
    server that stops is then as slow here as for its clients.
    """
    answers, idle = Answers(), deque[_Connection]()
    with selectors.DefaultSelector() as selector:
        queue = _RequestQueue(requests)
        for _ in range(PACED_CONNECTIONS):
            idle.append(_Connection(("127.0.0.1", port), queue, answers, selector, idle))
        started, sent, total = time.perf_counter(), 0, int(per_second * seconds)
        while len(answers.latencies) < total:
            due = started + sent / per_second
            while sent < total and idle and time.perf_counter() >= due:
                idle.popleft().send(due)
                sent += 1
                due = started + sent / per_second
            pause = max(due - time.perf_counter(), 0.0) if sent < total and idle else 0.2
            for key, _ in selector.select(pause):
                key.data.readable(0.0)
        answers.seconds = time.perf_counter() - started
        for key in list(selector.get_map().values()):
            key.fileobj.close()
    return answers


class _RequestQueue:
    def __init__(self, requests: Sequence[bytes]) -> None:
        self._requests, self._next = requests, 0

    def next(self) -> bytes:
        """The next request; after the last one, the first again."""
        self._next += 1
        return self._requests[self._next % len(self._requests)]


class _Connection:
    """One connection with one request under way, or idle. idle: where it goes after each answer;
    None for sending the next request at once."""

    def __init__(
        self,
        address: tuple[str, int],
        queue: _RequestQueue,
        answers: Answers,
        selector: selectors.BaseSelector,
        idle: "deque[_Connection] | None" = None,
    ) -> None:
        self._address, self._queue, self._idle = address, queue, idle
        self._answers, self._selector = answers, selector
        self._received, self._need, self._sent_at = b"", 0, 0.0
        self._open()

    def _open(self) -> None:
        self._socket = socket.create_connection(self._address, timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(self._socket, selectors.EVENT_READ, self)
        if self._idle is None:
            self.send(time.perf_counter())

    def send(self, due: float) -> None:
        """Send the next request. due: when its latency begins."""
        self._received, self._need, self._sent_at = b"", 0, due
        self._socket.sendall(self._queue.next())

    def readable(self, _: float) -> None:
        """Read the received bytes; send the next request when the answer is complete."""
        try:
            chunk = self._socket.recv(262_144)
        except OSError:
            chunk = b""
        if not chunk:
            self._disconnected()
            return
        self._received += chunk
        if not self._need:
            self._need = _length(self._received)
        if self._need and len(self._received) >= self._need:
            self._finish()

    def _finish(self) -> None:
        self._answers.latencies.append(time.perf_counter() - self._sent_at)
        head = self._received[: self._received.find(HEAD_END)]
        self._answers.statuses[int(head[9:12])] += 1
        if self._idle is not None:
            self._idle.append(self)
        if b"connection: close" in head.lower():
            self._reopen()
        elif self._idle is None:
            try:
                self.send(time.perf_counter())
            except OSError:
                self._reopen()

    def _disconnected(self) -> None:
        """The server closed the connection: count it, and connect again."""
        self._answers.statuses["broken"] += 1
        self._reopen()

    def _reopen(self) -> None:
        self._selector.unregister(self._socket)
        self._socket.close()
        self._open()


def _length(received: bytes) -> int:
    """Bytes of the whole answer, or 0 while its head is incomplete."""
    end = received.find(HEAD_END)
    if end < 0:
        return 0
    for line in received[:end].split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return end + len(HEAD_END) + int(value)
    raise ValueError("an answer without Content-Length cannot be measured here")
