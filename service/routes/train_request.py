"""Check the body of POST /train: the parameters of the training DAG that a client may choose."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from vehicle_price.listing.errors import MAX_ERRORS, FieldError, WrongValues, pointer_part
from vehicle_price.listing.validation import whole
from vehicle_price.names import FAMILY_NAMES, SOURCE_NAMES

NO_PATH = "a client cannot choose what is read: the setting DATA names it where the service runs"


def _once_each(families: list[str]) -> list[str]:
    if len(set(families)) < len(families):
        raise ValueError("each family may be named once")
    return families


class TrainRequest(BaseModel):
    """What a client may choose; all of it optional."""

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
    seed: Annotated[int, Field(ge=0, le=2**31 - 1), BeforeValidator(whole)] | None = None


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
    pointer = "".join(pointer_part(part) for part in error["loc"])
    if error["loc"] == ("data",):
        return FieldError(pointer, NO_PATH, error["input"])
    if error["type"] == "extra_forbidden":
        known = ", ".join(TrainRequest.model_fields)
        return FieldError(pointer, f"unknown; known are {known}", error["input"])
    return FieldError(pointer, error["msg"], error["input"])
