"""The valuation service as a Flask application: wiring only.

`create_app` takes its parts in; `create_app_from_environment` is what Gunicorn calls. The model
itself is loaded by the `Watcher`, which Gunicorn starts in each worker after the fork.
"""

import os
from pathlib import Path

from flask import Flask

from service import (
    batch,
    docs,
    feedback,
    form,
    gauges,
    lineage,
    pricing,
    state,
    telemetry,
    trainer,
    webhook,
)
from service.access import guard
from service.domain_errors import answer_domain_errors
from service.holder import Holder
from service.keys import ensure_api_key, ensure_keys
from service.limits import Limiter, limit_requests, parse
from service.lineage import LogReader
from service.metrics import Metrics
from service.observe import observe
from service.off_loop import off_loop
from service.outbox import outbox_of
from service.parts import Parts
from service.problem import register
from service.shadow import Shadow
from service.straight import answer_straight
from service.training import Airflow
from service.watcher import Watcher
from vehicle_price.settings import Settings


def create_app(parts: Parts) -> Flask:
    """The service made of `parts`."""
    app = Flask(__name__, static_folder=None)  # form.py serves static/, under a rule
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    limit_requests(app, parts.limiter, parts.keys)
    guard(app, parts.keys)
    register(app)
    answer_domain_errors(app)
    parts.metrics.add_gauges(lambda: gauges.model_gauges(parts.holder, parts.model_dir))
    parts.metrics.add_gauges(lambda: gauges.outbox_gauges(parts.outbox))
    app.register_blueprint(telemetry.blueprint(parts.metrics))
    app.register_blueprint(docs.blueprint())
    shadow = Shadow(parts.holder, parts.outbox, parts.metrics)
    app.extensions["shadow"] = shadow
    pricer = pricing.Pricer(parts.holder, parts.outbox, parts.metrics, shadow)
    app.register_blueprint(form.blueprint(pricer))
    app.register_blueprint(pricing.blueprint(pricer))
    app.register_blueprint(batch.blueprint(pricer, parts.batch_max_bytes))
    app.register_blueprint(feedback.blueprint(parts.outbox))
    app.register_blueprint(lineage.blueprint(parts.outbox, parts.log))
    app.register_blueprint(state.blueprint(parts.holder, parts.model_dir, parts.outbox))
    app.register_blueprint(trainer.blueprint(parts.training))
    app.register_blueprint(webhook.blueprint(parts.webhook_secret, parts.model_dir))
    answer_straight(app, pricer, parts.limiter)
    observe(app, parts.metrics)  # last: around all the others
    return app


def create_app_from_environment() -> Flask:
    """The service as the environment configures it. Its watcher waits in `app.extensions`."""
    from vehicle_price.artifact import load

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
