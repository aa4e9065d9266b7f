"""JSON Schema of all bodies. A listing's is made from its validator and the data schema."""

import unicodedata
from functools import cache

from service.http.problem import TYPE
from service.openapi import monitoring_schemas
from service.openapi.shapes import ANY_OBJECT, TEXT, Schema, record, ref
from service.routes.feedback import Feedback
from service.routes.train import TrainRequest
from vehicle_price.listing.validation import LAST_YEAR, LISTING_ADAPTER
from vehicle_price.schema import BY_NAME, EXAMPLE, YEARS_AHEAD, Column

UUID: Schema = {
    "type": "string",
    "minLength": 1,
    "examples": ["0197a3c2-5e1b-7c40-8f63-1d2a9b7c4e55"],
}
DOLLARS: Schema = {"type": "integer", "minimum": 0, "description": "Whole US dollars."}
# Every calendar day but 29 February, which a pattern cannot check.
DATE = (
    r"^(19[7-9][0-9]|20[0-9]{2}|2100)-"
    r"((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
    r"(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([+-](0[0-9]|1[0-3]):?[0-5][0-9]|Z)?)?$"
)


def listing() -> Schema:
    """A listing that `check_one` accepts: pydantic's schema, with the limits of its validators."""
    schema = LISTING_ADAPTER.json_schema()
    properties = {n: _property(BY_NAME[n], p) for n, p in schema["properties"].items()}
    return schema | {"properties": properties, "title": "Listing", "examples": [EXAMPLE]}


def _property(column: Column, generated: Schema) -> Schema:
    kinds = [_kind(column, kind["type"], kind) for kind in generated.get("anyOf", [generated])]
    schema = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    unit = f" In {column.unit}." if column.unit else ""
    schema["description"] = column.help + unit
    if column.follows_posting:
        schema["description"] += (
            " At most the year after that of `posting_date`; without one, the year after the "
            "present one (UTC)."
        )
    if column.levels:
        schema["description"] += f" Known: {', '.join(column.levels)}; another gets a warning."
    return schema


def _kind(column: Column, name: str, generated: Schema) -> Schema:
    """One of the types that a column may have, with its limits."""
    if name == "integer":
        return {"type": name, "minimum": column.minimum, "maximum": _largest(column)}
    if name == "string":
        return {"type": name} | _text_limits(column)
    return {k: v for k, v in generated.items() if k not in ("title", "description")}


def _largest(column: Column) -> int | float | None:
    """The largest value; of a model year that with the latest posting date. A schema cannot express
    a limit that depends on another value."""
    return LAST_YEAR + YEARS_AHEAD if column.follows_posting else column.maximum


def _text_limits(column: Column) -> Schema:
    if column.kind == "date":
        return {"pattern": DATE}
    visible = {"pattern": f"[^{_invisible()}]"} if column.required else {}
    return {"maxLength": column.max_length} | visible


@cache
def _invisible() -> str:
    """The characters that `text.tidy` removes, as ranges of a pattern."""
    ranges: list[list[int]] = []
    for code in range(0x10000):
        category = unicodedata.category(chr(code))
        if category in ("Cc", "Cf") or category[0] == "Z":
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"\\u{first:04x}-\\u{last:04x}" for first, last in ranges)


def components() -> dict[str, Schema]:
    """The named schemas of the document."""
    interval = {"low": DOLLARS, "high": DOLLARS, "coverage": {"type": "number"}}
    model = {"name": TEXT, "version": TEXT}
    prediction = record(
        {
            "prediction_id": UUID,
            "price": DOLLARS,
            "currency": {"const": "USD"},
            "interval": record(interval),
            "model": record(model),
            "warnings": {"type": "array", "items": TEXT},
        }
    )
    registry = record({"state": TEXT}, version={"type": ["string", "null"]}, detail=TEXT)
    outside = {"registry": ref("Registry"), "prediction_log": ref("PredictionLog")}
    example = ref("Prediction")
    run = {"run_id": TEXT, "state": TEXT, "tasks": {"type": "array", "items": ANY_OBJECT}}
    return {
        "Listing": listing(),
        "Listings": {"type": "array", "minItems": 1, "maxItems": 1000, "items": ref("Listing")},
        "Prediction": prediction,
        "Predictions": record({"predictions": {"type": "array", "items": ref("Prediction")}}),
        "Alive": record({"status": {"const": "alive"}}),
        "Ready": record({"status": TEXT, "example": example} | outside),
        "Registry": registry,
        "PredictionLog": record({"state": TEXT, "detail": TEXT}, since=TEXT),
        "Model": record(model | {"facts": ANY_OBJECT} | outside),
        "Suggestions": record({"manufacturer": TEXT, "models": {"type": "array", "items": TEXT}}),
        "Feedback": Feedback.model_json_schema(),
        "FeedbackTaken": record({"status": {"const": "accepted"}, "prediction_id": UUID}),
        "Lineage": record({"prediction_id": UUID, "model": ANY_OBJECT, "request": ANY_OBJECT}),
        "TrainRequest": _train_request(),
        "TrainingStarted": record({"run_id": TEXT, "status_url": TEXT}),
        "TrainingRun": record(run),
        "Problem": _problem(),
    } | monitoring_schemas.components()


def _train_request() -> Schema:
    schema = TrainRequest.model_json_schema()
    families = schema["properties"]["families"]["anyOf"][0]
    families["uniqueItems"] = True  # what `_once_each` checks
    return schema


def _problem() -> Schema:
    error = record({"pointer": TEXT, "detail": TEXT}, value={})
    return record(
        {
            "type": {"type": "string", "pattern": f"^{TYPE}[a-z-]+$"},
            "title": TEXT,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": TEXT,
        },
        errors={"type": "array", "items": error},
    )
