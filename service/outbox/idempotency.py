"""`Idempotency-Key`: a client's retry gets the answer of its first try, and leaves one record."""

import hashlib
from collections.abc import Callable
from typing import TypeVar

from pydantic_core import to_json

from service.outbox.outbox import AlreadyAnswered, Outbox, StoredAnswer

Content = TypeVar("Content")


def answer_once(
    outbox: Outbox,
    route: str,
    key: str | None,
    request_body: object,
    *,
    make: Callable[[], tuple[bytes, Content]],
    keep: Callable[[Content, StoredAnswer | None], None],
) -> tuple[bytes, Content | None]:
    """The body that `make` returns, once `keep` has kept its content; or the earlier answer.

    route: equal keys of different routes are independent. key: the Idempotency-Key, None without
    one. request_body: the request as JSON; another one under the same key is refused.
    make: the body of the answer, and the content to keep. keep: keeps the content and the answer
    to repeat, both or neither; raises AlreadyAnswered if another request was faster.
    Returns the body, and the content unless the body repeats an earlier answer.
    Raises KeyReused, OutboxFull, OutboxUnavailable.
    """
    if key is None:
        body, content = make()
        keep(content, None)
        return body, content
    scoped_key, fingerprint = f"{route} {key}", hashlib.sha256(to_json(request_body)).digest()
    earlier_body = outbox.replay(scoped_key, fingerprint)
    if earlier_body is not None:
        return earlier_body, None
    body, content = make()
    try:
        keep(content, StoredAnswer(scoped_key, fingerprint, body))
    except AlreadyAnswered:  # the same request at the same time, perhaps in another worker
        return outbox.replay(scoped_key, fingerprint) or body, None
    return body, content
