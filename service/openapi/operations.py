"""The operations of the OpenAPI document: the request and the responses of each route.

The access rule is at the view itself (`auth/access_rules.py`). A test compares this table, the
routes and setup/http.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from service.openapi.shapes import TEXT, Schema, ref
from service.routes.monitoring import CHANNELS, VERSION
from vehicle_price.prediction_log.report.scope import DEFAULT_WINDOWS, MAX_WINDOWS, MIN_WINDOWS

JSON, HTML, CSV = "application/json", "text/html", "text/csv"
PARQUET = "application/vnd.apache.parquet"
Bodies = Mapping[str, Schema]  # media type → schema


@dataclass(frozen=True)
class Operation:
    """One method of one route.

    answers: status → schema of the body by media type. problems: the statuses of errors.
    takes: schema of the request's body by media type; needed: whether the body is required.
    """

    summary: str
    answers: Mapping[int, Bodies]
    problems: tuple[int, ...] = ()
    takes: Bodies = field(default_factory=dict)
    needed: bool = True
    parameters: tuple[Schema, ...] = ()


def parameter(location: str, name: str, explained: str, schema: Schema, **extra: object) -> Schema:
    """One parameter in the path, the query or a header."""
    required = {"required": True} if location == "path" else {}
    schema_object = {"name": name, "in": location, "description": explained, "schema": schema}
    return schema_object | required | extra


def json_of(name: str) -> Bodies:
    """A JSON body of the component `name`."""
    return {JSON: ref(name)}


FILE: Schema = {"type": "string", "format": "binary"}
BODY = (400, 413, 415, 422)  # what may be wrong with a body
IDEMPOTENT = parameter(
    "header",
    "Idempotency-Key",
    "Makes a retry safe: the same key and body get the same answer, and one record.",
    {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
)
CLIENT = parameter("header", "X-Client-Id", "Keeps a client on one model in a canary.", TEXT)
CHANNEL = parameter(
    "header",
    "X-Channel",
    "`form` where a person filled in a form, else a program; monitoring keeps both apart.",
    TEXT,
)
RUN = parameter("path", "run_id", "As POST /train answered it.", TEXT)
OF_MONITORING = (
    parameter(
        "query",
        "channel",
        "Columns of this channel only; the verdicts are of all.",
        {"enum": list(CHANNELS)},
    ),
    parameter(
        "query", "version", "Figures of this version only.", TEXT | {"pattern": f"^{VERSION}$"}
    ),
    parameter(
        "query",
        "windows",
        "How many of the last closed windows.",
        {
            "type": "integer",
            "minimum": MIN_WINDOWS,
            "maximum": MAX_WINDOWS,
            "default": DEFAULT_WINDOWS,
        },
    ),
)
LISTINGS: Schema = {"anyOf": [ref("Listing"), ref("Listings")]}

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", "/"): Operation(
        "The HTML form; with a listing in the query, its price.",
        {200: {HTML: TEXT}, 422: {HTML: TEXT}, 503: {HTML: TEXT}},
    ),
    ("GET", "/static/<path:name>"): Operation(
        "A file that the pages use.",
        {200: {"text/css": TEXT, "text/javascript": TEXT, "image/svg+xml": TEXT}},
        (404,),
        parameters=(
            parameter(
                "path",
                "name",
                "The file.",
                {"enum": ["form.css", "form.js", "docs.css", "icon.svg"]},
            ),
        ),
    ),
    ("POST", "/predict"): Operation(
        "The price of a listing, or of each of 1 to 1,000 listings.",
        {200: {JSON: {"anyOf": [ref("Prediction"), ref("Predictions")]}}},
        (*BODY, 503),
        takes={JSON: LISTINGS},
        parameters=(IDEMPOTENT, CLIENT, CHANNEL),
    ),
    ("POST", "/predict/batch"): Operation(
        "The rows of a file with prices; a row that is wrong has the column `error` instead.",
        {200: {CSV: TEXT, PARQUET: FILE}},
        (*BODY, 503),
        takes={CSV: TEXT, PARQUET: FILE},
    ),
    ("POST", "/feedback"): Operation(
        "The price that a predicted car was sold or listed for.",
        {202: json_of("FeedbackTaken")},
        (*BODY, 410, 503),
        takes=json_of("Feedback"),
        parameters=(IDEMPOTENT,),
    ),
    ("GET", "/lineage/<prediction_id>"): Operation(
        "Which model, run, data, code and request made a price.",
        {200: json_of("Lineage")},
        (404, 410, 503),
        parameters=(parameter("path", "prediction_id", "As POST /predict answered it.", TEXT),),
    ),
    ("GET", "/monitoring"): Operation(
        "What monitoring has found in the last closed windows, and what the system did.",
        {200: json_of("Monitoring")},
        (422, 503),
        parameters=OF_MONITORING,
    ),
    ("POST", "/webhooks/mlflow"): Operation(
        "A signed event of MLflow's registry: look for a new model now.",
        {202: {}},
        (409, 413, 503),
        takes={JSON: {}},
        parameters=tuple(
            parameter("header", f"X-MLflow-{name}", explained, TEXT)
            for name, explained in (
                ("Delivery-Id", "Different for each event."),
                ("Timestamp", "Seconds since 1970."),
            )
        ),
    ),
    ("POST", "/train"): Operation(
        "Start training in Airflow.",
        {202: json_of("TrainingStarted")},
        (*BODY, 503),
        takes=json_of("TrainRequest"),
        needed=False,
    ),
    ("GET", "/train/<run_id>"): Operation(
        "How a training run goes.",
        {200: json_of("TrainingRun")},
        (404, 503),
        parameters=(RUN,),
    ),
    ("GET", "/health"): Operation("The process lives.", {200: json_of("Alive")}),
    ("GET", "/ready"): Operation(
        "A model is loaded and answers; makes a real prediction.", {200: json_of("Ready")}, (503,)
    ),
    ("GET", "/model"): Operation(
        "What serves now: version, run, metrics, data.", {200: json_of("Model")}, (503,)
    ),
    ("GET", "/suggestions"): Operation(
        "The most common models of a make.",
        {200: json_of("Suggestions")},
        (422, 503),
        parameters=(
            parameter(
                "query", "manufacturer", "The make.", TEXT | {"pattern": r"\S"}, required=True
            ),
        ),
    ),
    ("GET", "/metrics"): Operation("What is counted, for Prometheus.", {200: {"text/plain": TEXT}}),
    ("GET", "/openapi.json"): Operation("This document.", {200: {JSON: {"type": "object"}}}),
    ("GET", "/docs"): Operation("This document as a page.", {200: {HTML: TEXT}}),
}
