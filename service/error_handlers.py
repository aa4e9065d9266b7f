"""One error handler for each error of the domain: the problem that a client gets."""

import logging

from flask import Flask, Response

from service.http.problem import Problem, respond
from service.inference.model_holder import NoModel
from service.outbox.outbox import KeyReused, OutboxFull, OutboxUnavailable
from vehicle_price.airflow_client import TrainingUnavailable, UnknownRun
from vehicle_price.error_text import without_folders
from vehicle_price.listing.errors import WrongValues

log = logging.getLogger(__name__)

NO_MODEL = "no model is loaded yet: train one with `make retrain`; `make status` shows what runs"


def handle_domain_errors(app: Flask) -> None:
    """Let `app` answer the errors of the domain as problems."""

    @app.errorhandler(WrongValues)
    def wrong_values(error: WrongValues) -> Response:
        return respond(Problem(422, "wrong-values", str(error), error.errors))

    @app.errorhandler(NoModel)
    def no_model(error: NoModel) -> Response:
        why = f"{NO_MODEL} ({error})" if str(error) else NO_MODEL
        return respond(_unavailable("no-model", why, 5))

    @app.errorhandler(OutboxFull)
    def log_full(error: OutboxFull) -> Response:
        return respond(_unavailable("log-full", str(error), 30))

    @app.errorhandler(OutboxUnavailable)
    def log_unavailable(error: OutboxUnavailable) -> Response:
        return respond(_unavailable("log-unavailable", str(error), 30))

    @app.errorhandler(KeyReused)
    def key_reused(_: KeyReused) -> Response:
        detail = "this Idempotency-Key came with another request; use a new one for each request"
        return respond(Problem(422, "idempotency-key-reused", detail))

    @app.errorhandler(TrainingUnavailable)
    def training_unavailable(error: TrainingUnavailable) -> Response:
        log.warning("training: %s", error)
        return respond(_unavailable("training-unavailable", error.detail, 30))

    @app.errorhandler(UnknownRun)
    def unknown_run(_: UnknownRun) -> Response:
        return respond(Problem(404, "unknown-run", "there is no training run with this id"))


def _unavailable(kind: str, detail: str, seconds: int) -> Problem:
    """A part of the service is missing. The log has the paths, which are nobody else's business."""
    log.warning("%s: %s", kind, detail)
    return Problem(503, kind, without_folders(detail), headers={"Retry-After": str(seconds)})
