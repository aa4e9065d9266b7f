"""The table at the end of `make build RUNTIME=docker`: addresses, sign-ins, next steps."""

from collections.abc import Mapping

from setup.native.environment import env_file
from setup.runtime import report
from vehicle_price.settings import Settings


def summary(settings: Settings, variables: Mapping[str, str], services: set[str]) -> str:
    """The table. services: those that have a container, since some are profiles."""
    secrets = f"in {env_file(variables)}"
    user = settings.airflow_username
    rows = [
        ("Listings", f"SOURCE={settings.source}", settings.data),
        ("Price form, API", settings.service_url, f"API_KEY {secrets}"),
        ("Its routes", f"{settings.service_url}/docs", ""),
        ("Streamlit", settings.streamlit_url, ""),
        (
            "Monitoring",
            f"{settings.streamlit_url}/Monitoring",
            f"MONITORING_KEY {secrets}",
        ),
        ("Airflow", settings.airflow_page_url, f"{user} / AIRFLOW_PASSWORD {secrets}"),
        ("MLflow", settings.mlflow_page_url, f"training / MLFLOW_TRAINING_PASSWORD {secrets}"),
        ("Evidently", settings.evidently_url, ""),
        ("PostgreSQL", f"127.0.0.1:{settings.postgres_port}", f"passwords {secrets}"),
        ("Logs", "make logs RUNTIME=docker", ""),
    ]
    if "grafana" in services:
        login = f"admin / GRAFANA_ADMIN_PASSWORD {secrets}"
        rows.insert(-2, ("Grafana", _local(settings.grafana_port), login))
    if "prometheus" in services:
        rows.insert(-2, ("Prometheus", _local(settings.prometheus_port), ""))
    return report.table(rows)


def _local(port: int) -> str:
    return f"http://127.0.0.1:{port}"
