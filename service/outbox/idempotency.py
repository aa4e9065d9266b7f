"""`Idempotency-Key`: a client's retry gets the answer of its first try, and leaves one record."""

import hashlib
import json
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from service.outbox.outbox import AlreadyAnswered, Outbox, StoredAnswer

Content = TypeVar("Content")


class Scope(NamedTuple):
    """Where an Idempotency-Key counts: equal keys of other routes or callers are independent."""

    route: str
    caller: str
    key: str

    def __str__(self) -> str:
        return "\n".join(self)  # no part of it has a line break


def answer_once(
    outbox: Outbox,
    scope: Scope | None,
    request: object,
    *,
    make: Callable[[], tuple[bytes, Content]],
    keep: Callable[[Content, StoredAnswer | None], None],
) -> tuple[bytes, Content | None]:
    """The body that `make` returns, once `keep` has kept its content; or the earlier answer.

    scope: of the Idempotency-Key, None without one. request: what is asked for, checked, as JSON
    values; another request under the same key is refused.
    make: the body of the answer, and the content to keep. keep: keeps the content and the answer
    to repeat, both or neither; raises AlreadyAnswered if another request was faster.
    Returns the body, and the content unless the body repeats an earlier answer.
    Raises KeyReused, OutboxFull, OutboxUnavailable.
    """
    if scope is None:
        body, content = make()
        keep(content, None)
        return body, content
    key, fingerprint = str(scope), fingerprint_of(request)
    earlier_body = outbox.replay(key, fingerprint)
    if earlier_body is not None:
        return earlier_body, None
    body, content = make()
    try:
        keep(content, StoredAnswer(key, fingerprint, body))
    except AlreadyAnswered:  # the same request at the same time, perhaps in another worker
        return outbox.replay(key, fingerprint) or body, None
    return body, content


def fingerprint_of(request: object) -> bytes:
    """A hash of JSON values in which the order of names does not count.

    >>> fingerprint_of({"year": 2014, "model": 1}) == fingerprint_of({"model": 1, "year": 2014})
    True
    """
    content = json.dumps(request, sort_keys=True, allow_nan=False)
    return hashlib.sha256(content.encode()).digest()
