"""Values of MongoDB as the text a CSV of the same listings would hold.

What `vehicle-price mongodb push` stores is text already. Other tools store numbers and dates.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from decimal import Decimal

import pyarrow as pa
from bson import Decimal128, ObjectId

from vehicle_price.contract.check import READER_FAULT, STORED_COLUMNS

# Beyond this a number is junk; it keeps its exponent, so that its text stays short.
LONGEST_WHOLE = 20

# The contract refuses a row that holds this character.
NOT_TEXT = "\N{REPLACEMENT CHARACTER}"


def batch(documents: Sequence[Mapping[str, object]]) -> pa.RecordBatch:
    """Documents as columns of text; a field that a document lacks is missing."""
    names = (*STORED_COLUMNS, READER_FAULT)
    return pa.RecordBatch.from_arrays(
        [pa.array([text(d.get(name)) for d in documents], pa.string()) for name in names],
        names=names,
    )


def text(value: object) -> str | None:
    """The raw text of one value; None where there is none.

    What is no single value, such as a list, is shown behind U+FFFD, which the contract refuses.

    >>> text(2013.0), text(Decimal128("15990.00")), text(float("nan")), text("1500.0")
    ('2013', '15990', None, '1500.0')
    >>> text(datetime(2021, 4, 28, 17, tzinfo=timezone.utc))
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
    return _rarer(value)


def _rarer(value: object) -> str | None:
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
    if value.is_infinite() or abs(value.adjusted()) > LONGEST_WHOLE:
        return str(value)
    if value == value.to_integral_value():
        return str(int(value))
    return format(value.normalize(), "f")
