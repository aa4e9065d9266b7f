"""One error handler for each error of the domain: the problem that a client gets."""

from flask import Flask, Response

from service.http.problem import Problem, respond
from service.inference.model_holder import NoModel
from service.outbox.outbox import KeyReused, OutboxFull, OutboxUnavailable
from vehicle_price.airflow_client import TrainingUnavailable, UnknownRun
from vehicle_price.listing.errors import WrongValues

NO_MODEL = "no model is loaded yet: train one with `make retrain`; `make status` shows what runs"


def handle_domain_errors(app: Flask) -> None:
    """Let `app` answer the errors of the domain as problems."""

    @app.errorhandler(WrongValues)
    def wrong_values(error: WrongValues) -> Response:
        return respond(Problem(422, "wrong-values", str(error), error.errors))

    @app.errorhandler(NoModel)
    def no_model(error: NoModel) -> Response:
        why = f"{NO_MODEL} ({error})" if str(error) else NO_MODEL
        return respond(Problem(503, "no-model", why, headers={"Retry-After": "5"}))

    @app.errorhandler(OutboxFull)
    def log_full(error: OutboxFull) -> Response:
        return respond(Problem(503, "log-full", str(error), headers={"Retry-After": "30"}))

    @app.errorhandler(OutboxUnavailable)
    def log_unavailable(error: OutboxUnavailable) -> Response:
        return respond(Problem(503, "log-unavailable", str(error), headers={"Retry-After": "30"}))

    @app.errorhandler(KeyReused)
    def key_reused(_: KeyReused) -> Response:
        detail = "this Idempotency-Key came with another request; use a new one for each request"
        return respond(Problem(422, "idempotency-key-reused", detail))

    @app.errorhandler(TrainingUnavailable)
    def training_unavailable(error: TrainingUnavailable) -> Response:
        return respond(Problem(503, "training-unavailable", str(error)))

    @app.errorhandler(UnknownRun)
    def unknown_run(_: UnknownRun) -> Response:
        return respond(Problem(404, "unknown-run", "there is no training run with this id"))
