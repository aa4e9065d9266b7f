"""POST /train and GET /train/<run_id>: start training in Airflow, and ask how it goes."""

import re
from urllib.parse import quote

from flask import Blueprint, Response, request

from service.auth.access_rules import access
from service.http.body import read_bytes, read_json
from service.routes.predict import as_json
from service.routes.train_request import check_train
from vehicle_price.airflow_client import Trainer, UnknownRun

# What Airflow itself allows in a run's id. It starts with a letter or a digit, so never "..".
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.~:+-]{0,249}")


def blueprint(trainer: Trainer) -> Blueprint:
    """The routes about training."""
    routes = Blueprint("training", __name__)

    @routes.post("/train")
    @access("key")
    def train() -> Response:
        run_id = trainer.start(check_train(_parameters()))
        status_url = f"/train/{quote(run_id, safe='')}"
        started = as_json({"run_id": run_id, "status_url": status_url}, status=202)
        started.headers["Location"] = status_url
        return started

    @routes.get("/train/<run_id>")
    @access("public")
    def train_status(run_id: str) -> Response:
        if not RUN_ID.fullmatch(run_id):
            raise UnknownRun(run_id)
        return as_json(trainer.status(run_id))

    return routes


def _parameters() -> object:
    """The body as JSON; a request without a body asks for the DAG's own defaults."""
    if request.mimetype or request.content_length:
        return read_json(request)
    return read_json(request) if read_bytes(request) else {}
