"""The fast path of POST /predict: a plain function that the event loop calls, without Flask.

Flask, werkzeug and a thread take several times as long as validation, model and record together. So
one listing as JSON of known, small length is answered here, by the function that the view uses. All
other requests go to Flask. A request that is refused goes there too, and the view refuses it again:
so the error handlers word every error.
"""

from collections.abc import Mapping
from time import perf_counter

from flask import Flask

from service.auth.access_rules import rule_of
from service.auth.rate_limit import Limiter
from service.http.body import parse_json
from service.http.middleware import valid_request_id
from service.http.problem import Problem
from service.http.request_context import RequestContext, channel_of
from service.http.responses import EncodedAnswer
from service.inference.canary import MODEL_ERRORS
from service.inference.pricer import Pricer
from service.observability.metrics import Metrics
from service.routes.predict import PATH, answer

MAX_BYTES = 16_384  # of a body; a longer one occupies the event loop for too long
# A request with one of these needs what only the Flask side does.
LEFT_TO_FLASK = {b"content-encoding", b"transfer-encoding", b"idempotency-key", b"expect"}
LEFT_TO_FLASK |= {b"x-api-key", b"authorization"}
Headers = Mapping[bytes, bytes]


class FastPath:
    """POST /predict for the event loop (`server/asgi.py`)."""

    path = PATH

    def __init__(self, pricer: Pricer, metrics: Metrics) -> None:
        self._pricer, self._metrics = pricer, metrics

    def accepts(self, headers: Headers) -> bool:
        """Whether a POST with these headers is JSON of known, small length and nothing else, and a
        model serves: loading one would stop the event loop."""
        length = headers.get(b"content-length", b"")
        return (
            headers.get(b"content-type") == b"application/json"
            and 0 < len(length) <= 5
            and 0 < int(length) <= MAX_BYTES
            and headers.keys().isdisjoint(LEFT_TO_FLASK)
            and self._pricer.holder.models().production is not None
        )

    def answer(
        self, client: str, headers: Headers, body: bytes, started: float
    ) -> EncodedAnswer | None:
        """The answer, kept and counted. None for a request that Flask must refuse, or a list.

        client: the address. started: `perf_counter()` when the request came.
        """
        request_id = valid_request_id(_text(headers, b"x-request-id"))
        context = RequestContext(
            client=_text(headers, b"x-client-id") or client,
            request_id=request_id,
            caller=f"address {client}",
            channel=channel_of(_text(headers, b"x-channel")),
        )
        try:
            listing = parse_json(body)
            if isinstance(listing, list):
                return None
            answered = answer(self._pricer, listing, context)
        except (Problem, OSError, *MODEL_ERRORS):
            return None
        self._metrics.answered("POST", PATH, 200, perf_counter() - started)
        noted = {"request_id": request_id, "model_version": answered.model_version}
        return EncodedAnswer(answered.body, request_id, noted)


def fast_path(
    app: Flask, pricer: Pricer, metrics: Metrics, limiter: Limiter | None
) -> FastPath | None:
    """The fast path; None where a request needs a key or counts towards a limit."""
    if limiter is not None or rule_of(app, "pricing.predict") != "public":
        return None
    return FastPath(pricer, metrics)


def _text(headers: Headers, name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")
