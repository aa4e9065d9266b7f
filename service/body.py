"""Read a request's body: its size, its type, its JSON. What is wrong is said as a Problem."""

from typing import IO

from flask import Request
from pydantic_core import from_json

from service.problem import Problem

MAX_BODY = 2_000_000
# A client that is still sending when the answer is given sees a broken connection instead of
# the answer. So a refused body is read and thrown away first, up to this many bytes.
MAX_DRAINED = 64_000_000


def read_json(request: Request) -> object:
    """The JSON value in `request`: at most `MAX_BODY` bytes of UTF-8, chunked or not.

    NaN and Infinity, which Python's own parser takes, are not JSON and are refused.
    Raises Problem 413, 415 or 400.
    """
    if not request.is_json:
        got = request.mimetype or "no type"
        raise Problem(415, "wrong-type", f"expected Content-Type: application/json, got {got}")
    try:
        return from_json(read_bytes(request), allow_inf_nan=False)
    except ValueError as error:
        raise Problem(400, "not-json", f"the body is not JSON: {error}") from error


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
        raise Problem(400, "broken-body", "the body could not be read to its end") from error
    detail = f"the body is larger than {MAX_BODY:,} bytes; send fewer listings at a time"
    raise Problem(413, "too-large", detail, headers={"Connection": "close"})


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
