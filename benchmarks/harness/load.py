"""A load generator that anybody can run: keep-alive connections in a closed loop, no package.

Each connection sends the next request when its answer is complete, so `connections` requests are
always under way. It shares the machine with what it measures and costs about 15 µs a request.
"""

import selectors
import socket
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

HEAD_END = b"\r\n\r\n"


@dataclass
class Answers:
    """What came back. seconds: how long was measured. latencies: seconds, one a request."""

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
    """Send `requests` in turns over so many connections for so long."""
    answers = Answers()
    with selectors.DefaultSelector() as selector:
        turns = _Turns(requests)
        for _ in range(connections):
            _Connection((host, port), turns, answers, selector)
        started = time.perf_counter()
        while (now := time.perf_counter()) < started + seconds:
            for key, _ in selector.select(0.2):
                key.data.readable(now)
                now = time.perf_counter()
        answers.seconds = time.perf_counter() - started
        for key in list(selector.get_map().values()):
            key.fileobj.close()
    return answers


class _Turns:
    def __init__(self, requests: Sequence[bytes]) -> None:
        self._requests, self._next = requests, 0

    def take(self) -> bytes:
        """The next request."""
        self._next += 1
        return self._requests[self._next % len(self._requests)]


class _Connection:
    """One connection with one request under way."""

    def __init__(
        self,
        address: tuple[str, int],
        turns: _Turns,
        answers: Answers,
        selector: selectors.BaseSelector,
    ) -> None:
        self._address, self._turns = address, turns
        self._answers, self._selector = answers, selector
        self._received, self._need, self._sent_at = b"", 0, 0.0
        self._open()

    def _open(self) -> None:
        self._socket = socket.create_connection(self._address, timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(self._socket, selectors.EVENT_READ, self)
        self._send()

    def _send(self) -> None:
        self._received, self._need = b"", 0
        self._sent_at = time.perf_counter()
        self._socket.sendall(self._turns.take())

    def readable(self, _: float) -> None:
        """Take what has arrived; the next request when the answer is complete."""
        try:
            part = self._socket.recv(262_144)
        except OSError:
            part = b""
        if not part:
            self._again()
            return
        self._received += part
        if not self._need:
            self._need = _length(self._received)
        if self._need and len(self._received) >= self._need:
            self._finish()

    def _finish(self) -> None:
        self._answers.latencies.append(time.perf_counter() - self._sent_at)
        head = self._received[: self._received.find(HEAD_END)]
        self._answers.statuses[int(head[9:12])] += 1
        if b"connection: close" in head.lower():
            self._reopen()
        else:
            try:
                self._send()
            except OSError:
                self._reopen()

    def _again(self) -> None:
        """The server closed. Without an answer begun it may do so between two requests."""
        self._answers.statuses["broken"] += 1
        self._reopen()

    def _reopen(self) -> None:
        self._selector.unregister(self._socket)
        self._socket.close()
        self._open()


def _length(received: bytes) -> int:
    """Bytes of the whole answer, or 0 while that is not known."""
    end = received.find(HEAD_END)
    if end < 0:
        return 0
    for line in received[:end].split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return end + len(HEAD_END) + int(value)
    raise ValueError("an answer without Content-Length cannot be measured here")
