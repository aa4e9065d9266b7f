"""The settings: every environment variable, its default and its help.

Only entry points call `Settings.from_environment()`; they pass the settings down.
`.env.example` and `setup/configuration.md` list the same names; a test keeps them equal.
"""

import os
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any


def setting(default: str | int | float, explain: str, secret: bool = False) -> Any:
    """A field of `Settings` with its default and the help shown in the documentation.

    secret: may hold a password, so that printing the settings leaves it out.
    """
    # Pylint cannot see that this is called within the dataclass.
    return field(  # pylint: disable=invalid-field-call
        default=default, repr=not secret, metadata={"help": explain}
    )


@dataclass(frozen=True)
class Settings:
    """All settings. The environment variable is the field's name in capitals."""

    service_bind_host: str = setting("127.0.0.1", "Address that the valuation service listens on.")
    mlflow_bind_host: str = setting("127.0.0.1", "Address that the MLflow server listens on.")
    airflow_bind_host: str = setting("127.0.0.1", "Address that Airflow's page and API listen on.")
    streamlit_bind_host: str = setting("127.0.0.1", "Address that the Streamlit page listens on.")
    evidently_bind_host: str = setting("127.0.0.1", "Address that Evidently's pages listen on.")
    prometheus_bind_host: str = setting("127.0.0.1", "Address that Prometheus listens on.")
    grafana_bind_host: str = setting("127.0.0.1", "Address that Grafana listens on.")
    postgres_bind_host: str = setting("127.0.0.1", "Address that PostgreSQL listens on.")
    service_port: int = setting(5000, "Port of the valuation service.")
    mlflow_port: int = setting(5001, "Port of the MLflow server.")
    airflow_port: int = setting(8080, "Port of Airflow's page and API.")
    streamlit_port: int = setting(8501, "Port of the Streamlit page.")
    postgres_port: int = setting(5433, "Port of the embedded PostgreSQL.")
    evidently_port: int = setting(8000, "Port of Evidently's pages: pictures of each window.")
    prometheus_port: int = setting(9090, "Port of Prometheus, where it is installed.")
    grafana_port: int = setting(3000, "Port of Grafana, where it is installed.")

    local_dir: str = setting(
        ".local", "Folder for everything a run writes; the folders below it follow."
    )
    source: str = setting("sample", "Where listings come from: a name in SOURCES.")
    data: str = setting("", "File that `file` reads (CSV, zip, gzip, Parquet): a path, or s3://….")
    mongodb_url: str = setting(
        "mongodb://127.0.0.1:27017",
        "Address of MongoDB: mongodb://host:port/database, user:password@ before the host.",
        secret=True,
    )
    mongodb_database: str = setting(
        "vehicle_price", "Database with the listings, unless MONGODB_URL names one."
    )
    mongodb_collection: str = setting("listings", "Collection with the listings.")
    data_root: str = setting(
        ".local/data", "Folder that holds the datasets: a path, or s3://bucket/prefix."
    )
    max_quarantined_share: float = setting(
        0.5,
        "Largest share of listings that may break the contract while a feed has no usual share.",
    )
    min_usual_rows_share: float = setting(
        0.1,
        "Smallest share of the usual number of listings; fewer stop the run (0: never, and what is "
        "usual begins anew).",
    )
    max_feed_shift: float = setting(
        0.3,
        "Largest distance of a column's distribution from the usual one, 0 to 1; a larger one "
        "stops the run (1: never, and what is usual begins anew).",
    )
    sample_rows: int = setting(40_000, "Rows the built-in sample generates.")
    seed: int = setting(20, "Seed of the sample, the folds and the models.")
    train_threads: int = setting(
        1,
        "Threads of one fit. The families fit side by side; the number shapes the model's digits.",
    )
    code_commit: str = setting("", "Git commit of the code, where there is no git (in images).")

    mlflow_tracking_uri: str = setting("http://127.0.0.1:5001", "Address of the MLflow server.")
    artifact_root: str = setting(
        ".local/mlflow-artifacts",
        "Folder where the MLflow server keeps models and plots: a path, or s3://bucket/prefix.",
    )
    airflow_url: str = setting("http://127.0.0.1:8080", "Address of Airflow's API.")
    airflow_username: str = setting("admin", "User the service starts training as.")
    airflow_password_file: str = setting(
        ".local/secrets/airflow_passwords.json", "JSON file {user: password} for Airflow."
    )
    task_retries: int = setting(
        5, "Times that Airflow tries a task again after a fault that passes; other faults: twice."
    )
    task_retry_seconds: int = setting(
        30, "Seconds before the first of these attempts; they double, up to ten minutes."
    )
    service_url: str = setting("http://127.0.0.1:5000", "Address the page asks for prices.")

    prediction_database_url: str = setting(
        "postgresql://vehicle_price_service@127.0.0.1:5433/vehicle_price",
        "Address of the PostgreSQL that keeps predictions and feedback.",
    )
    prediction_database_password_file: str = setting(
        ".local/secrets/vehicle_price_service_password", "File with its password, if it has none."
    )
    outbox_dir: str = setting(
        ".local/outbox", "Folder where predictions wait until PostgreSQL has them; a local disk."
    )
    outbox_max_mb: int = setting(512, "Most that may wait there; then the service answers 503.")

    model_dir: str = setting(".local/model", "Folder with the models the service serves from.")
    model_max_mb: int = setting(256, "Largest model, all files together, that the gate promotes.")
    model_max_milliseconds: float = setting(
        2.0, "Longest time for one price, in the median, of a model that the gate promotes."
    )
    model_poll_seconds: int = setting(5, "Seconds between looks at the registry.")
    challenger_mode: str = setting(
        "off", "What the alias `challenger` does: off, shadow (scored, never answered) or canary."
    )
    canary_percent: int = setting(5, "Percent of the clients that a canary answers.")
    webhook_secret_file: str = setting(
        ".local/secrets/webhook_secret",
        "File with the secret that MLflow's webhook is signed with.",
    )
    batch_max_mb: int = setting(100, "Largest file that POST /predict/batch takes, unpacked.")
    uploads_max_mb: int = setting(
        1024, "Disk that files being received or handled may take; then the service answers 503."
    )
    connections_per_address: int = setting(
        512, "Open connections that one address may have with each worker of the service."
    )
    trusted_proxies: str = setting(
        "",
        "Proxies before the service, addresses or networks with commas: X-Forwarded-For of these "
        "names the client, and they may have any number of connections.",
    )
    web_workers: int = setting(2, "Gunicorn worker processes of the service.")
    api_key_file: str = setting(
        ".local/secrets/api_key", "File with the key for routes that change something."
    )
    admin_key_file: str = setting(
        ".local/secrets/admin_key", "File with the key for what only an administrator may do."
    )
    monitoring_key_file: str = setting(
        ".local/secrets/monitoring_key",
        "File with the key for reading GET /monitoring; the page Monitoring sends it.",
    )
    api_keys_file: str = setting(
        ".local/secrets/api_keys.json", "File of the keys that `vehicle-price keys add` makes."
    )
    rate_limit: str = setting(
        "", "Requests a key or address may send, such as 600/minute; empty for any number."
    )
    monitoring_window_seconds: int = setting(
        86_400, "Length of a window of monitoring: a day; a rehearsal replays quicker days."
    )
    monitoring_grace_seconds: int = setting(
        600, "Seconds after its end before a window closes, if the outbox is empty by then."
    )
    monitoring_poll_seconds: int = setting(30, "Seconds between looks at windows and incidents.")
    monitoring_horizon_windows: int = setting(
        30, "Windows whose performance is computed again while feedback comes."
    )
    drift_share: float = setting(
        0.3, "Share of drifting columns above which the drift of a window is severe."
    )
    retraining: str = setting(
        "auto", "What monitoring may start: auto, approve (a person agrees first), or off."
    )
    retention_predictions_days: int = setting(
        365,
        "Days that predictions stay in PostgreSQL and may get feedback; then they are archived "
        "below DATA_ROOT, with feedback and shadow predictions (0: they stay for ever).",
    )
    retention_datasets_days: int = setting(
        90,
        "Days that a dataset stays after a newer one; `vehicle-price data prune` then removes it, "
        "unless a registered model names it (0: datasets stay for ever).",
    )
    retention_profiles_days: int = setting(
        730, "Days that profiles of windows are kept, but those of a reference (0: for ever)."
    )
    retention_results_days: int = setting(
        730, "Days that results of monitoring are kept (0: for ever)."
    )
    retention_incidents_days: int = setting(
        730, "Days that incidents are kept after they are resolved (0: for ever)."
    )
    retention_retrainings_days: int = setting(
        730, "Days that retrainings are kept after their end, but the latest 50 (0: for ever)."
    )
    retention_production_changes_days: int = setting(
        730, "Days that changes of the production model are kept, but the latest (0: for ever)."
    )
    alert_urls_file: str = setting(
        ".local/secrets/alert_urls",
        "File with the receivers of incidents, an Apprise address on each line; see alerts.md.",
    )
    evidently_dir: str = setting(".local/evidently", "Folder of Evidently's snapshots.")
    evidently_snapshots: int = setting(
        100, "Snapshots that are kept, of the newest windows; 0 writes none."
    )
    evidently_url: str = setting(
        "http://127.0.0.1:8000", "Address of Evidently's pages in links for people."
    )
    streamlit_url: str = setting(
        "http://127.0.0.1:8501", "Address of the Streamlit page in links for people."
    )
    mlflow_page_url: str = setting(
        "http://127.0.0.1:5001",
        "Address of MLflow's pages in links for people, if it is not MLFLOW_TRACKING_URI.",
    )
    airflow_page_url: str = setting(
        "http://127.0.0.1:8080",
        "Address of Airflow's pages in links for people, if it is not AIRFLOW_URL.",
    )
    grafana_url: str = setting(
        "", "Address of Grafana in links for people; empty where there is none."
    )
    grafana_alert_type: str = setting(
        "email", "How Grafana sends its alerts: email, slack, webhook or another contact point."
    )
    grafana_alert_address: str = setting(
        "", "E-mail address or URL that Grafana sends its alerts to; empty: to nobody.", secret=True
    )
    run_dir: str = setting(
        ".local/run", "Folder for what running processes share; may be lost at any restart."
    )
    log_dir: str = setting(".local/logs", "Folder of the rotating log files.")
    log_level: str = setting("INFO", "Lowest level that is logged.")

    kaggle_dataset: str = setting(
        "austinreese/craigslist-carstrucks-data",
        "Dataset that the source `kaggle` downloads: owner/name or owner/name/version.",
    )
    download_dir: str = setting(".local/downloads", "Folder that keeps what was downloaded.")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read every setting from `environ` (default: the process's environment).

        An empty variable counts as unset. Unset folders follow `local_dir`, unset addresses the
        ports. Raises ValueError, with the variable's name, for a value that is not a number and
        for a variable that is gone.
        """
        environ = os.environ if environ is None else environ
        if environ.get("BIND_HOST"):
            hosts = [f.name.upper() for f in fields(cls) if f.name.endswith("_bind_host")]
            raise ValueError(f"BIND_HOST is gone: each listener has its own, {', '.join(hosts)}")
        values = {
            f.name: environ[f.name.upper()] for f in fields(cls) if environ.get(f.name.upper())
        }
        settings = cls(**{name: _parse(name, raw, cls) for name, raw in values.items()})
        settings = _with(settings, _derived_defaults(settings), values)
        pages = {
            "mlflow_page_url": settings.mlflow_tracking_uri,
            "airflow_page_url": settings.airflow_url,
        }
        return _with(settings, pages, values)


def _with(settings: Settings, defaults: Mapping[str, str], given: Mapping[str, str]) -> Settings:
    """The settings with these defaults for those that were not given."""
    return replace(settings, **{name: v for name, v in defaults.items() if name not in given})


def _derived_defaults(settings: Settings) -> dict[str, str]:
    """Defaults that contain a port or `local_dir`, with the values that were set."""
    folders = {
        f.name: f"{settings.local_dir}/{f.default.removeprefix('.local/')}"
        for f in fields(settings)
        if str(f.default).startswith(".local/")
    }
    return folders | {
        "mlflow_tracking_uri": _address(settings.mlflow_bind_host, settings.mlflow_port),
        "airflow_url": _address(settings.airflow_bind_host, settings.airflow_port),
        "service_url": _address(settings.service_bind_host, settings.service_port),
        "evidently_url": _address(settings.evidently_bind_host, settings.evidently_port),
        "streamlit_url": _address(settings.streamlit_bind_host, settings.streamlit_port),
        "prediction_database_url": (
            f"postgresql://vehicle_price_service@127.0.0.1:{settings.postgres_port}/vehicle_price"
        ),
    }


def _address(bind_host: str, port: int) -> str:
    """Where this machine reaches a listener."""
    return f"http://{'127.0.0.1' if bind_host == '0.0.0.0' else bind_host}:{port}"


def _parse(name: str, raw: str, cls: type[Settings]) -> str | int | float:
    kind = cls.__dataclass_fields__[name].type
    expected = {int: "a whole number", float: "a number like 0.5"}
    if kind not in expected:
        return raw
    try:
        number = kind(raw)
    except ValueError as error:
        raise ValueError(f"{name.upper()}={raw!r}: expected {expected[kind]}") from error
    if name.endswith("_share") and not 0 <= number <= 1:
        raise ValueError(f"{name.upper()}={raw!r}: a share is between 0 and 1")
    if name.endswith("_days") and number < 0:
        raise ValueError(f"{name.upper()}={raw!r}: a number of days is 0 or more")
    return number


def documented() -> list[tuple[str, str, str]]:
    """(environment variable, default, help) of every setting, in order."""
    all_fields: tuple[Field, ...] = fields(Settings)
    return [(f.name.upper(), str(f.default), f.metadata["help"]) for f in all_fields]


SECRET_SETTINGS = frozenset(f.name.upper() for f in fields(Settings) if not f.repr)
