"""GET /health, /ready, /model, /suggestions: the state of the service and of its model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, request

from service.auth.access_rules import access
from service.http.responses import json_response
from service.inference.model_holder import ModelHolder
from service.inference.pricer import Priced, predictions
from service.json_files import read_json
from service.model_dir import STATUS_FILE
from service.outbox import forwarder_status
from service.outbox.outbox import Outbox
from vehicle_price.error_text import without_folders
from vehicle_price.listing.errors import FieldError, WrongValues
from vehicle_price.prediction_log.ids import new_id
from vehicle_price.schema import EXAMPLE

HIDDEN_FACTS = ("suggestions",)  # long, and has a route of its own


def blueprint(holder: ModelHolder, model_dir: Path, outbox: Outbox) -> Blueprint:
    """The routes about the service and its model."""
    routes = Blueprint("state", __name__)

    def dependencies() -> dict[str, object]:
        """The state of registry and prediction log; the service can do without them for a while."""
        return {
            "registry": _public(_registry(model_dir)),
            "prediction_log": _public(forwarder_status.read(outbox.file.path)),
        }

    @routes.get("/health")
    @access("public")
    def health() -> Response:
        return json_response({"status": "alive"})

    @routes.get("/ready")
    @access("public")
    def ready() -> Response:
        served = holder.current()
        priced = Priced(new_id(), [EXAMPLE], served.price([EXAMPLE]), served)  # not logged
        return json_response(
            {"status": "ready", "example": predictions(priced)[0], **dependencies()}
        )

    @routes.get("/model")
    @access("public")
    def model() -> Response:
        served = holder.current()
        facts = {k: v for k, v in served.valuation.facts.items() if k not in HIDDEN_FACTS}
        info = {k: served.info.get(k) for k in ("run_id", "tags", "metrics", "loaded_at")}
        if "instead_of" in served.info:  # a copy on disk was damaged, this is the one before
            info["instead_of"] = _public(served.info["instead_of"])
        model = {"name": served.name, "version": served.version, **info, "facts": facts}
        return json_response({**_public(model), **dependencies()})

    @routes.get("/suggestions")
    @access("public")
    def suggestions() -> Response:
        make = request.args.get("manufacturer", "").strip().lower()
        if not make:
            detail = "name a make: /suggestions?manufacturer=honda"
            raise WrongValues([FieldError("/manufacturer", detail)])
        models = holder.current().suggestions.get(make, [])
        return json_response({"manufacturer": make, "models": models})

    return routes


def _registry(model_dir: Path) -> dict[str, object]:
    """What model_sync last found in the registry, and the versions it refused."""
    return read_json(model_dir / STATUS_FILE) or {
        "state": "unknown",
        "detail": "model-sync has not reported yet; `make status` shows whether it runs",
    }


def _public(content: Any) -> Any:
    """JSON values without the folders of this machine; the logs of the processes have them."""
    if isinstance(content, str):
        return without_folders(content)
    if isinstance(content, Mapping):
        return {name: _public(value) for name, value in content.items()}
    return [_public(value) for value in content] if isinstance(content, list) else content
