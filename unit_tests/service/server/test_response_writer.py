"""A response's head and body in one write, framed as Gunicorn frames them."""

from types import SimpleNamespace

import pytest
from gunicorn.config import Config
from gunicorn.http import wsgi

from service.server.response_writer import Response


class Wire:
    """A socket that keeps what is written."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def sendall(self, data):
        """Keep `data`."""
        self.writes.append(bytes(data))


def written(kind, blocks, method="POST", length=None, status="200 OK"):
    """What a response of this kind writes for the parts of a body, but for its date."""
    wire = Wire()
    asked = SimpleNamespace(method=method, version=(1, 1), should_close=lambda: False, headers=[])
    answer = kind(asked, wire, Config())
    answer.start_response(status, [] if length is None else [("Content-Length", str(length))])
    for block in blocks:
        answer.write(block)
    answer.close()
    return [w for w in wire.writes if w], b"".join(wire.writes).partition(b"Date:")


def without_date(sent):
    """All bytes but the date's."""
    before, _, after = sent
    return before, after.partition(b"\r\n")[2]


def test_head_and_body_are_one_write():
    writes, _ = written(Response, [b"12345"], length=5)
    assert len(writes) == 1 and writes[0].endswith(b"\r\n\r\n12345")


CASES = {
    "whole": {"blocks": [b"12345"], "length": 5},
    "in parts": {"blocks": [b"12", b"345"], "length": 5},
    "too long": {"blocks": [b"12345", b"67"], "length": 5},
    "empty": {"blocks": [b""], "length": 0},
    "more than nothing": {"blocks": [b"12"], "length": 0},
    "empty first": {"blocks": [b"", b"12345"], "length": 5},
    "no part": {"blocks": [], "length": 0},
    "chunked": {"blocks": [b"12", b"345"]},
    "HEAD": {"blocks": [b"12345"], "length": 5, "method": "HEAD"},
    "no content": {"blocks": [b"12345"], "status": "204 No Content"},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_bytes_are_those_of_gunicorn(case):
    ours, theirs = (written(kind, **case)[1] for kind in (Response, wsgi.Response))
    assert without_date(ours) == without_date(theirs)
