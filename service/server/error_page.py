"""Gunicorn's own error responses (no valid HTTP request) as problem+json.

Gunicorn has no setting for its error page, so `gunicorn.conf.py` replaces Gunicorn's function
`write_error` by this one.
"""

import json
from http import HTTPStatus
from typing import Any

from gunicorn.util import write_nonblock

from service.http.problem import MEDIA_TYPE, TYPE

# Gunicorn blames the server for these, but only a client's bytes can cause them.
CLIENT_FAULTS = {501: 400}


def write_error(sock: Any, status_int: int, reason: str, mesg: str) -> None:
    """Answer bytes that are no HTTP request, and close the connection. Gunicorn's signature."""
    status = CLIENT_FAULTS.get(status_int, status_int)
    body = {
        "type": TYPE + "broken-http",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": mesg[:300] or reason,
    }
    content = json.dumps(body).encode() + b"\n"
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nConnection: close\r\n"
        f"Content-Type: {MEDIA_TYPE}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    write_nonblock(sock, head.encode("latin-1") + content)
