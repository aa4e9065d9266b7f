"""Who asks, and which request it is: read from the headers of a request."""

import re

from flask import Request

from service.http.problem import Problem

IDEMPOTENCY_KEY = "Idempotency-Key"
KEY = re.compile(r"[\x21-\x7e]{1,200}")  # visible ASCII


def key_of(request: Request) -> str | None:
    """The request's Idempotency-Key, None when it has none. Raises Problem 422 for a bad one."""
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is not None and not KEY.fullmatch(key):
        detail = f"{IDEMPOTENCY_KEY}: expected 1 to 200 visible ASCII characters, such as a UUID"
        raise Problem(422, "wrong-idempotency-key", detail)
    return key
