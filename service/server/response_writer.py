"""A response's head and the first part of its body in one write.

Gunicorn writes the head alone and then the body. Without Nagle's algorithm those are two packets,
so a client is woken twice for one answer. There is no setting for it: `gunicorn.conf.py` puts this
class in the place of Gunicorn's.
"""

from gunicorn.http import wsgi


class _Held:
    """Stands in for the socket while the head is written."""

    def __init__(self) -> None:
        self.head = b""

    def sendall(self, data: bytes) -> None:
        """Keep `data`."""
        self.head += data


class Response(wsgi.Response):
    """Gunicorn's response, but for one write less."""

    _head = b""

    def write(self, arg: bytes) -> None:
        """Send `arg`, the first time with the head before it."""
        # Without a known length Gunicorn frames what it sends, and a body may be left out.
        if self.response_length and arg and not self.headers_sent and not self._omits_body:
            held, sock = _Held(), self.sock
            self.sock = held
            try:
                self.send_headers()
            finally:
                self.sock = sock
            self._head = held.head
        super().write(arg)

    def _emit_body(self, data: bytes) -> None:
        head, self._head = self._head, b""
        super()._emit_body(head + data if head else data)
