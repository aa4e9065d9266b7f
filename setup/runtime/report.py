"""What `make build` and `make status` report of the models, a price, and the table of addresses."""

import base64
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urlencode

from setup.native import variables
from vehicle_price.registry.names import (
    FAMILY_TAG,
    GATE_REASONS_TAG,
    GATE_TAG,
    MARKET_TAG,
    MODEL_NAME,
    MOVED_BY_OTHERS,
    MOVED_TO_TAG,
    PRODUCTION,
    PROMOTED_BY_TAG,
)
from vehicle_price.schema import EXAMPLE
from vehicle_price.settings import Settings


class NoPrice(RuntimeError):
    """The service did not price the example listing; the message says what it answered."""


def production_version(settings: Settings) -> str | None:
    """Version that MLflow's alias `production` points to, None when there is none."""
    production = _production(settings)
    return production["version"] if production else None


def models(settings: Settings) -> str:
    """What is in production and who put it there, and what the gate decided last, with the reason.

    Asks MLflow's API: to import its client takes seconds.
    """
    production = _production(settings)
    if production is None:
        return "\n".join(["  No model is in production yet.", *_last_decision(settings)])
    return "\n".join([_serving(settings, production), *_last_decision(settings)])


def _production(settings: Settings) -> dict | None:
    query = {"name": MODEL_NAME, "alias": PRODUCTION}
    try:
        # Of a model that does not exist, MLflow refuses the alias with 403, and this with 404.
        _from_mlflow(settings, "registered-models/get", {"name": MODEL_NAME})
        return _from_mlflow(settings, "registered-models/alias", query)["model_version"]
    except urllib.error.HTTPError as error:
        if error.code in (400, 404):  # no such model, no such alias
            return None
        raise


def _serving(settings: Settings, production: Mapping) -> str:
    number, tags = production["version"], _tags(production)
    model = _from_mlflow(settings, "registered-models/get", {"name": MODEL_NAME})
    moved_to = _tags(model["registered_model"]).get(MOVED_TO_TAG, number)
    is_ours = number in moved_to.split(",")
    by = f"by {tags.get(PROMOTED_BY_TAG, '?')}" if is_ours else MOVED_BY_OTHERS
    return f"  {'Production':<16} {_described(number, tags)}; {by}"


def _last_decision(settings: Settings) -> list[str]:
    """The newest version that the gate promoted or refused, and why it refused it."""
    query = {"filter": f"name='{MODEL_NAME}'", "order_by": "version_number DESC"}
    newest = _from_mlflow(settings, "model-versions/search", query | {"max_results": "100"})
    for version in newest.get("model_versions", []):
        tags = _tags(version)
        if tags.get(GATE_TAG) in ("promoted", "refused"):
            reasons = json.loads(tags[GATE_REASONS_TAG])
            refused = [reason for reason in reasons if reason.startswith("refused: ")]
            described = _described(version["version"], tags)
            head = f"  {'Last decision':<16} {described}: {tags[GATE_TAG]}"
            return [head, *(f"  {'':<16}   {reason}" for reason in refused or reasons)]
    return []


def _described(version: str, tags: Mapping[str, str]) -> str:
    family, market = tags.get(FAMILY_TAG, "?"), tags.get(MARKET_TAG, "?")
    return f"version {version}, {family}, learnt from {market} listings"


def _tags(entity: Mapping[str, list]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in entity.get("tags", [])}


def _from_mlflow(settings: Settings, path: str, query: Mapping[str, str]) -> dict:
    address = f"{variables.own_mlflow(settings)}/api/2.0/mlflow/{path}?{urlencode(query)}"
    password = variables.mlflow_password(settings, "serving")
    sign_in = base64.b64encode(f"serving:{password}".encode()).decode()
    request = urllib.request.Request(address, headers={"Authorization": f"Basic {sign_in}"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def first_price(
    settings: Settings,
    say: Callable[[str], None],
    timeout: float = 60,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Ask the service for the example's price until the production version answers.

    tls: what to trust where its address is of TLS. Raises NoPrice.
    """
    version = production_version(settings)
    if version is None:
        raise NoPrice(
            "No model is in production: the gate refused what was trained, for the reasons above. "
            "Give more listings (make build SOURCE=file DATA=listings.csv), or put a version into "
            "production yourself: vehicle-price promote --help"
        )
    deadline = time.monotonic() + timeout
    while (priced := price_example(settings, tls))["model"]["version"] != version:
        if time.monotonic() > deadline:
            reason = f"version {version} does not answer after {timeout:.0f} s"
            raise NoPrice(f"{reason}; make logs shows what model-sync says")
        time.sleep(0.3)
    car = f"{EXAMPLE['year']} {EXAMPLE['manufacturer']} {EXAMPLE['model']}"
    low, high = priced["interval"]["low"], priced["interval"]["high"]
    say(f"{car}: ${priced['price']:,} (${low:,} to ${high:,}), model version {version}")


def refusal(settings: Settings, status: str) -> str:
    """Why the service refuses the production model; '' when it does not refuse it.

    status: the content of MODEL_DIR/status.json, '' if there is none.
    """
    if not status:
        return ""
    found = json.loads(status)
    refused = found["state"] == "refused" and found["version"] == production_version(settings)
    return str(found["detail"]) if refused else ""


def price_example(settings: Settings, tls: ssl.SSLContext | None = None) -> dict:
    """The answer of POST /predict; with version None while the service has no model.

    Raises NoPrice for any other refusal.
    """
    body = json.dumps({k: v for k, v in EXAMPLE.items() if v is not None}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{settings.service_url}/predict", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30, context=tls) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        if error.code == 503:  # the service has not loaded its first model yet
            return {"model": {"version": None}}
        raise NoPrice(f"POST /predict: {error.code} {error.read().decode()}") from error


def table(rows: Iterable[tuple[str, str, str]]) -> str:
    """(name, address, sign-in) as a table, and the next steps."""
    lines = [f"  {name:<16} {address:<33} {login}".rstrip() for name, address, login in rows]
    steps = "make retrain · make build SOURCE=file DATA=listings.csv · make status · make stop"
    text = "\n".join(lines)
    return f"\n{text}\n\n  Next: {steps}\n"
