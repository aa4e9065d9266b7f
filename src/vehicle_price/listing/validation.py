"""Validate listings that a client sends. Generated from the schema, one entry per column.

A correct listing, the common case, costs one pass of pydantic's compiled validator. Only a refused
listing takes the slower path that words the reasons.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from typing_extensions import NotRequired, TypedDict

from vehicle_price.listing.errors import MAX_ERRORS, FieldError, WrongValues, echo, pointer_part
from vehicle_price.listing.text import cleaner
from vehicle_price.schema import BY_NAME, COLUMNS, REQUIRED, YEARS_AHEAD, Column, nearest_name

FIRST_YEAR, LAST_YEAR = 1970, 2100  # of a posting: all libraries used here can represent them
EXPECTED = {
    "integer": "a whole number",
    "number": "a number",
    "level": "text",
    "text": "text",
    "date": "an ISO 8601 date such as 2021-04-28T12:00:00-0500",
}


def integral_to_int(value: object) -> object:
    """2013.0 as 2013; 2013.5, true and "2013" unchanged, for the strict check to refuse."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _as_text(value: object) -> object:
    """Carried columns such as `id` may be numbers in the raw data."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return str(value) if is_number else value


def _iso_date(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        year = datetime.fromisoformat(value).year
    except ValueError as error:
        raise ValueError(f"expected {EXPECTED['date']}") from error
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"expected a year from {FIRST_YEAR} to {LAST_YEAR}")
    return value


def _type_of(column: Column) -> Any:
    if column.kind == "integer":
        limits = Field(strict=True, ge=column.minimum, le=column.maximum)
        return Annotated[int, limits, BeforeValidator(integral_to_int, json_schema_input_type=int)]
    if column.kind == "number":
        limits = Field(strict=True, ge=column.minimum, le=column.maximum, allow_inf_nan=False)
        return Annotated[float, limits]
    text = Annotated[str, StringConstraints(strict=True, max_length=column.max_length)]
    if column.kind == "date":
        return Annotated[text, BeforeValidator(_iso_date, json_schema_input_type=str)]
    if column.role == "carried":
        return Annotated[text, BeforeValidator(_as_text, json_schema_input_type=str | float)]
    return Annotated[text, AfterValidator(cleaner(column))]


def _field(column: Column) -> Any:
    described = Field(description=column.help)
    if column.required:
        return Annotated[_type_of(column), described]
    return NotRequired[Annotated[_type_of(column) | None, described]]


REQUEST_COLUMNS = tuple(column for column in COLUMNS if column.role != "target")
Listing = TypedDict("Listing", {column.name: _field(column) for column in REQUEST_COLUMNS})  # type: ignore
Listing.__pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[attr-defined]
LISTING_ADAPTER: TypeAdapter[dict[str, object]] = TypeAdapter(Listing)
LISTINGS_ADAPTER: TypeAdapter[list[dict[str, object]]] = TypeAdapter(list[Listing])


def check_one(body: object, this_year: int) -> dict[str, object]:
    """The listing in `body`: raw column names, checked types and limits.

    this_year: the year of the posting of a listing without a posting date.
    Raises WrongValues with a pointer such as `/odometer` for each wrong value.

    >>> check_one({"year": 2014.0, "manufacturer": "honda", "odometer": 88000}, 2021)["year"]
    2014
    """
    try:
        listing = LISTING_ADAPTER.validate_python(body)
    except ValidationError as error:
        raise WrongValues(list(_reasons(body, "", this_year))) from error
    if listing["year"] > latest_year(listing, this_year):
        raise WrongValues(list(_reasons(body, "", this_year)))
    return listing


def check_many(body: list[object], this_year: int) -> list[dict[str, object]]:
    """The listings in `body`. Raises WrongValues with pointers such as `/3/odometer`.

    this_year: as of `check_one`.
    """
    listings = _all_correct(body, this_year)
    if listings is not None:
        return listings
    errors: list[FieldError] = []
    for number, item in enumerate(body):
        errors += _reasons(item, f"/{number}", this_year)
        if len(errors) >= MAX_ERRORS:
            break
    raise WrongValues(errors)


def check_each(bodies: list[object], this_year: int) -> list[dict[str, object] | WrongValues]:
    """For each of `bodies` its listing or its errors. this_year: as of `check_one`."""
    listings = _all_correct(bodies, this_year)
    if listings is not None:
        return list(listings)
    return [_listing_or_errors(body, this_year) for body in bodies]


def latest_year(listing: Mapping[str, Any], this_year: int) -> int:
    """The latest model year that a listing with this posting date, or with none, may have.

    >>> latest_year({"posting_date": "2021-04-28"}, 2030), latest_year({}, 2030)
    (2022, 2031)
    """
    posted = listing.get("posting_date")
    return (int(posted[:4]) if posted else this_year) + YEARS_AHEAD


def _all_correct(bodies: list[object], this_year: int) -> list[dict[str, object]] | None:
    """The listings; None if one of them is wrong."""
    try:
        listings: list[dict[str, Any]] = LISTINGS_ADAPTER.validate_python(bodies)
    except ValidationError:
        return None
    for listing in listings:
        if listing["year"] > latest_year(listing, this_year):
            return None
    return listings


def _listing_or_errors(body: object, this_year: int) -> dict[str, object] | WrongValues:
    try:
        return check_one(body, this_year)
    except WrongValues as error:
        return error


def check_names(names: Sequence[str]) -> None:
    """Raise WrongValues unless these can be the columns of a file of listings.

    A price may be among them: it is returned unchanged, and never read.
    """
    # A file may have a hundred thousand columns: only as many errors as are shown are made.
    unknown = [name for name in dict.fromkeys(names) if name not in BY_NAME][:MAX_ERRORS]
    errors = [FieldError(pointer_part(name), _unknown(name), name) for name in unknown]
    duplicates = [n for n, count in Counter(names).items() if count > 1 and n in BY_NAME]
    errors += [FieldError(f"/{name}", "is there more than once", name) for name in duplicates]
    missing = [c for c in REQUIRED if c.role == "feature" and c.name not in names]
    errors += [FieldError(f"/{c.name}", f"is required: {c.help}") for c in missing]
    if errors:
        raise WrongValues(errors)


def _reasons(item: object, prefix: str, this_year: int) -> Iterator[FieldError]:
    """The errors of `item`; none when it is a correct listing."""
    if not isinstance(item, Mapping):
        yield FieldError(
            prefix, f"expected a listing (an object), got {_type_in_words(item)}", item
        )
        return
    # A body may hold a hundred thousand unknown names: only as many errors as are shown are made.
    unknown = [name for name in item if name not in BY_NAME or name == "price"][:MAX_ERRORS]
    cells = {name: item[name] for name in BY_NAME.keys() & item.keys() if name != "price"}
    for name, reason in _wrong_values(cells, this_year).items():
        yield FieldError(f"{prefix}/{name}", reason, cells.get(name))
    for name in unknown:
        yield FieldError(prefix + pointer_part(name), _unknown(name), item[name])


def _wrong_values(cells: Mapping[str, Any], this_year: int) -> dict[str, str]:
    """Column → what is wrong with its value. cells: only names of the schema."""
    wrong: dict[str, str] = {}
    try:
        LISTING_ADAPTER.validate_python(cells)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            name = str(details["loc"][0])
            reason = _reason_in_words(BY_NAME[name], cells.get(name), dict(details))
            wrong.setdefault(name, reason)
    if not wrong.keys() & {"year", "posting_date"}:
        latest = latest_year(cells, this_year)
        if cells["year"] > latest:
            after = "its posting" if cells.get("posting_date") else "today"
            wrong["year"] = f"{echo(cells['year'])} is above {latest}, the year after {after}"
    return wrong


def _reason_in_words(column: Column, value: object, error: dict[str, Any]) -> str:
    """The error of one value in words: the column's limit and the value received."""
    words = {
        "missing": f"is required: {column.help}",
        "greater_than_equal": f"{echo(value)} is below {column.minimum} {column.unit}".rstrip(),
        "less_than_equal": f"{echo(value)} is above {column.maximum} {column.unit}".rstrip(),
        "string_too_long": f"is longer than {column.max_length} characters",
        "value_error": str(error.get("ctx", {}).get("error")),
    }
    kind = "missing" if value is None else error["type"]
    return words.get(kind) or f"expected {EXPECTED[column.kind]}, got {_type_in_words(value)}"


def _type_in_words(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "a number too large" if value in (float("inf"), -float("inf")) else "a fraction"
    names = {str: "text", int: "a number", list: "a list", dict: "an object", type(None): "null"}
    return names[type(value)]


def _unknown(name: str) -> str:
    if name == "price":
        return "leave it out: the price is what POST /predict answers"
    # Comparing is quadratic in the length; no column name is longer than 12.
    nearest = nearest_name(name) if len(name) <= 40 else None
    required = ", ".join(column.name for column in REQUIRED)
    return f"unknown; did you mean {nearest}?" if nearest else f"unknown; required are {required}"
