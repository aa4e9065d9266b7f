"""POST /train and GET /train/<run_id>: start training in Airflow, and ask how it goes."""

import re
from typing import Annotated, Literal
from urllib.parse import quote

from flask import Blueprint, Response, request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from service.auth.access_rules import access, require_admin
from service.http.body import read_bytes, read_json_body
from service.http.responses import json_response
from service.http.slots import Slots
from vehicle_price.airflow_client import Trainer, UnknownRun
from vehicle_price.listing.errors import MAX_ERRORS, FieldError, WrongValues, pointer_part
from vehicle_price.listing.validation import integral_to_int
from vehicle_price.names import FAMILY_NAMES, SOURCE_NAMES

NO_PATH = "a client cannot choose what is read: the setting DATA names it where the service runs"
AIRFLOW_CALLS = 3  # of a worker at a time: each occupies a thread until Airflow answers
# The ids that Airflow allows. They start with a letter or a digit, so ".." is none.
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.~:+-]{0,249}")


def blueprint(trainer: Trainer) -> Blueprint:
    """The routes about training."""
    routes = Blueprint("training", __name__)
    slots = Slots(AIRFLOW_CALLS, "requests to Airflow")

    @routes.post("/train")
    @access("key")
    def train() -> Response:
        parameters = check_train(_parameters())
        if "source" in parameters:
            require_admin(request, "another source than the installation's (SOURCE)")
        with slots.occupied():
            run_id = trainer.start(parameters)
        status_url = f"/train/{quote(run_id, safe='')}"
        started = json_response({"run_id": run_id, "status_url": status_url}, status=202)
        started.headers["Location"] = status_url
        return started

    @routes.get("/train/<run_id>")
    @access("public")
    def train_status(run_id: str) -> Response:
        if not RUN_ID.fullmatch(run_id):
            raise UnknownRun(run_id)
        with slots.occupied():
            return json_response(trainer.status(run_id))

    return routes


def _parameters() -> object:
    """The body as JSON; a request without a body asks for the DAG's own defaults."""
    if request.mimetype or request.content_length:
        return read_json_body(request)
    return read_json_body(request) if read_bytes(request) else {}


def _once_each(families: list[str]) -> list[str]:
    if len(set(families)) < len(families):
        raise ValueError("each family may be named once")
    return families


class TrainRequest(BaseModel):
    """The parameters of the training DAG that a client may choose; all are optional."""

    model_config = ConfigDict(extra="forbid", strict=True)

    source: Literal[SOURCE_NAMES] | None = None  # type: ignore[valid-type]
    families: (
        Annotated[
            list[Literal[FAMILY_NAMES]],  # type: ignore[valid-type]
            Field(min_length=1),
            AfterValidator(_once_each),
        ]
        | None
    ) = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1), BeforeValidator(integral_to_int)] | None = None


def check_train(body: object) -> dict[str, object]:
    """The DAG's parameters that `body` sets. Raises WrongValues.

    >>> check_train({"families": ["xgboost"]})
    {'families': ['xgboost']}
    """
    try:
        return TrainRequest.model_validate(body).model_dump(exclude_none=True)
    except ValidationError as error:
        raise WrongValues([_reason(dict(e)) for e in error.errors()[:MAX_ERRORS]]) from error


def _reason(error: dict) -> FieldError:
    pointer = "".join(pointer_part(name) for name in error["loc"])
    if error["loc"] == ("data",):
        return FieldError(pointer, NO_PATH, error["input"])
    if error["type"] == "extra_forbidden":
        names = ", ".join(TrainRequest.model_fields)
        return FieldError(pointer, f"unknown; known are {names}", error["input"])
    return FieldError(pointer, error["msg"], error["input"])
