"""What a worker runs: the usual POST /predict at once, on the event loop; the rest in Flask.

Most of a small request is HTTP. So the connection (`protocol.py`) hands a request that `LoopRoute`
accepts to plain functions, and writes the answer before it reads on. Each other request, and each
one that these functions cannot answer, is an ASGI request: the Flask application answers it in a
thread, with its body.
"""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, Protocol

from service.http.problem import MEDIA_TYPE, Problem, content_of
from service.http.responses import EncodedAnswer
from service.server.access_log import AccessLog, Asked
from service.server.connections import Connections
from service.server.flask_threads import FlaskThreads, WsgiApp
from service.server.uploads import Receive, Upload, Uploads

HEADERS = b"content-type: application/json\r\ncontent-length: %d\r\nx-request-id: %b\r\n\r\n%b"
FORWARDED_FOR = b"x-forwarded-for"
Headers = Mapping[bytes, bytes]
Scope = dict[str, Any]


class LoopRoute(Protocol):
    """A route that the event loop answers itself, within microseconds."""

    path: str

    def accepts(self, headers: Headers) -> bool:
        """Whether a POST with these headers is usual: a short body of known length, no key."""

    def answer(
        self, client: str, headers: Headers, body: bytes, started: float
    ) -> EncodedAnswer | None:
        """The answer; None where Flask must answer, such as an error."""


class Startable(Protocol):
    """Something that each worker starts once."""

    def start(self) -> None:
        """Start it."""


class Service:
    """What Gunicorn's workers run.

    loop_route: answered without Flask; None for none. body_limit: path → most bytes of a body.
    """

    def __init__(
        self,
        flask: WsgiApp,
        loop_route: LoopRoute | None,
        *,
        connections: Connections,
        uploads: Uploads,
        body_limit: Callable[[str], int],
        access_log: AccessLog,
    ) -> None:
        self.connections, self._uploads, self._body_limit = connections, uploads, body_limit
        self._flask, self._loop_route, self.access_log = FlaskThreads(flask), loop_route, access_log
        self._loop_url = loop_route.path.encode() if loop_route else b""
        self.watcher: Startable | None = None

    def accepts(self, url: bytes, headers: list[tuple[bytes, bytes]]) -> Headers | None:
        """The headers of a POST that `answer` may answer, None for any other request."""
        route = self._loop_route
        if route is None or url != self._loop_url:
            return None
        by_name = dict(headers)
        is_usual = len(by_name) == len(headers) and route.accepts(by_name)
        return by_name if is_usual else None

    def answer(self, address: str, headers: Headers, body: bytes) -> bytes | None:
        """The response to an accepted request, from its third header on; None where it must be
        an ASGI request. address: of the connection."""
        started, route = perf_counter(), self._loop_route
        client = self.connections.client_of(address, headers.get(FORWARDED_FOR, b""))
        answer = route and route.answer(client, headers, body, started)
        if not answer:
            return None
        size, seconds = len(answer.body), perf_counter() - started
        self.access_log.add(("POST", route.path, client), 200, size, seconds, answer.noted)
        return HEADERS % (size, answer.request_id.encode(), answer.body)

    async def __call__(self, scope: Scope, receive: Receive, send: Any) -> None:
        """Answer one request in Flask."""
        started = perf_counter()
        scope["client"] = (self._client_of(scope), 0)
        try:
            upload = await self._uploads.receive(receive, self._body_limit(scope["path"]))
            if upload:
                await self._answer_in_flask(scope, receive, send, upload, started)
        except Problem as problem:
            await self._refuse(scope, send, problem, started)

    def _client_of(self, scope: Scope) -> str:
        address = scope["client"][0] if scope["client"] else ""
        forwarded = [value for name, value in scope["headers"] if name == FORWARDED_FOR]
        return self.connections.client_of(address, b",".join(forwarded))

    async def _answer_in_flask(
        self, scope: Scope, receive: Receive, send: Any, upload: Upload, started: float
    ) -> None:
        state = scope["state"]
        state |= {"upload": upload, "started": started, "noted": {}}
        status, size = 500, 0

        async def counted(message: dict[str, Any]) -> None:
            nonlocal status, size
            status = message.get("status", status)
            size += len(message.get("body", b""))
            await send(message)

        try:
            await self._flask(scope, receive, counted)
        finally:
            upload.close()
        self.access_log.add(_asked(scope), status, size, perf_counter() - started, state["noted"])

    async def _refuse(self, scope: Scope, send: Any, problem: Problem, started: float) -> None:
        """Answer for the server itself, which has no room for the request."""
        content = content_of(problem)
        headers = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(content))}
        fields = [(n.encode(), v.encode()) for n, v in (headers | problem.headers).items()]
        await send({"type": "http.response.start", "status": problem.status, "headers": fields})
        await send({"type": "http.response.body", "body": content})
        seconds, noted = perf_counter() - started, {"refused": problem.kind}
        self.access_log.add(_asked(scope), problem.status, len(content), seconds, noted)


def _asked(scope: Scope) -> Asked:
    return scope["method"], scope["path"], scope["client"][0]
