"""Who asks, and which request it is: read from the headers of a request."""

import re
from typing import NamedTuple

from flask import Request

from service.environ import CALLER, REQUEST_ID
from service.http.problem import Problem
from service.outbox.idempotency import Scope
from service.outbox.records import Origin
from vehicle_price.prediction_log.rows import Channel

IDEMPOTENCY_KEY, CHANNEL = "Idempotency-Key", "X-Channel"
KEY_PATTERN = re.compile(r"[\x21-\x7e]{1,200}")  # visible ASCII


class RequestContext(NamedTuple):
    """What the record of a prediction says of its request.

    client: tells a canary's clients apart. request_id: X-Request-ID.
    idempotency_key: Idempotency-Key, None without one. caller: the name of the API key that came
    with the request, else the address. channel: how the listing came.
    """

    client: str = ""
    request_id: str = ""
    idempotency_key: str | None = None
    caller: str = ""
    channel: Channel = "api"

    @property
    def origin(self) -> Origin:
        """What the record keeps of it."""
        return Origin(self.request_id, self.idempotency_key, self.channel, self.caller)


def request_context(request: Request, channel: Channel = "api") -> RequestContext:
    """The context of a request: a client is its X-Client-Id or else its address.

    Raises Problem 422 for an invalid Idempotency-Key.
    """
    address, name = request.remote_addr or "", request.environ.get(CALLER)
    client = request.headers.get("X-Client-Id") or address
    caller = f"key {name}" if name else f"address {address}"
    request_id, idempotency_key = request.environ[REQUEST_ID], _idempotency_key(request)
    return RequestContext(client, request_id, idempotency_key, caller, channel)


def channel_of(header: str | None) -> Channel:
    """The channel of a request to /predict with this header CHANNEL: a form names itself."""
    return "form" if header == "form" else "api"


def scope_of(route: str, context: RequestContext) -> Scope | None:
    """Where the request's Idempotency-Key counts; None without one."""
    key = context.idempotency_key
    return None if key is None else Scope(route, context.caller, key)


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is not None and not KEY_PATTERN.fullmatch(key):
        detail = f"{IDEMPOTENCY_KEY}: expected 1 to 200 visible ASCII characters, such as a UUID"
        raise Problem(422, "wrong-idempotency-key", detail)
    return key
