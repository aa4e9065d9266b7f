"""What the service says of itself: does it live, can it answer, and with which model."""

from pathlib import Path

from flask import Blueprint, Response, request

from service.access import access
from service.files import read_json
from service.holder import Holder
from service.pricing import answer, as_json
from vehicle_price.schema import EXAMPLE
from vehicle_price.wrong_values import FieldError, WrongValues

HIDDEN_FACTS = ("suggestions",)  # long, and has a route of its own


def blueprint(holder: Holder, model_dir: Path) -> Blueprint:
    """The routes about the service and its model."""
    routes = Blueprint("state", __name__)

    @routes.get("/health")
    @access("public")
    def health() -> Response:
        return as_json({"status": "alive"})

    @routes.get("/ready")
    @access("public")
    def ready() -> Response:
        served = holder.current()
        example = answer(served.valuation.price_one(EXAMPLE), served)
        return as_json({"status": "ready", "example": example, "registry": _registry(model_dir)})

    @routes.get("/model")
    @access("public")
    def model() -> Response:
        served = holder.current()
        facts = {k: v for k, v in served.valuation.facts.items() if k not in HIDDEN_FACTS}
        info = {k: served.info.get(k) for k in ("run_id", "tags", "metrics", "loaded_at")}
        known = {"name": served.name, "version": served.version, **info, "facts": facts}
        return as_json({**known, "registry": _registry(model_dir)})

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
