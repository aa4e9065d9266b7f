"""Which metrics the service has, by its code."""

from service.observability.metrics import Metrics
from setup.dashboards.service_metrics import labels_of_service, metrics_of_service


def test_the_names_are_those_of_a_scrape():
    metrics = Metrics()
    metrics.answered("POST", "/predict", 422, 0.01)
    metrics.predicted(1, "production", "1")
    metrics.shadow("scored", 1)
    metrics.refused("wrong-values")
    lines = metrics.exposition().decode().splitlines()
    scraped = {line.partition("{")[0] for line in lines if "{" in line}
    created = {name for name in scraped if name.endswith("_created")}
    assert scraped - created <= metrics_of_service()
    assert {"http_requests_total", "http_request_duration_seconds_bucket"} <= scraped


def test_gauges_counters_and_labels_of_the_routes_are_known():
    assert {"vehicle_price_outbox_bytes", "vehicle_price_models_refused_total", "up"} <= (
        metrics_of_service()
    )
    assert {"method", "route", "status", "kind", "alias", "pid", "version"} <= labels_of_service()
