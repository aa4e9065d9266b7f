"""The valuation service: wiring only.

Gunicorn calls `create_service_from_environment` in each worker. It builds the components, the Flask
application of them (`create_app`) and the ASGI application around both the Flask application and
the fast path of POST /predict. The `ModelWatcher` loads the model; Gunicorn starts it.
"""

import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from flask import Flask

from service.auth.access_rules import enforce_access_rules
from service.auth.key_ring import KeyRing, ensure_api_key, ensure_keys
from service.auth.rate_limit import Limiter, limit_requests, parse_limit
from service.error_handlers import handle_domain_errors
from service.http.body import MAX_BODY
from service.http.middleware import add_middleware
from service.http.problem import register_problems
from service.inference.model_holder import ModelHolder
from service.inference.model_watcher import ModelWatcher
from service.inference.pricer import Pricer
from service.inference.shadow import Shadow
from service.observability.metrics import Metrics
from service.outbox.outbox import Outbox, outbox_of
from service.pages import docs, form
from service.routes import batch, feedback, health, lineage
from service.routes import metrics as metrics_route
from service.routes import monitoring, predict, train, webhook
from service.routes.lineage import LineageReader, LogReader
from service.routes.monitoring import MonitoringReader, ReportReader
from service.routes.predict_fast import fast_path
from service.server.access_log import AccessLog
from service.server.asgi import Service
from service.server.connections import Connections
from service.server.uploads import Uploads
from vehicle_price.airflow_client import AirflowClient, Trainer
from vehicle_price.prediction_log.retention.period import prediction_period
from vehicle_price.settings import Settings


@dataclass(frozen=True)
class Components:
    """The components of the application.

    holder: the serving models. training: starts and follows training runs.
    keys: the valid API keys. model_dir: has status.json, which /ready and /model quote.
    outbox: keeps every answer before it is given. log: finds answers that have left the outbox.
    monitoring: reads what monitoring has stored. metrics: the counters.
    limiter: None for no rate limit.
    webhook_secret: the registry signs its events with it; "" refuses every event.
    batch_max_bytes: the largest accepted file, unpacked.
    uploads_dir: of temporary files.
    feedback_period: how long a prediction may get feedback; None: for ever.
    """

    holder: ModelHolder
    training: Trainer
    keys: KeyRing
    model_dir: Path
    outbox: Outbox = field(kw_only=True)
    uploads_dir: Path = field(kw_only=True)
    log: LineageReader = field(kw_only=True)
    monitoring: MonitoringReader = field(kw_only=True)
    metrics: Metrics = field(default_factory=Metrics)
    limiter: Limiter | None = None
    webhook_secret: str = ""
    batch_max_bytes: int = 100 * 2**20
    feedback_period: timedelta | None = None


def create_app(components: Components) -> Flask:
    """The service made of `components`."""
    app = Flask(__name__, static_folder=None)  # pages/form.py serves static/, under a rule
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    limit_requests(app, components.limiter, components.keys)
    enforce_access_rules(app, components.keys)
    register_problems(app)
    handle_domain_errors(app)
    components.metrics.add_gauges(
        lambda: metrics_route.model_gauges(components.holder, components.model_dir)
    )
    components.metrics.add_gauges(lambda: metrics_route.outbox_gauges(components.outbox))
    app.register_blueprint(metrics_route.blueprint(components.metrics))
    app.register_blueprint(docs.blueprint())
    shadow = Shadow(components.holder, components.outbox, components.metrics)
    app.extensions["shadow"] = shadow
    pricer = Pricer(components.holder, components.outbox, components.metrics, shadow)
    app.register_blueprint(form.blueprint(pricer))
    app.register_blueprint(predict.blueprint(pricer))
    app.register_blueprint(
        batch.blueprint(pricer, components.batch_max_bytes, components.uploads_dir)
    )
    app.register_blueprint(feedback.blueprint(components.outbox, components.feedback_period))
    app.register_blueprint(lineage.blueprint(components.outbox, components.log))
    app.register_blueprint(monitoring.blueprint(components.monitoring))
    app.register_blueprint(
        health.blueprint(components.holder, components.model_dir, components.outbox)
    )
    app.register_blueprint(train.blueprint(components.training))
    app.register_blueprint(webhook.blueprint(components.webhook_secret, components.model_dir))
    app.extensions["fast_path"] = fast_path(app, pricer, components.metrics, components.limiter)
    add_middleware(app, components.metrics)  # last: around all the others
    return app


def create_service(components: Components, settings: Settings) -> Service:
    """The ASGI application of `components`, with the bounds that the settings name."""
    app = create_app(components)
    per_worker = settings.uploads_max_mb * 2**20 // max(settings.web_workers, 1)
    limits = {batch.PATH: components.batch_max_bytes}
    return Service(
        app.wsgi_app,
        app.extensions["fast_path"],
        connections=Connections(settings.connections_per_address, settings.trusted_proxies),
        uploads=Uploads(components.uploads_dir, per_worker),
        body_limit=lambda path: limits.get(path, MAX_BODY),
        access_log=AccessLog(),
    )


def create_service_from_environment() -> Service:
    """The service as the environment configures it. Gunicorn starts its `watcher`."""
    from vehicle_price.model.artifact import load

    settings = Settings.from_environment()
    holder, model_dir = ModelHolder(), Path(settings.model_dir)
    metrics = Metrics(os.environ.get("PROMETHEUS_MULTIPROC_DIR", ""))
    metrics.add_gauges(metrics_route.worker_gauges)
    components = Components(
        holder,
        _airflow(settings),
        ensure_keys(settings),
        model_dir,
        metrics,
        _limiter(settings),
        outbox=outbox_of(settings),
        log=LogReader(settings),
        monitoring=ReportReader(settings),
        webhook_secret=ensure_api_key(settings.webhook_secret_file),
        batch_max_bytes=settings.batch_max_mb * 2**20,
        feedback_period=prediction_period(settings),
        uploads_dir=Path(settings.run_dir) / f"uploads-{settings.service_port}",
    )
    service = create_service(components, settings)
    service.watcher = ModelWatcher(model_dir, holder, load)
    return service


def _limiter(settings: Settings) -> Limiter | None:
    limit = parse_limit(settings.rate_limit)
    file = Path(settings.run_dir) / f"rate_limit-{settings.service_port}"
    return Limiter(file, limit) if limit else None


def _airflow(settings: Settings) -> AirflowClient:
    user, password_file = settings.airflow_username, settings.airflow_password_file
    return AirflowClient(settings.airflow_url, user, password_file)
