"""Runs the Flask application in threads, behind a2wsgi. The event loop never waits for it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from a2wsgi import WSGIMiddleware

from service.environ import LOGGED, STARTED
from service.http.problem import Problem
from service.server.uploads import Upload

THREADS = 12  # of a worker; slow routes bound themselves to fewer, so that some stay free
MAX_REQUESTS = 500  # under way or waiting for a thread

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class FlaskThreads:
    """A WSGI application as an ASGI application.

    The request's body has been received: `scope["state"]["upload"]`. Values that the application
    notes for the access log are put into `scope["state"]["noted"]`.
    """

    def __init__(self, app: WsgiApp) -> None:
        self._app, self._requests = app, 0
        # a2wsgi types the environment more narrowly than PEP 3333, which allows further keys.
        self._adapter = WSGIMiddleware(self._run, workers=THREADS)  # type: ignore[arg-type]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request. Raises Problem 503 when too many wait."""
        if self._requests >= MAX_REQUESTS:
            detail = "too many requests wait for an answer; try again later"
            raise Problem(503, "busy", detail, headers={"Retry-After": "5"})
        self._requests += 1
        try:
            await self._adapter(scope, receive, send)
        finally:
            self._requests -= 1

    def _run(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        """In a thread: the blocks of the answer, as long as the client is there."""
        state = environ["asgi.scope"]["state"]
        upload: Upload = state["upload"]
        environ["wsgi.input"], environ["wsgi.input_terminated"] = upload.file, True
        environ[STARTED] = state["started"]
        content = self._app(environ, start_response)
        try:
            state["noted"] |= {name: environ.get(key, "") for name, key in LOGGED.items()}
            for block in content:
                if state["connection"].is_lost:
                    return
                yield block
        finally:
            getattr(content, "close", lambda: None)()
