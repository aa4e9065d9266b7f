"""A response's head and the first part of its body in one write.

Gunicorn writes the head and then the body. Without Nagle's algorithm these are two packets, and the
client wakes up twice for one response. Gunicorn has no setting for it, so `gunicorn.conf.py`
replaces Gunicorn's class by this one.
"""

from gunicorn.http import wsgi


class _HeadBuffer:
    """Replaces the socket while the head is written."""

    def __init__(self) -> None:
        self.head = b""

    def sendall(self, data: bytes) -> None:
        """Append `data`."""
        self.head += data


class Response(wsgi.Response):
    """Gunicorn's response, with one write less."""

    _head = b""

    def write(self, arg: bytes) -> None:
        """Send `arg`, the first time with the head before it."""
        # Without a known length Gunicorn frames what it sends, and a body may be left out.
        if self.response_length and arg and not self.headers_sent and not self._omits_body:
            buffer, sock = _HeadBuffer(), self.sock
            self.sock = buffer
            try:
                self.send_headers()
            finally:
                self.sock = sock
            self._head = buffer.head
        super().write(arg)

    def _emit_body(self, data: bytes) -> None:
        head, self._head = self._head, b""
        super()._emit_body(head + data if head else data)
