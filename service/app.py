"""The valuation service as a Flask application: wiring only.

`create_app` takes the model in; `create_app_from_environment` is what Gunicorn calls. The model
itself is loaded by the `Watcher`, which Gunicorn starts in each worker after the fork.
"""

from pathlib import Path

from flask import Flask, Response

from service import form, pricing, state, trainer
from service.access import guard
from service.holder import Holder, NoModel, Watcher
from service.keys import ensure_api_key
from service.problem import Problem, register, respond
from service.training import Airflow, Trainer, TrainingUnavailable, UnknownRun
from vehicle_price.settings import Settings
from vehicle_price.wrong_values import WrongValues

NO_MODEL = "no model is loaded yet: train one with `make retrain`; `make status` shows what runs"


def create_app(holder: Holder, training: Trainer, api_key: str, model_dir: Path) -> Flask:
    """The service with the model in `holder`.

    training: starts and follows training runs. api_key: asked for by routes that change something.
    model_dir: where the sidecar leaves status.json, which /ready and /model quote.
    """
    app = Flask(__name__, static_folder=None)  # form.py serves static/, under a rule
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    guard(app, api_key)
    register(app)
    _answer_domain_errors(app)
    app.register_blueprint(form.blueprint(holder))
    app.register_blueprint(pricing.blueprint(holder))
    app.register_blueprint(state.blueprint(holder, model_dir))
    app.register_blueprint(trainer.blueprint(training))
    return app


def create_app_from_environment() -> Flask:
    """The service as the environment configures it. Its watcher waits in `app.extensions`."""
    from vehicle_price.artifact import load

    settings = Settings.from_environment()
    holder, model_dir = Holder(), Path(settings.model_dir)
    key = ensure_api_key(settings.api_key_file)
    app = create_app(holder, _airflow(settings), key, model_dir)
    app.extensions["watcher"] = Watcher(model_dir, holder, load)
    return app


def _airflow(settings: Settings) -> Airflow:
    installed = {
        "source": settings.source,
        "data": settings.data,
        "rows": settings.sample_rows,
        "seed": settings.seed,
    }
    user, password_file = settings.airflow_username, settings.airflow_password_file
    return Airflow(settings.airflow_url, user, password_file, installed)


def _answer_domain_errors(app: Flask) -> None:
    """One handler for each error of the domain."""

    @app.errorhandler(WrongValues)
    def wrong_values(error: WrongValues) -> Response:
        return respond(Problem(422, "wrong-values", str(error), error.errors))

    @app.errorhandler(NoModel)
    def no_model(_: NoModel) -> Response:
        return respond(Problem(503, "no-model", NO_MODEL, headers={"Retry-After": "5"}))

    @app.errorhandler(TrainingUnavailable)
    def training_unavailable(error: TrainingUnavailable) -> Response:
        return respond(Problem(503, "training-unavailable", str(error)))

    @app.errorhandler(UnknownRun)
    def unknown_run(_: UnknownRun) -> Response:
        return respond(Problem(404, "unknown-run", "there is no training run with this id"))
