"""What Gunicorn itself refuses, before there is a request, answered as a problem too.

Gunicorn has no setting for its error page, so `gunicorn.conf.py` puts `write_error` in the place
of its function of that name.
"""

import json
from http import HTTPStatus
from typing import Any

from gunicorn.util import write_nonblock

from service.http.problem import MEDIA_TYPE, TYPE

# Only a client's bytes can bring these about, so they are the client's fault.
CLIENT_FAULTS = {501: 400}


def write_error(sock: Any, status_int: int, reason: str, mesg: str) -> None:
    """Answer what could not be read as HTTP, and close the connection. Signature: Gunicorn's."""
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
