"""Send a request to an ASGI application as a server does, without a socket."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """A whole answer; names of headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def scope_of(method: str, path: str, headers: dict[str, str], lost: bool = False) -> dict[str, Any]:
    """What a server tells of a request. lost: the client is gone."""
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(n.lower().encode(), v.encode("latin-1")) for n, v in headers.items()],
        "client": ("10.0.0.1", 5),
        "server": ("127.0.0.1", 80),
        "state": {"connection": SimpleNamespace(is_lost=lost)},
    }


def ask(
    app: Any,
    method: str,
    path: str,
    blocks: bytes | list[bytes] = b"",
    headers: dict[str, str] | None = None,
    lost: bool = False,
) -> Answer:
    """The answer to a request whose body comes in these blocks. One block has a Content-Length.

    lost: the client is gone when the answer begins.
    """
    headers = dict(headers or {})
    if isinstance(blocks, bytes):
        headers |= {"Content-Length": str(len(blocks))} if blocks else {}
        blocks = [blocks]
    return asyncio.run(_ask(app, scope_of(method, path, headers, lost), blocks))


def ask_connection(
    service: Any, path: str, blocks: bytes | list[bytes], headers: dict[str, str]
) -> Answer:
    """The answer to a POST as a connection gives it: at once if the request is usual."""
    if isinstance(blocks, bytes):
        asked = scope_of("POST", path, headers | {"Content-Length": str(len(blocks))})
        usual = service.accepts(path.encode(), asked["headers"])
        answer = usual and service.answer(asked["client"][0], usual, blocks)
        if answer:
            head, _, body = answer.partition(b"\r\n\r\n")
            fields = [line.split(": ", 1) for line in head.decode().splitlines()]
            return Answer(200, {name.lower(): value for name, value in fields}, body)
    return ask(service, "POST", path, blocks, headers)


async def _ask(app: Any, scope: dict[str, Any], blocks: list[bytes]) -> Answer:
    last, waiting = len(blocks) - 1, list(enumerate(blocks))
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not waiting:
            return {"type": "http.disconnect"}
        number, block = waiting.pop(0)
        return {"type": "http.request", "body": block, "more_body": number < last}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    fields = {name.decode().lower(): value.decode("latin-1") for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], fields, b"".join(m.get("body", b"") for m in sent[1:]))
