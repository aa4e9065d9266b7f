"""A problem as the bytes of a whole response, for what never reaches the application."""

from http import HTTPStatus

from service.http.problem import MEDIA_TYPE, Problem, content_of


def page(problem: Problem) -> bytes:
    """The HTTP response; the connection is closed after it."""
    content = content_of(problem)
    fields = {
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(content)),
        "X-Content-Type-Options": "nosniff",
        "Connection": "close",
        **problem.headers,
    }
    head = f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return head.encode("latin-1") + b"\r\n" + content
