"""Hooks that schemathesis loads through SCHEMATHESIS_HOOKS: what the document cannot express."""

import io
import uuid

import pyarrow
import schemathesis
from hypothesis import strategies as st
from pyarrow import parquet

HEADER = "Idempotency-Key"
LISTINGS = st.lists(
    st.fixed_dictionaries(
        {
            "year": st.integers(1970, 2022) | st.integers(),
            "manufacturer": st.sampled_from(["honda", "ford", "", "nobody's"]),
            "odometer": st.integers(-1, 600_000),
        }
    ),
    min_size=1,
    max_size=20,
)


def as_csv(listings):
    """A CSV file of listings, some of which are invalid."""
    header = ",".join(listings[0])
    rows = [",".join(str(value) for value in listing.values()) for listing in listings]
    return "\n".join([header, *rows]).encode()


def as_parquet(listings):
    """The same as Parquet; years are cut to 31 bits, because an integer column has at most 64."""
    rows = [listing | {"year": listing["year"] % 2**31} for listing in listings]
    file = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    return file.getvalue()


# A schema cannot describe the content of a file.
schemathesis.openapi.media_type("text/csv", LISTINGS.map(as_csv))
schemathesis.openapi.media_type("application/vnd.apache.parquet", LISTINGS.map(as_parquet))


def with_possible_year(listing):
    """The listing; a year that only a later posting may have is that of the posting.

    The schema has the limit of the latest posting date: it cannot compare two values.
    """
    year = listing.get("year") if isinstance(listing, dict) else None
    if not isinstance(year, (int, float)) or not 1970 <= year <= 2101:
        return listing
    posted = listing.get("posting_date")
    is_dated = isinstance(posted, str) and posted[:4].isdecimal() and len(posted) >= 10
    return listing | {"year": min(year, int(posted[:4]) if is_dated else 2021)}


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """Make each valid Idempotency-Key unique: the service refuses a key of another request.

    And make the years of listings possible ones.
    """
    many = isinstance(case.body, list)
    body = [with_possible_year(one) for one in case.body] if many else with_possible_year(case.body)
    if isinstance(case.body, list | dict) and body != case.body:
        case.body = body  # an assignment makes schemathesis forget whether the case was valid
    key = (case.headers or {}).get(HEADER)
    if key and len(key) <= 200 and key.isascii() and key.isprintable() and " " not in key:
        case.headers[HEADER] = f"{uuid.uuid4()}{key}"[:200]
