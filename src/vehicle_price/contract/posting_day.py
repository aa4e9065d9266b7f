"""Which posting day a raw listing belongs to."""

from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from vehicle_price.contract.rules import ISO_DATE
from vehicle_price.contract.text_columns import matches, normalised

UNDATED = "undated"
FIRST_DAY, LAST_DAY = "0001-01-01", "9999-12-31"


def posting_days(dates: pa.Array | pa.ChunkedArray) -> pa.Array:
    """'YYYY-MM-DD' as the seller's clock had it, or UNDATED, for each text of `posting_date`.

    For every listing that the contract accepts it is the `posting_day` found there.

    >>> posting_days(pa.array(["2021-04-28T23:59:00-0500", "2021-02-30", None])).to_pylist()
    ['2021-04-28', 'undated', 'undated']
    """
    if isinstance(dates, pa.ChunkedArray):
        dates = pa.concat_arrays(dates.chunks) if dates.num_chunks else pa.array([], pa.string())
    text = normalised(dates)
    days = pc.utf8_slice_codeunits(pc.if_else(matches(text, ISO_DATE), text, None), 0, 10)
    coded = days.dictionary_encode()
    known = [day if is_day(day) else UNDATED for day in coded.dictionary.to_pylist()]
    return pc.fill_null(pa.array(known, pa.string()).take(coded.indices), UNDATED)


def is_day(text: str) -> bool:
    """Whether it is a calendar day 'YYYY-MM-DD'.

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
