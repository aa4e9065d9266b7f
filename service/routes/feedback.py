"""POST /feedback: the price that a predicted car was sold or listed for."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from flask import Blueprint, Response, request
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import to_json

from service.auth.access_rules import access
from service.environ import CALLER
from service.http.body import read_json_body
from service.http.problem import Problem
from service.http.request_context import request_context, scope_of
from service.http.responses import encoded_response
from service.outbox import codec
from service.outbox.idempotency import answer_once
from service.outbox.outbox import Outbox
from service.outbox.records import Record
from vehicle_price.listing.errors import FieldError, WrongValues, pointer_part
from vehicle_price.listing.validation import integral_to_int
from vehicle_price.prediction_log.retention.period import is_over
from vehicle_price.schema import TARGET

PATH = "/feedback"
UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
EXPECTED = {
    "prediction_id": "expected the prediction_id of an answer, such as {example}",
    "price": f"expected a whole number of US dollars from {TARGET.minimum} to {TARGET.maximum:,}",
}
EXAMPLE_ID = "0f938a7e-5b1c-7f00-9c3a-2f5d8e6a1000"  # of a far day, so that it never is too old


class Feedback(BaseModel):
    """The price that a predicted car was sold or listed for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    prediction_id: Annotated[str, StringConstraints(pattern=UUID)] = Field(
        description="As POST /predict answered it.", examples=[EXAMPLE_ID]
    )
    price: Annotated[
        int, Field(ge=TARGET.minimum, le=TARGET.maximum), BeforeValidator(integral_to_int)
    ] = Field(
        description="What it was sold or listed for, in US dollars.", examples=[TARGET.example]
    )


def blueprint(outbox: Outbox, period: timedelta | None) -> Blueprint:
    """The route for reported prices. period: how long a prediction may get them; None: for ever."""
    routes = Blueprint("feedback", __name__)

    @routes.post(PATH)
    @access("key")
    def feedback() -> Response:
        scope = scope_of(PATH, request_context(request))
        reported = check_feedback(read_json_body(request))

        def accept() -> tuple[bytes, Record]:
            _check_age(reported.prediction_id, period)
            record = codec.feedback_record(
                reported.prediction_id, reported.price, request.environ[CALLER]
            )
            return to_json({"status": "accepted", **reported.model_dump()}), record

        asked = reported.model_dump()
        response_body, _ = answer_once(outbox, scope, asked, make=accept, keep=outbox.keep)
        return encoded_response(response_body, 202)

    return routes


def _check_age(prediction_id: str, period: timedelta | None) -> None:
    """Raises Problem for a prediction that may be in the archive, where no report can join it."""
    if is_over(prediction_id, datetime.now(UTC), period):
        detail = f"a prediction may get feedback for {period.days} days; this one is older"
        raise Problem(410, "feedback-over", detail)


def check_feedback(body: object) -> Feedback:
    """The feedback in `body`. Raises WrongValues.

    >>> check_feedback({"prediction_id": EXAMPLE_ID, "price": 15990}).price
    15990
    """
    try:
        return Feedback.model_validate(body)
    except ValidationError as error:
        raise WrongValues([_reason(body, dict(e)) for e in error.errors()]) from error


def _reason(body: object, error: dict) -> FieldError:
    if not isinstance(body, dict):
        return FieldError("", 'expected {"prediction_id": …, "price": …}', body)
    name = str(error["loc"][0])
    value = body.get(name)
    if error["type"] == "extra_forbidden":
        return FieldError(pointer_part(name), "unknown; known are prediction_id, price", value)
    detail = EXPECTED[name].format(example=EXAMPLE_ID)
    return FieldError(pointer_part(name), detail, value)
