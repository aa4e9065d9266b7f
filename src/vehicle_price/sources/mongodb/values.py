"""Convert values of MongoDB to the text that a CSV of the same listings would hold.

`vehicle-price mongodb push` stores text. Other tools store numbers and dates.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from decimal import Decimal

import pyarrow as pa
from bson import Decimal128, ObjectId

from vehicle_price.contract.check import READER_FAULT, STORED_COLUMNS

# A number with more digits is invalid; it keeps its exponent, so that its text stays short.
MAX_DIGITS = 20

# The contract quarantines a row with this character.
NOT_TEXT = "\N{REPLACEMENT CHARACTER}"


def to_batch(documents: Sequence[Mapping[str, object]]) -> pa.RecordBatch:
    """Documents as columns of text; a field that a document lacks is null."""
    names = (*STORED_COLUMNS, READER_FAULT)
    return pa.RecordBatch.from_arrays(
        [pa.array([to_text(d.get(name)) for d in documents], pa.string()) for name in names],
        names=names,
    )


def to_text(value: object) -> str | None:
    """The raw text of one value; None for null and NaN.

    A list or an object is shown after U+FFFD, so that the contract quarantines the row.

    >>> to_text(2013.0), to_text(Decimal128("15990.00")), to_text(float("nan")), to_text("1500.0")
    ('2013', '15990', None, '1500.0')
    >>> to_text(datetime(2021, 4, 28, 17, tzinfo=timezone.utc))
    '2021-04-28T17:00:00+00:00'
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(Decimal(repr(value)))
    return _rare_type_to_text(value)


def _rare_type_to_text(value: object) -> str | None:
    if isinstance(value, Decimal128):
        return _number(value.to_decimal())
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat()
    if isinstance(value, ObjectId):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return f"{NOT_TEXT} not a single value: {json.dumps(value, default=str)}"


def _number(value: Decimal) -> str | None:
    if value.is_nan():
        return None
    if value.is_infinite() or abs(value.adjusted()) > MAX_DIGITS:
        return str(value)
    if value == value.to_integral_value():
        return str(int(value))
    return format(value.normalize(), "f")
