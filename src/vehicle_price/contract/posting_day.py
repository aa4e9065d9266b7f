"""The posting day of a raw listing, and calculations with days."""

from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from vehicle_price.contract.rules import ISO_DATE
from vehicle_price.contract.text_columns import full_match, normalised

UNDATED = "undated"
LAST_DAY = "9999-12-31"


def posting_days(dates: pa.Array | pa.ChunkedArray) -> pa.Array:
    """'YYYY-MM-DD' by the seller's clock, or UNDATED, for each text of `posting_date`.

    For an accepted listing it equals the column `posting_day`.

    >>> posting_days(pa.array(["2021-04-28T23:59:00-0500", "2021-02-30", None])).to_pylist()
    ['2021-04-28', 'undated', 'undated']
    """
    if isinstance(dates, pa.ChunkedArray):
        dates = pa.concat_arrays(dates.chunks) if dates.num_chunks else pa.array([], pa.string())
    text = normalised(dates)
    days = pc.utf8_slice_codeunits(pc.if_else(full_match(text, ISO_DATE), text, None), 0, 10)
    encoded = days.dictionary_encode()
    valid = [day if is_day(day) else UNDATED for day in encoded.dictionary.to_pylist()]
    return pc.fill_null(pa.array(valid, pa.string()).take(encoded.indices), UNDATED)


def is_day(text: str) -> bool:
    """Whether `text` is a calendar day 'YYYY-MM-DD'.

    >>> is_day("2021-02-30"), is_day("2021-02-28")
    (False, True)
    """
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def day_after(day: str, number: int = 1) -> str:
    """The day `number` days later (earlier if it is negative).

    >>> day_after("2021-04-30"), day_after("2021-05-04", -7)
    ('2021-05-01', '2021-04-27')
    """
    return (date.fromisoformat(day) + timedelta(days=number)).isoformat()
