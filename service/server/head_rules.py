"""What a head, its trailers and a connection may have: limits, and fields that are refused."""

from collections.abc import Sequence

from service.http.problem import Problem

MAX_LINE_BYTES = 8_190  # of the address, of a header
MAX_HEADERS = 60
MAX_TRAILER_BYTES = 8_190  # of all trailers
VERSIONS = ("1.0", "1.1")
# RFC 9110, 6.5.1: a field that frames, routes or authenticates a message is no trailer.
NO_TRAILERS = {b"content-length", b"transfer-encoding", b"host", b"authorization", b"trailer"}
NO_TRAILERS |= {b"content-type", b"content-encoding", b"x-api-key", b"idempotency-key"}


def large_head() -> Problem:
    """The problem of a head with too many headers, or one that is too long."""
    detail = f"above {MAX_HEADERS} headers, or one above {MAX_LINE_BYTES:,} bytes"
    return Problem(431, "large-head", detail)


def other_version(version: str) -> Problem:
    """The problem of a version of HTTP that is not one of VERSIONS."""
    return Problem(505, "http-version", f"HTTP/{version} is not spoken here, HTTP/1.1 is")


def check_trailer(name: bytes, count: int, total: int) -> None:
    """Raise Problem 431 or 400 for a trailer that is too much or forbidden.

    count, total: trailers so far, and their bytes.
    """
    if total > MAX_TRAILER_BYTES or count > MAX_HEADERS:
        raise Problem(431, "large-trailers", "the trailers are too many or too long")
    if name.lower() in NO_TRAILERS:
        raise Problem(400, "broken-http", f"{name.decode('latin-1')} is no trailer")


def check_head(version: str, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Raise Problem 400 or 417 for a head that llhttp accepts and this server does not.

    version: of HTTP, such as 1.1. headers: names in lower case.
    """
    for name, value in headers:
        if name == b"transfer-encoding" and (value.lower() != b"chunked" or version == "1.0"):
            raise Problem(400, "broken-http", "Transfer-Encoding: expected chunked in HTTP/1.1")
        if name == b"expect" and value.lower() != b"100-continue":
            raise Problem(417, "expectation", "Expect: only 100-continue is known")


def line_too_long(head_complete: bool) -> Problem:
    """The problem of a line without end: in the head, or after it in a chunked body."""
    limit = f"above {MAX_LINE_BYTES:,} bytes"
    if head_complete:
        return Problem(400, "broken-http", f"a chunk line or trailer {limit}")
    return Problem(431, "large-head", f"a line of the head {limit}")
