"""Read a request's body: its size, its type, its JSON. Every fault is raised as a Problem."""

import json
from typing import IO

from flask import Request
from pydantic_core import from_json

from service.http.problem import Problem

MAX_BODY = 2_000_000
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


def body_file(request: Request) -> IO[bytes]:
    """The whole body as a file that can be rewound: the server receives it before the view runs."""
    return request.environ["wsgi.input"]


def read_bytes(request: Request) -> bytes:
    """The body of `request`. Raises Problem 413 when it is longer than `MAX_BODY`.

    The bytes are counted, since a chunked body has no Content-Length.
    """
    body = body_file(request).read(MAX_BODY + 1)
    if len(body) <= MAX_BODY:
        return body
    detail = f"the body is larger than {MAX_BODY:,} bytes; send fewer listings at a time"
    raise Problem(413, "too-large", detail, headers={"Connection": "close"})
