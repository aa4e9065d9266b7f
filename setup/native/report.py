"""What `make build` ends with: a real price and the table of addresses, logins and next steps."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from vehicle_price.schema import EXAMPLE
from vehicle_price.settings import Settings


class NoPrice(RuntimeError):
    """The service did not price the example listing; the message says what it answered."""


def production_version(settings: Settings) -> str | None:
    """Version that MLflow's alias `production` points to, None when there is none."""
    query = "name=vehicle-price&alias=production"
    address = f"http://127.0.0.1:{settings.mlflow_port}/api/2.0/mlflow/registered-models/alias"
    try:
        with urllib.request.urlopen(f"{address}?{query}", timeout=30) as response:
            return json.load(response)["model_version"]["version"]
    except urllib.error.HTTPError as error:
        if error.code in (400, 404):  # no such model, no such alias
            return None
        raise


def first_price(settings: Settings, say: Callable[[str], None], timeout: float = 60) -> None:
    """Ask the service for the example's price until the production version answers.

    Raises NoPrice.
    """
    wanted = production_version(settings)
    deadline = time.monotonic() + timeout
    while (priced := price_example(settings))["model"]["version"] != wanted:
        if time.monotonic() > deadline:
            log = Path(settings.log_dir) / "model-sync.log"
            raise NoPrice(f"version {wanted} does not answer after {timeout:.0f} s; see {log}")
        time.sleep(0.3)
    car = f"{EXAMPLE['year']} {EXAMPLE['manufacturer']} {EXAMPLE['model']}"
    low, high = priced["interval"]["low"], priced["interval"]["high"]
    say(f"{car}: ${priced['price']:,} (${low:,} to ${high:,}), model version {wanted}")


def refusal(settings: Settings) -> str:
    """Why the service does not take the production model; '' when it does not refuse it."""
    status = Path(settings.model_dir) / "status.json"
    try:
        said = json.loads(status.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ""
    refused = said["state"] == "refused" and said["version"] == production_version(settings)
    return str(said["detail"]) if refused else ""


def price_example(settings: Settings) -> dict:
    """What POST /predict answers; a version of None while there is no model to answer.

    Raises NoPrice for any other refusal.
    """
    body = json.dumps({k: v for k, v in EXAMPLE.items() if v is not None}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{settings.service_url}/predict", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        if error.code == 503:  # the first model is still on its way
            return {"model": {"version": None}}
        raise NoPrice(f"POST /predict: {error.code} {error.read().decode()}") from error


def summary(settings: Settings) -> str:
    """The table of addresses, logins and next steps."""
    passwords = json.loads(Path(settings.airflow_password_file).read_text(encoding="utf-8"))
    user = settings.airflow_username
    rows = [
        ("Price form, API", settings.service_url, f"API key: {settings.api_key_file}"),
        ("Its routes", f"{settings.service_url}/docs", ""),
        ("Streamlit", f"http://127.0.0.1:{settings.streamlit_port}", ""),
        ("Airflow", settings.airflow_url, f"{user} / {passwords[user]}"),
        ("MLflow", f"http://127.0.0.1:{settings.mlflow_port}", ""),
        ("PostgreSQL", f"127.0.0.1:{settings.postgres_port}", f"{settings.local_dir}/secrets"),
        ("Logs", settings.log_dir, ""),
    ]
    table = "\n".join(f"  {what:<16} {where:<28} {login}".rstrip() for what, where, login in rows)
    steps = "make retrain · make build SOURCE=file DATA=listings.csv · make status · make stop"
    return f"\n{table}\n\n  Next: {steps}\n"
