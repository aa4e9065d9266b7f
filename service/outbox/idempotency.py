"""`Idempotency-Key`: a client's retry gets the answer of its first try, and leaves one record."""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from pydantic_core import to_json

from service.outbox.outbox import AlreadyAnswered, Answered, Outbox
from service.outbox.records import Record


class Reply(NamedTuple):
    """An answer's body, and the record that must be kept before it is given."""

    body: bytes
    record: Record


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
