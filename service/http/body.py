"""Read a request's body: its size, its type, its JSON. Every fault is raised as a Problem."""

import json
from typing import IO, Any

from flask import Request
from pydantic_core import from_json

from service.http.problem import Problem

MAX_BODY = 2_000_000
# A client that is still sending when the response comes sees a broken connection instead of the
# response. So a refused body is read to its end first, up to this many bytes.
MAX_DRAINED = 64_000_000
BROKEN = "the body could not be read to its end"
SPACED_COLONS = (b" :", b"\t:", b"\n:", b"\r:")  # white space between a name and its colon


def read_json_body(request: Request) -> object:
    """The JSON value in `request`: at most `MAX_BODY` bytes of UTF-8, chunked or not.

    NaN and Infinity, which Python's own parser takes, are not JSON and are refused. So is an
    object with a name twice, since it is unclear which value counts.
    Raises Problem 413, 415 or 400.
    """
    if not request.is_json:
        mimetype = request.mimetype or "no type"
        raise Problem(415, "wrong-type", f"expected Content-Type: application/json, got {mimetype}")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Problem(415, "wrong-encoding", "send the body as it is, without Content-Encoding")
    return parse_json(read_bytes(request))


def parse_json(body: bytes) -> object:
    """The JSON value in `body`, under the rules of `read_json_body`. Raises Problem 400."""
    try:
        content = from_json(body, allow_inf_nan=False)
        if may_repeat_names(body, content):
            json.loads(body, object_pairs_hook=_without_repeats)
        return content
    except ValueError as error:
        raise Problem(400, "not-json", f"the body is not JSON: {error}") from error


def may_repeat_names(body: bytes, content: object) -> bool:
    """Whether an object in `body` could have a name twice, which its parsed `content` hides.

    A quick test that may say True without need, never False wrongly. A colon follows each name, so
    no name is repeated where the body has no more colons than `content` has names. Where it has
    more, in a date or an address, only colons right after a quotation mark count.

    >>> may_repeat_names(b'{"a": 1, "b": 2}', {"a": 1, "b": 2})
    False
    >>> may_repeat_names(b'{"a": 1, "a": 2}', {"a": 2})
    True
    """
    objects = content if isinstance(content, list) else [content]
    names = sum(len(value) for value in objects if isinstance(value, dict))
    if body.count(b":") <= names:
        return False
    return body.count(b'":') > names or any(colon in body for colon in SPACED_COLONS)


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values: dict[str, object] = {}
    for name, value in pairs:
        if name in values:
            raise ValueError(f"{name[:80]!r} is there twice")
        values[name] = value
    return values


def discard_rest(environ: dict[str, Any]) -> None:
    """Read the part of the body that the view did not read, before the response is sent.

    A client that is still sending would miss the response otherwise. And Gunicorn's thread worker
    would take the start of the next request for the end of this body, and wait for ever.
    """
    if not environ.get("wsgi.input_terminated"):
        return  # a server that does not mark the end of the body
    if environ.get("CONTENT_LENGTH") or "HTTP_TRANSFER_ENCODING" in environ:
        try:
            _drain(environ["wsgi.input"])
        except OSError:
            pass  # broken chunks, or the client went away; Gunicorn closes the connection


def read_bytes(request: Request) -> bytes:
    """The body of `request`. Raises Problem 413 when it is longer than `MAX_BODY`, 400 when it
    breaks off.

    The bytes are counted here: for a chunked body, werkzeug's `max_content_length` returns the
    first part as if it were the whole body.
    """
    try:
        if (request.content_length or 0) <= MAX_BODY:
            body = _read(request.stream, MAX_BODY + 1)
            if len(body) <= MAX_BODY:
                return body
        if (request.content_length or 0) <= MAX_DRAINED:
            _drain(request.stream)
    except OSError as error:  # broken chunks, or the client went away
        raise Problem(400, "broken-body", BROKEN) from error
    detail = f"the body is larger than {MAX_BODY:,} bytes; send fewer listings at a time"
    raise Problem(413, "too-large", detail, headers={"Connection": "close"})


def read_exactly(environ: dict[str, Any], length: int) -> bytes:
    """The body of a WSGI request, `length` bytes. Raises Problem 400 when there are fewer."""
    try:
        body = _read(environ["wsgi.input"], length)
    except OSError as error:
        raise Problem(400, "broken-body", BROKEN) from error
    if len(body) < length:
        raise Problem(400, "broken-body", BROKEN)
    return body


def _read(stream: IO[bytes], max_bytes: int) -> bytes:
    """Up to `max_bytes`; a single read may return fewer bytes than the stream has."""
    body = stream.read(max_bytes)
    while body and len(body) < max_bytes and (block := stream.read(max_bytes - len(body))):
        body += block
    return body


def _drain(stream: IO[bytes]) -> None:
    remaining = MAX_DRAINED
    while remaining > 0 and (block := stream.read(min(remaining, 65_536))):
        remaining -= len(block)
