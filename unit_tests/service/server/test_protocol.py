"""A connection as clients see it, over a Unix socket: framing, limits, its end after an error."""

import asyncio
import json
import math
import socket
import threading
import time
from functools import partial
from http.client import parse_headers

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from service.server import protocol as module
from service.server.connections import Connections
from service.server.protocol import BoundedProtocol

START = b"POST /length HTTP/1.1\r\nHost: x\r\n"
CHUNKED = START + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET /here HTTP/1.1\r\nHost: x\r\n\r\n"


class Application:
    """In place of `Service`. POST /usual is answered at once, unless its body says otherwise."""

    def __init__(self, per_address):
        self.connections = Connections(per_address)

    def accepts(self, url, headers):
        """The headers of a usual request."""
        return dict(headers) if url == b"/usual" and b"content-length" in dict(headers) else None

    def answer(self, _, __, body):
        """The answer, without its first headers."""
        if body == b"broken":
            raise ZeroDivisionError
        if body == b"left":
            return None
        content = json.dumps({"path": "at once", "length": len(body)}).encode()
        return b"content-length: %d\r\n\r\n%b" % (len(content), content)

    async def __call__(self, scope, receive, send):
        await application(scope, receive, send)


async def application(scope, receive, send):
    """Answers what it received: path, names of headers, length of the body."""
    length, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length, more = length + len(message["body"]), message["more_body"]
    if scope["path"] == "/slow":
        await asyncio.sleep(0.3)
    names = sorted(name.decode() for name, _ in scope["headers"])
    body = json.dumps({"path": scope["path"], "names": names, "length": length}).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


# pylint: disable=protected-access # a test looks at what clients do not see


class Client:
    """A connection that reads one answer after the other."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(10)
        self._socket.connect(path)
        self.sendall, self._file = self._socket.sendall, self._socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()
        self._socket.close()

    def answer(self):
        """The next answer: status, headers, JSON."""
        status = int(self._file.readline().split()[1])
        headers = parse_headers(self._file)
        return status, headers, json.loads(self._file.read(int(headers["Content-Length"])))

    def is_closed(self, peek=False):
        """Whether the server has closed the connection. peek: an answer may follow."""
        return not (self._file.peek(1) if peek else self._file.read(1))


class Served:
    """A server in a thread, and connections to it."""

    def __init__(self, path, per_address=1_000):
        service = Application(per_address)
        self.path, self.connections = str(path), service.connections
        self.loop, started = asyncio.new_event_loop(), threading.Event()
        config = Config(service, loop="asyncio", lifespan="off", ws="none", interface="asgi3")
        config.http = partial(BoundedProtocol, service=service)
        config.load()
        make = partial(config.http_protocol_class, config, ServerState(), {}, self.loop)

        def run():
            asyncio.set_event_loop(self.loop)
            self.loop.run_until_complete(self.loop.create_unix_server(make, self.path))
            started.set()
            self.loop.run_forever()

        threading.Thread(target=run, daemon=True).start()
        started.wait()

    def connect(self):
        """A connection."""
        return Client(self.path)

    def wait_for_request(self):
        """Return when a request is under way on each connection."""
        while not (opened := list(self.connections._open)) or any(
            connection.waiting_since < math.inf for connection in opened
        ):
            time.sleep(0.001)

    def call(self, work, *arguments):
        """Run a function in the server's thread, to its end."""
        done = threading.Event()
        self.loop.call_soon_threadsafe(lambda: (work(*arguments), done.set()))
        done.wait(10)


@pytest.fixture(name="server")
def _server(tmp_path):
    server = Served(tmp_path / "socket")
    yield server
    server.loop.call_soon_threadsafe(server.loop.stop)


def usual(body, more=b""):
    """A request that is answered at once."""
    return b"POST /usual HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (more, len(body), body)


REFUSED = {
    "no HTTP": (b"NONSENSE\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
    "HTTP/9.9": (b"GET / HTTP/9.9\r\n\r\n", 400),
    "HTTP/2": (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    "long address": (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", 414),
    "endless address": (b"GET /" + b"a" * 40_000, 414),
    "address that is not ASCII": (b"GET /?a=\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "long header": (b"GET / HTTP/1.1\r\nA: " + b"a" * 20_000 + b"\r\n\r\n", 431),
    "endless header": (b"GET / HTTP/1.1\r\nA: " + b"a" * 40_000, 431),
    "endless name": (b"GET / HTTP/1.1\r\n" + b"a" * 40_000, 431),
    "many headers": (b"GET / HTTP/1.1\r\n" + b"A: a\r\n" * 61 + b"\r\n", 431),
    "space in a name": (b"GET / HTTP/1.1\r\nA b: c\r\n\r\n", 400),
    "space before the colon": (START + b"Content-Length : 2\r\n\r\n{}", 400),
    "folded header": (b"GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n", 400),
    "bare line feeds": (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    "unknown coding": (START + b"Transfer-Encoding: nonsense\r\n\r\n", 400),
    "coding after chunked": (START + b"Transfer-Encoding: chunked, identity\r\n\r\n", 400),
    "coding before chunked": (START + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked twice": (START + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n", 400),
    "chunked in HTTP/1.0": (CHUNKED.replace(b"1.1", b"1.0") + b"0\r\n\r\n", 400),
    "length below zero": (START + b"Content-Length: -5\r\n\r\n{}", 400),
    "length with a sign": (START + b"Content-Length: +2\r\n\r\n{}", 400),
    "two lengths": (START + b"Content-Length: 2\r\n" * 2 + b"\r\n{}", 400),
    "length and chunked": (
        START + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "chunk that is no number": (CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", 400),
    "chunk in hexadecimal notation": (CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n", 400),
    "chunk longer than told": (CHUNKED + b"1\r\n{}\r\n0\r\n\r\n", 400),
    "endless chunk line": (CHUNKED + b"2;a=" + b"a" * 40_000, 400),
    "endless chunk size": (CHUNKED + b"0" * 40_000, 400),
    "endless trailer": (CHUNKED + b"0\r\nA: " + b"a" * 40_000, 400),
    "long trailer": (CHUNKED + b"0\r\nA: " + b"a" * 9_000 + b"\r\n\r\n", 431),
    "many trailers": (CHUNKED + b"0\r\n" + b"A: a\r\n" * 70 + b"\r\n", 431),
    "malformed trailer": (CHUNKED + b"0\r\nnonsense\r\n\r\n", 400),
    "length as a trailer": (CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n", 400),
    "key as a trailer": (CHUNKED + b"0\r\nX-API-Key: a\r\n\r\n", 400),
    "unknown expectation": (b"GET / HTTP/1.1\r\nHost: x\r\nExpect: nonsense\r\n\r\n", 417),
    "tunnel": (b"CONNECT a:80 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_is_no_good_request_is_refused_and_the_connection_closed(server, case):
    sent, status = case
    with server.connect() as connection:
        connection.sendall(sent)
        answered, headers, body = connection.answer()
        assert (answered, body["status"]) == (status, status), body
        assert headers["Content-Type"] == "application/problem+json" and body["detail"]
        assert headers["Connection"] == "close" and connection.is_closed()


@pytest.mark.parametrize("piece", [1, 7, 4_096])
def test_a_request_is_read_in_any_pieces(server, piece):
    sent = (
        CHUNKED.replace(b"Host", b"A_b: c\r\nHost")
        + b"2;x=y\r\n{}\r\n0\r\nTrailing: a\r\n\r\n"
        + GET
    )
    with server.connect() as connection:
        for start in range(0, len(sent), piece):
            connection.sendall(sent[start : start + piece])
        status, _, body = connection.answer()
        assert (status, body["length"]) == (200, 2)
        assert body["names"] == ["host", "transfer-encoding"]  # neither A_b nor the trailer
        assert connection.answer()[2]["path"] == "/here"


def test_long_bodies_pass_in_pieces(server):
    body = b"x" * 300_000
    with server.connect() as connection:
        connection.sendall(START + b"Content-Length: 300000\r\n\r\n" + body)
        assert connection.answer()[2]["length"] == 300_000
        connection.sendall(CHUNKED + b"493e0\r\n" + body + b"\r\n0\r\n\r\n")
        assert connection.answer()[2]["length"] == 300_000


def test_pipelined_requests_are_answered_in_order_up_to_a_bound(server):
    paths = [f"/{number}" for number in range(module.MAX_PIPELINED)]
    with server.connect() as connection:
        connection.sendall(b"".join(GET.replace(b"/here", path.encode()) for path in paths))
        assert [connection.answer()[2]["path"] for _ in paths] == paths
    with server.connect() as connection:
        connection.sendall(GET.replace(b"/here", b"/slow") + GET * (module.MAX_PIPELINED + 5))
        status, headers, body = connection.answer()
        assert (status, body["path"], headers["Connection"]) == (200, "/slow", "close")
        assert connection.is_closed()


def test_an_error_after_a_whole_request_comes_after_its_answer(server):
    with server.connect() as connection:
        connection.sendall(GET.replace(b"/here", b"/slow") + b"NONSENSE\r\n\r\n")
        status, headers, body = connection.answer()
        assert (status, body["path"], headers["Connection"]) == (200, "/slow", "close")
        assert connection.is_closed()


def test_a_connection_too_many_is_refused(tmp_path):
    server = Served(tmp_path / "socket", per_address=1)
    with server.connect() as first, server.connect() as second:
        status, headers, body = second.answer()
        assert (status, headers["Connection"]) == (503, "close")
        assert body["type"].endswith("too-many-connections") and second.is_closed()
        first.sendall(GET)
        assert first.answer()[0] == 200
    server.call(lambda: None)
    with server.connect() as third:
        third.sendall(GET)
        assert third.answer()[0] == 200


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"", ""),
        (GET[:9], "slow-head"),
        (START + b"Content-Length: 9\r\n\r\n{", "slow-body"),
        (usual(b"12345")[:-1], "slow-body"),
    ],
)
def test_a_client_that_stops_is_refused_by_the_sweep(server, sent, kind):
    with server.connect() as connection:
        connection.sendall(GET + sent)
        connection.answer()
        server.call(lambda: None)
        server.call(server.connections.sweep, server.loop.time())
        server.call(server.connections.sweep, server.loop.time() + 17)
        if kind:  # an idle client expects no answer
            status, _, body = connection.answer()
            assert status == 408 and body["type"].endswith(kind)
        assert connection.is_closed()


def test_a_request_under_way_is_not_slow(server):
    with server.connect() as connection:
        connection.sendall(GET.replace(b"/here", b"/slow"))
        server.wait_for_request()
        server.call(server.connections.sweep, server.loop.time() + 1_000)
        assert connection.answer()[0] == 200


def test_a_draining_server_says_close_and_answers_the_next_request(server):
    with server.connect() as idle, server.connect() as busy:
        busy.sendall(GET.replace(b"/here", b"/slow"))
        idle.sendall(GET)
        assert idle.answer()[1]["Connection"] is None
        server.call(server.connections.drain)
        for connection in (busy, idle):
            if connection is idle:
                idle.sendall(GET)
            status, headers, _ = connection.answer()
            assert (status, headers["Connection"]) == (200, "close") and connection.is_closed()


@pytest.mark.parametrize("piece", [1, 7, 4_096])
def test_usual_requests_are_answered_at_once_and_in_order_with_others(server, piece):
    sent = [usual(b"12"), GET, usual(b"left"), usual(b"broken"), usual(b"123456"), GET]
    with server.connect() as connection:
        for start in range(0, len(stream := b"".join(sent)), piece):
            connection.sendall(stream[start : start + piece])
        answers = [connection.answer() for _ in sent]
    assert {(status, headers["Connection"]) for status, headers, _ in answers} == {(200, None)}
    bodies = [body for _, _, body in answers]
    assert [body["length"] for body in bodies] == [2, 0, 4, 6, 6, 0]
    assert bodies[0]["path"] == "at once" and bodies[1]["path"] == bodies[5]["path"] == "/here"
    assert bodies[2]["path"] == bodies[3]["path"] == "/usual"  # these were left to the rest


def test_of_usual_requests_that_come_together_one_is_answered_at_once(server):
    with server.connect() as connection:
        connection.sendall(usual(b"1") * 20)
        paths = [connection.answer()[2]["path"] for _ in range(20)]
        assert paths == ["at once", *["/usual"] * 19]
        connection.sendall(usual(b"1"))
        assert connection.answer()[2]["path"] == "at once"
        connection.sendall(usual(b"1") * (module.MAX_PIPELINED + 20))
        answers = 0
        while not connection.is_closed(peek=True):
            connection.answer()
            answers += 1
        assert 0 < answers <= module.MAX_PIPELINED + 2


@pytest.mark.parametrize("more", [b"Connection: close\r\n", b""])
def test_a_usual_request_may_be_the_last_one(server, more):
    if not more:
        server.call(server.connections.drain)
    with server.connect() as connection:
        connection.sendall(usual(b"1", more) + GET)
        status, headers, body = connection.answer()
        assert (status, body["path"], headers["Connection"]) == (200, "at once", "close")
        assert connection.is_closed()


def test_a_half_sent_usual_request_is_answered_before_the_worker_ends(server):
    with server.connect() as connection:
        connection.sendall(usual(b"12345")[:-1])
        server.wait_for_request()
        server.call(server.connections.drain)
        for opened in list(server.connections._open):
            server.call(opened.shutdown)
        connection.sendall(b"5")
        assert connection.answer()[2] == {"path": "at once", "length": 5} and connection.is_closed()


@pytest.mark.parametrize("body", [b"left", b"123456"])
def test_an_idle_connection_is_never_taken_for_a_slow_body(server, body):
    with server.connect() as connection:
        connection.sendall(usual(body))
        assert connection.answer()[0] == 200
        server.call(lambda: None)
        assert all(c.body_since == math.inf for c in server.connections._open)
        server.call(server.connections.sweep, server.loop.time() + 17)
        assert connection.is_closed()  # as idle: without an answer to nothing
