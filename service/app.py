"""The valuation service as a Flask application: wiring only.

`create_app` takes its parts in; `create_app_from_environment` is what Gunicorn calls. The model
itself is loaded by the `Watcher`, which Gunicorn starts in each worker after the fork.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask

from service.auth.access_rules import guard
from service.auth.key_ring import Keys, ensure_api_key, ensure_keys
from service.auth.rate_limit import Limiter, limit_requests, parse
from service.error_handlers import answer_domain_errors
from service.http.middleware import observe
from service.http.problem import register
from service.inference.model_holder import Holder
from service.inference.model_watcher import Watcher
from service.inference.offload import off_loop
from service.inference.shadow import Shadow
from service.observability.metrics import Metrics
from service.outbox.outbox import Outbox, outbox_of
from service.pages import docs, form
from service.routes import batch, feedback, gauges, health, lineage
from service.routes import metrics as metrics_route
from service.routes import predict, train, webhook
from service.routes.lineage import LineageReader, LogReader
from service.routes.predict_fast import answer_straight
from vehicle_price.airflow_client import Airflow, Trainer
from vehicle_price.settings import Settings


@dataclass(frozen=True)
class Parts:
    """Everything `create_app` needs.

    holder: the model that serves. training: starts and follows training runs.
    keys: asked for by routes that change something.
    model_dir: where the sidecar leaves status.json, which /ready and /model quote.
    outbox: where every answer is kept before it is given. log: where it is kept later.
    metrics: what is counted. limiter: how many requests a caller may send; None for any number.
    webhook_secret: what the registry signs its events with; "" refuses them all.
    batch_max_bytes: the largest file that is priced, unpacked.
    """

    holder: Holder
    training: Trainer
    keys: Keys
    model_dir: Path
    outbox: Outbox = field(kw_only=True)
    log: LineageReader = field(kw_only=True)
    metrics: Metrics = field(default_factory=Metrics)
    limiter: Limiter | None = None
    webhook_secret: str = ""
    batch_max_bytes: int = 100 * 2**20


def create_app(parts: Parts) -> Flask:
    """The service made of `parts`."""
    app = Flask(__name__, static_folder=None)  # pages/form.py serves static/, under a rule
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    limit_requests(app, parts.limiter, parts.keys)
    guard(app, parts.keys)
    register(app)
    answer_domain_errors(app)
    parts.metrics.add_gauges(lambda: gauges.model_gauges(parts.holder, parts.model_dir))
    parts.metrics.add_gauges(lambda: gauges.outbox_gauges(parts.outbox))
    app.register_blueprint(metrics_route.blueprint(parts.metrics))
    app.register_blueprint(docs.blueprint())
    shadow = Shadow(parts.holder, parts.outbox, parts.metrics)
    app.extensions["shadow"] = shadow
    pricer = predict.Pricer(parts.holder, parts.outbox, parts.metrics, shadow)
    app.register_blueprint(form.blueprint(pricer))
    app.register_blueprint(predict.blueprint(pricer))
    app.register_blueprint(batch.blueprint(pricer, parts.batch_max_bytes))
    app.register_blueprint(feedback.blueprint(parts.outbox))
    app.register_blueprint(lineage.blueprint(parts.outbox, parts.log))
    app.register_blueprint(health.blueprint(parts.holder, parts.model_dir, parts.outbox))
    app.register_blueprint(train.blueprint(parts.training))
    app.register_blueprint(webhook.blueprint(parts.webhook_secret, parts.model_dir))
    answer_straight(app, pricer, parts.limiter)
    observe(app, parts.metrics)  # last: around all the others
    return app


def create_app_from_environment() -> Flask:
    """The service as the environment configures it. Its watcher waits in `app.extensions`."""
    from vehicle_price.model.artifact import load

    settings = Settings.from_environment()
    holder, model_dir = Holder(), Path(settings.model_dir)
    keys = ensure_keys(settings.api_key_file, settings.admin_key_file, settings.api_keys_file)
    metrics = Metrics(os.environ.get("PROMETHEUS_MULTIPROC_DIR", ""))
    metrics.add_gauges(gauges.worker_gauges)
    parts = Parts(
        holder,
        _airflow(settings),
        keys,
        model_dir,
        metrics,
        _limiter(settings),
        outbox=outbox_of(settings),
        log=LogReader(settings),
        webhook_secret=ensure_api_key(settings.webhook_secret_file),
        batch_max_bytes=settings.batch_max_mb * 2**20,
    )
    app = create_app(parts)
    app.extensions["watcher"] = Watcher(model_dir, holder, off_loop(load))
    return app


def _limiter(settings: Settings) -> Limiter | None:
    limit = parse(settings.rate_limit)
    file = Path(settings.run_dir) / f"rate_limit-{settings.service_port}"
    return Limiter(file, limit) if limit else None


def _airflow(settings: Settings) -> Airflow:
    installed = {
        "source": settings.source,
        "data": settings.data,
        "rows": settings.sample_rows,
        "seed": settings.seed,
    }
    user, password_file = settings.airflow_username, settings.airflow_password_file
    return Airflow(settings.airflow_url, user, password_file, installed)
