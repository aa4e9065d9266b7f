"""The table at the end of `make build`: addresses, sign-ins, next steps."""

from setup.native import observability, variables
from setup.runtime import report
from vehicle_price.settings import Settings


def summary(settings: Settings, hide_passwords: bool) -> str:
    """The table of addresses, logins and next steps.

    hide_passwords: name their files instead, since many people read what a CI job prints.
    """
    user, password = settings.airflow_username, variables.airflow_password(settings)
    if hide_passwords:
        password = settings.airflow_password_file
    mlflow_password = f"{settings.local_dir}/secrets/mlflow_training_password"
    rows = [
        ("Listings", f"SOURCE={settings.source}", settings.data),
        ("Price form, API", settings.service_url, f"API key: {settings.api_key_file}"),
        ("Its routes", f"{settings.service_url}/docs", ""),
        ("Streamlit", settings.streamlit_url, ""),
        (
            "Monitoring",
            f"{settings.streamlit_url}/Monitoring",
            f"API key: {settings.monitoring_key_file}",
        ),
        ("Airflow", settings.airflow_url, f"{user} / {password}"),
        ("MLflow", variables.own_mlflow(settings), f"training / {mlflow_password}"),
        ("Evidently", settings.evidently_url, ""),
        *_dashboards(settings),
        ("PostgreSQL", f"127.0.0.1:{settings.postgres_port}", f"{settings.local_dir}/secrets"),
        ("Logs", settings.log_dir, ""),
    ]
    return report.table(rows)


def _dashboards(settings: Settings) -> list[tuple[str, str, str]]:
    """The rows of Grafana and Prometheus, where they are installed."""
    password = f"admin / {settings.local_dir}/secrets/grafana_admin_password"
    rows = {
        "grafana": ("Grafana", f"http://127.0.0.1:{settings.grafana_port}", password),
        "prometheus": ("Prometheus", f"http://127.0.0.1:{settings.prometheus_port}", ""),
    }
    return [row for name, row in rows.items() if observability.binary(name)]
