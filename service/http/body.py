"""Read a request's body: its size, its type, its JSON. What is wrong is said as a Problem."""

import json
from typing import IO, Any

from flask import Request
from pydantic_core import from_json

from service.http.problem import Problem

MAX_BODY = 2_000_000
# A client that is still sending when the answer is given sees a broken connection instead of
# the answer. So a refused body is read and thrown away first, up to this many bytes.
MAX_DRAINED = 64_000_000
BROKEN = "the body could not be read to its end"
GAPS = (b" :", b"\t:", b"\n:", b"\r:")  # may stand between a name's quotation mark and its colon


def read_json(request: Request) -> object:
    """The JSON value in `request`: at most `MAX_BODY` bytes of UTF-8, chunked or not.

    NaN and Infinity, which Python's own parser takes, are not JSON and are refused. So is an
    object with a name twice: which value would count? Raises Problem 413, 415 or 400.
    """
    if not request.is_json:
        got = request.mimetype or "no type"
        raise Problem(415, "wrong-type", f"expected Content-Type: application/json, got {got}")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Problem(415, "wrong-encoding", "send the body as it is, without Content-Encoding")
    return parsed(read_bytes(request))


def parsed(body: bytes) -> object:
    """The JSON value in `body`, as `read_json` takes it. Raises Problem 400."""
    try:
        content = from_json(body, allow_inf_nan=False)
        if may_repeat_names(body, content):
            json.loads(body, object_pairs_hook=_without_repeats)
        return content
    except ValueError as error:
        raise Problem(400, "not-json", f"the body is not JSON: {error}") from error


def may_repeat_names(body: bytes, content: object) -> bool:
    """Whether an object in `body` could have a name twice, which its parsed `content` hides.

    Quick, and True too often rather than too seldom: a colon follows each name, so none is
    repeated where the body has no more colons than `content` has names. Where it has more, in a
    date or an address, those count that follow a quotation mark at once.

    >>> may_repeat_names(b'{"a": 1, "b": 2}', {"a": 1, "b": 2})
    False
    >>> may_repeat_names(b'{"a": 1, "a": 2}', {"a": 2})
    True
    """
    objects = content if isinstance(content, list) else [content]
    names = sum(len(one) for one in objects if isinstance(one, dict))
    if body.count(b":") <= names:
        return False
    return body.count(b'":') > names or any(gap in body for gap in GAPS)


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name[:80]!r} is there twice")
        found[name] = value
    return found


def discard_rest(environ: dict[str, Any]) -> None:
    """Read what the view has left of the body, before the answer is given.

    A client that is still sending would miss the answer otherwise. And Gunicorn's thread worker
    takes the start of the client's next request for the end of this body: it would wait for ever.
    """
    if not environ.get("wsgi.input_terminated"):
        return  # another server, whose body ends nowhere
    if environ.get("CONTENT_LENGTH") or "HTTP_TRANSFER_ENCODING" in environ:
        try:
            _drain(environ["wsgi.input"])
        except OSError:
            pass  # broken chunks, or the client went away; Gunicorn closes the connection


def read_bytes(request: Request) -> bytes:
    """The body of `request`. Raises Problem 413 when it is longer than `MAX_BODY`, 400 when it
    breaks off.

    It is counted here: of a chunked body, werkzeug's `max_content_length` hands out the first
    part as if it were the whole.
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


def read_known(environ: dict[str, Any], length: int) -> bytes:
    """The body of a WSGI request that is `length` bytes long. Raises Problem 400 when it is not."""
    try:
        body = _read(environ["wsgi.input"], length)
    except OSError as error:
        raise Problem(400, "broken-body", BROKEN) from error
    if len(body) < length:
        raise Problem(400, "broken-body", BROKEN)
    return body


def _read(stream: IO[bytes], most: int) -> bytes:
    """Up to `most` bytes; one read may give less than there is."""
    body = stream.read(most)
    while body and len(body) < most and (more := stream.read(most - len(body))):
        body += more
    return body


def _drain(stream: IO[bytes]) -> None:
    left = MAX_DRAINED
    while left > 0 and (chunk := stream.read(min(left, 65_536))):
        left -= len(chunk)
