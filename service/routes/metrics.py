"""GET /metrics: counters and gauges for Prometheus."""

from flask import Blueprint, Response

from service.auth.access_rules import access
from service.observability.metrics import MEDIA_TYPE, Metrics


def blueprint(metrics: Metrics) -> Blueprint:
    """The route that Prometheus asks."""
    routes = Blueprint("telemetry", __name__)

    @routes.get("/metrics")
    @access("public")
    def exposition() -> Response:
        return Response(metrics.exposition(), content_type=MEDIA_TYPE)

    return routes
