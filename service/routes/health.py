"""What the service says of itself: does it live, can it answer, and with which model."""

from pathlib import Path

from flask import Blueprint, Response, request

from service.auth.access_rules import access
from service.inference.model_holder import Holder
from service.json_files import read_json
from service.outbox import forwarder_status
from service.outbox.outbox import Outbox
from service.routes.predict import answer, as_json
from vehicle_price.listing.errors import FieldError, WrongValues
from vehicle_price.prediction_log.ids import new_id
from vehicle_price.schema import EXAMPLE

HIDDEN_FACTS = ("suggestions",)  # long, and has a route of its own


def blueprint(holder: Holder, model_dir: Path, outbox: Outbox) -> Blueprint:
    """The routes about the service and its model."""
    routes = Blueprint("state", __name__)

    def outside() -> dict[str, object]:
        """What the service does without for a while: how the processes beside it found it."""
        return {
            "registry": _registry(model_dir),
            "prediction_log": forwarder_status.read(outbox.file.path),
        }

    @routes.get("/health")
    @access("public")
    def health() -> Response:
        return as_json({"status": "alive"})

    @routes.get("/ready")
    @access("public")
    def ready() -> Response:
        served = holder.current()
        example = answer(served.valuation.price_one(EXAMPLE), served, new_id())  # not logged
        return as_json({"status": "ready", "example": example, **outside()})

    @routes.get("/model")
    @access("public")
    def model() -> Response:
        served = holder.current()
        facts = {k: v for k, v in served.valuation.facts.items() if k not in HIDDEN_FACTS}
        info = {k: served.info.get(k) for k in ("run_id", "tags", "metrics", "loaded_at")}
        if "instead_of" in served.info:  # a copy on disk was damaged, this is the one before
            info["instead_of"] = served.info["instead_of"]
        known = {"name": served.name, "version": served.version, **info, "facts": facts}
        return as_json({**known, **outside()})

    @routes.get("/suggestions")
    @access("public")
    def suggestions() -> Response:
        make = request.args.get("manufacturer", "").strip().lower()
        if not make:
            detail = "name a make: /suggestions?manufacturer=honda"
            raise WrongValues([FieldError("/manufacturer", detail)])
        models = holder.current().suggestions.get(make, [])
        return as_json({"manufacturer": make, "models": models})

    return routes


def _registry(model_dir: Path) -> dict[str, object]:
    """What the sidecar last saw of the registry: reachable or not, and what it refused."""
    return read_json(model_dir / "status.json") or {
        "state": "unknown",
        "detail": "model-sync has not reported yet; `make status` shows whether it runs",
    }
