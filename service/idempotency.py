"""`Idempotency-Key`: a client's retry gets the answer of its first try, and leaves one record."""

import hashlib
import re
from collections.abc import Callable
from typing import NamedTuple

from flask import Request
from pydantic_core import to_json

from service.outbox import AlreadyAnswered, Answered, Outbox
from service.problem import Problem
from service.records import Record

HEADER = "Idempotency-Key"
KEY = re.compile(r"[\x21-\x7e]{1,200}")  # visible ASCII


class Reply(NamedTuple):
    """An answer's body, and the record that must be kept before it is given."""

    body: bytes
    record: Record


def key_of(request: Request) -> str | None:
    """The request's Idempotency-Key, None when it has none. Raises Problem 422 for a bad one."""
    key = request.headers.get(HEADER)
    if key is not None and not KEY.fullmatch(key):
        detail = f"{HEADER}: expected 1 to 200 visible ASCII characters, such as a UUID"
        raise Problem(422, "wrong-idempotency-key", detail)
    return key


def answer_once(
    outbox: Outbox, route: str, key: str | None, body: object, make: Callable[[], Reply]
) -> bytes:
    """What `make` replies, once its record is kept; or what was replied to this key before.

    route: keys of different routes do not meet. body: what was asked, as JSON.
    Raises KeyReused, OutboxFull, OutboxUnavailable.
    """
    if key is None:
        reply = make()
        outbox.append(reply.record)
        return reply.body
    scoped, fingerprint = f"{route} {key}", hashlib.sha256(to_json(body)).digest()
    known = outbox.replay(scoped, fingerprint)
    return known if known is not None else _first(outbox, scoped, fingerprint, make())


def _first(outbox: Outbox, key: str, fingerprint: bytes, reply: Reply) -> bytes:
    try:
        outbox.append_once(reply.record, Answered(key, fingerprint, reply.body))
    except AlreadyAnswered:  # the same request at the same time, perhaps in another worker
        return outbox.replay(key, fingerprint) or reply.body
    return reply.body
