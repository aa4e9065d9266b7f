"""The ASGI application of a worker: the usual POST /predict on the event loop, the rest in Flask.

Most of a small request is HTTP. So a request that `LoopRoute` accepts is answered by plain
functions between two events of the loop. Each other request, and each one that these functions
cannot answer, goes to the Flask application in a thread, with its body.
"""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, NamedTuple, Protocol

from service.http.problem import MEDIA_TYPE, Problem, content_of
from service.server.access_log import AccessLog
from service.server.connections import Connections
from service.server.flask_threads import FlaskThreads, WsgiApp
from service.server.uploads import Receive, Upload, Uploads

JSON = (b"content-type", b"application/json")
Headers = Mapping[bytes, bytes]
Scope = dict[str, Any]


class LoopAnswer(NamedTuple):
    """An answer with status 200. body: JSON. noted: fields for the access log."""

    body: bytes
    request_id: str
    noted: Mapping[str, str]


class LoopRoute(Protocol):
    """A route that the event loop answers itself, within microseconds."""

    def accepts(self, scope: Scope, headers: Headers) -> bool:
        """Whether this is a request of that route, with a short body of known length."""

    def answer(
        self, scope: Scope, headers: Headers, body: bytes, started: float
    ) -> LoopAnswer | None:
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
        self._flask, self._loop_route, self._log = FlaskThreads(flask), loop_route, access_log
        self.watcher: Startable | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Any) -> None:
        """Answer one request."""
        started, route = perf_counter(), self._loop_route
        headers = dict(scope["headers"])
        upload: Upload | None
        if route and len(headers) == len(scope["headers"]) and route.accepts(scope, headers):
            body = await _whole_body(receive)
            if body is None:
                return
            answer = route.answer(scope, headers, body, started)
            if answer:
                await _send_json(send, answer)
                seconds = perf_counter() - started
                self._log.write(scope, 200, len(answer.body), seconds, answer.noted)
                return
            upload = Upload(self._uploads)
            await upload.write(body)
            upload.file.seek(0)
        else:
            try:
                upload = await self._uploads.receive(receive, self._body_limit(scope["path"]))
            except Problem as problem:
                await self._refuse(scope, send, problem, started)
                return
        if upload:
            await self._answer_in_flask(scope, receive, send, upload, started)

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
        except Problem as problem:
            await self._refuse(scope, send, problem, started)
            return
        finally:
            upload.close()
        self._log.write(scope, status, size, perf_counter() - started, state["noted"])

    async def _refuse(self, scope: Scope, send: Any, problem: Problem, started: float) -> None:
        """Answer for the server itself, which has no room for the request."""
        content = content_of(problem)
        headers = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(content))}
        fields = [(n.encode(), v.encode()) for n, v in (headers | problem.headers).items()]
        await send({"type": "http.response.start", "status": problem.status, "headers": fields})
        await send({"type": "http.response.body", "body": content})
        seconds, noted = perf_counter() - started, {"refused": problem.kind}
        self._log.write(scope, problem.status, len(content), seconds, noted)


async def _whole_body(receive: Receive) -> bytes | None:
    """The body of a request, None if the client went away before its end."""
    message = await receive()
    body = message.get("body", b"")
    while message.get("more_body", False):
        message = await receive()
        body += message.get("body", b"")
    return None if message["type"] == "http.disconnect" else body


async def _send_json(send: Any, answer: LoopAnswer) -> None:
    length = (b"content-length", str(len(answer.body)).encode())
    request_id = (b"x-request-id", answer.request_id.encode())
    headers = [JSON, length, request_id]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
