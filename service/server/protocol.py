"""One HTTP/1.1 connection: uvicorn's protocol with bounds on everything that a client sends.

llhttp, which uvicorn uses, refuses malformed HTTP and ambiguous lengths. Added here are bounds on
heads, chunk lines, trailers and pipelining, the marks that `connections.py` measures slow clients
by, and an end of the connection after each framing error.
"""

import asyncio
import logging
import math
from functools import lru_cache
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.http.problem import Problem
from service.server.asgi import Headers, Service
from service.server.connections import SLOW_HEAD
from service.server.head_rules import (
    MAX_HEADERS,
    MAX_LINE_BYTES,
    VERSIONS,
    check_head,
    check_trailer,
    large_head,
    line_too_long,
    other_version,
)
from service.server.problem_page import page

log = logging.getLogger(__name__)

PIECE_BYTES = 8_192  # are parsed at a time, so that a line without end is noticed after two pieces
MAX_PIPELINED = 50  # requests that wait for the answers to earlier ones
LINGER_SECONDS = 2.0  # for the client to read a refusal before the connection is reset


class BoundedProtocol(HttpToolsProtocol):
    """A connection of which nothing grows without bound. service: what answers its requests."""

    def __init__(self, *args: Any, service: Service, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._service, self._all = service, service.connections
        self.url = b""
        self._usual: Headers | None = None  # the headers of a request that is answered at once
        self._body, self._turn_used = b"", False
        self._head_begun = False
        self.address = ""
        self.waiting_since, self.body_since, self.body_bytes = math.inf, math.inf, 0
        self._active: RequestResponseCycle | None = None  # the request that is being answered
        self._refused = False  # nothing more is read
        self._progress, self._unparsed = False, 0  # since the parser last came to a new element
        self._fields, self._head_complete, self._trailer_bytes = 0, False, 0

    @property
    def is_lost(self) -> bool:
        """Whether nobody reads an answer any more."""
        return self.transport.is_closing()

    def unsent_bytes(self) -> int:
        """Bytes of answers that the client has not read yet."""
        return self.transport.get_write_buffer_size()

    # asyncio's base class allows any transport; uvicorn serves stream transports only.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection; one too many of its address is refused."""
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        if self._all.add(self):
            self.waiting_since = self.loop.time()
        else:
            detail = "too many connections from your address: close some, or use them again"
            self.refuse(503, "too-many-connections", detail)
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._all.remove(self)
        super().connection_lost(exc)

    def abort(self) -> None:
        """Close at once; what was not sent yet is dropped."""
        self._refused = True
        self.transport.abort()

    def refuse(self, status: int, kind: str, detail: str) -> None:
        """Answer a problem in place of the request that is being received, and close.

        A complete request before it is answered first, and the connection is closed after that.
        """
        self._refused = True
        self.waiting_since = self.body_since = math.inf
        self.pipeline.clear()
        self._usual = None
        active = self._active
        if active is not None and not active.response_complete:
            if active is not self.cycle or not active.more_body:
                active.keep_alive = False
                return
            active.disconnected = True
            active.message_event.set()
            if active.response_started:
                self.transport.close()
                return
        if kind == SLOW_HEAD and not self._head_begun:
            self.transport.close()  # an idle client expects no answer
        elif not self.transport.is_closing():
            self.transport.write(page(Problem(status, kind, detail)))
            self._linger()

    def shutdown(self) -> None:
        """Close the connection if it is idle: uvicorn's last step before the worker ends."""
        if self._usual is None:  # else it is closed after the answer, since the worker drains
            super().shutdown()

    def close_after_answer(self) -> None:
        """Say `Connection: close` in the answer under way, if it has not begun."""
        if self._active is not None and not self._active.response_started:
            self._active.keep_alive = False

    def data_received(self, data: bytes) -> None:
        """Parse a part of what the client sends."""
        if self._refused:
            return
        self._unset_keepalive_if_required()
        self._turn_used = False
        for start in range(0, len(data), PIECE_BYTES):
            piece = data[start : start + PIECE_BYTES] if len(data) > PIECE_BYTES else data
            if not self._parse(piece):
                return

    def _parse(self, piece: bytes) -> bool:
        self._progress = False
        try:
            self.parser.feed_data(piece)
            self._unparsed = 0 if self._progress else self._unparsed + len(piece)
            if self._unparsed > MAX_LINE_BYTES:
                raise line_too_long(self._head_complete)
        except Problem as problem:
            self.refuse(problem.status, problem.kind, problem.detail)
        except httptools.HttpParserUpgrade:  # the rest would be in another protocol
            self.refuse(400, "broken-http", "the connection cannot be upgraded")
        except httptools.HttpParserError as error:
            cause = error.__context__
            if isinstance(cause, Problem):
                self.refuse(cause.status, cause.kind, cause.detail)
            else:
                self.refuse(400, "broken-http", f"this is no HTTP/1.1 request: {cause or error}")
        return not self._refused

    def _linger(self) -> None:
        """Close when the client has had time to read: closing with unread data resets it."""
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    # Callbacks of the parser

    def on_message_begin(self) -> None:
        """A request begins."""
        # uvicorn's own part follows in `_begin_cycle`: most requests do without.
        self.url, self.headers = b"", []
        self._progress = self._head_begun = True
        self._fields, self._head_complete, self._trailer_bytes = 0, False, 0
        if self.waiting_since < math.inf:
            self.waiting_since = self.loop.time()
        if len(self.pipeline) >= MAX_PIPELINED:
            raise Problem(400, "pipelining", f"more than {MAX_PIPELINED} requests at once")

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        self._progress = True
        self.url += url
        if len(self.url) > MAX_LINE_BYTES:
            raise Problem(414, "long-address", f"the address is above {MAX_LINE_BYTES:,} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer: those are bounded and then ignored."""
        self._progress = True
        self._fields += 1
        if self._head_complete:
            self._trailer_bytes += len(name) + len(value)
            check_trailer(name, self._fields, self._trailer_bytes)
            return
        if self._fields > MAX_HEADERS or len(name) + len(value) > MAX_LINE_BYTES:
            raise large_head()
        if b"_" not in name:  # WSGI could not tell X_API_Key from X-API-Key
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is complete: the request begins, or is queued behind earlier ones."""
        self._progress = True
        version = self.parser.get_http_version()
        if version not in VERSIONS:
            raise other_version(version)
        self._fields, self._head_complete, self._head_begun = 0, True, False
        self.waiting_since = math.inf
        if self.parser.get_method() == b"POST" and self._is_free():
            self._usual, self._body = self._service.accepts(self.url, self.headers), b""
        if self._usual is None:
            check_head(version, self.headers)
            self._begin_cycle()
        else:
            self.body_since, self.body_bytes = self.loop.time(), 0

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._progress = True
        self.body_bytes += len(body)
        if self._usual is None:
            super().on_body(body)
        else:
            self._body += body

    def on_chunk_header(self) -> None:
        """The line before a chunk is complete."""
        self._progress = True

    def on_chunk_complete(self) -> None:
        """A chunk is complete."""
        self._progress = True

    def on_message_complete(self) -> None:
        """The request is complete."""
        self._progress = True
        if self._usual is not None:
            answered, self._usual = self._answer_at_once(self._usual), None
            if answered is not None:
                self.body_since = math.inf
                self._write_at_once(answered)
                return
            self._begin_cycle()
            super().on_body(self._body)
        self.body_since = math.inf  # after `_begin_cycle`, which expects a body to come
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer was written: the next request is answered, or waited for."""
        super().on_response_complete()
        if self.cycle.response_complete and self.body_since == math.inf:
            self.waiting_since = self.loop.time()

    def _is_free(self) -> bool:
        """Whether nothing is before the next request: no answer under way or unread.

        Of requests that come together, one is answered at once: many would stop the event loop.
        """
        is_answered = self._active is None or self._active.response_complete
        is_first = not self._turn_used and not self.pipeline
        return is_first and is_answered and not self.flow.write_paused

    def _begin_cycle(self) -> None:
        """Begin an ASGI request."""
        url, headers = self.url, self.headers
        expects = any(name == b"expect" for name, _ in headers)
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = url, headers, expects
        self.scope["headers"] = headers
        self.scope["state"]["connection"] = self
        super().on_headers_complete()
        if self._all.draining:
            self.cycle.keep_alive = False

    def _answer_at_once(self, headers: Headers) -> bytes | None:
        try:
            return self._service.answer(self.address, headers, self._body)
        except Exception:  # pylint: disable=broad-exception-caught # Flask answers a 500 or better
            log.exception("a request is left to Flask")
            return None

    def _write_at_once(self, answered: bytes) -> None:
        self._turn_used = True
        head = _first_lines(tuple(self.server_state.default_headers))
        stays_open = self.parser.should_keep_alive() and not self._all.draining
        if not stays_open:
            head += b"connection: close\r\n"
        self.transport.write(head + answered)
        self.server_state.total_requests += 1
        if stays_open:
            self.waiting_since = self.loop.time()
        else:
            self._refused = True
            self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._active = cycle
        if cycle.more_body:  # a request that waited behind others is measured from here
            self.body_since, self.body_bytes = self.loop.time(), 0
        super()._start_asgi_task(cycle, app)


@lru_cache(maxsize=1)  # the date changes once a second
def _first_lines(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    lines = [b"HTTP/1.1 200 OK", *(name + b": " + value for name, value in headers), b""]
    return b"\r\n".join(lines)
