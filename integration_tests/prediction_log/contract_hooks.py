"""What schemathesis is told besides the document. Loaded by it, through SCHEMATHESIS_HOOKS."""

import io
import uuid

import pyarrow
import schemathesis
from hypothesis import strategies as st
from pyarrow import parquet

HEADER = "Idempotency-Key"
CARS = st.lists(
    st.fixed_dictionaries(
        {
            "year": st.integers(1970, 2030) | st.integers(),
            "manufacturer": st.sampled_from(["honda", "ford", "", "nobody's"]),
            "odometer": st.integers(-1, 600_000),
        }
    ),
    min_size=1,
    max_size=20,
)


def as_csv(cars):
    """A file of cars, some of them wrong, as CSV."""
    lines = [",".join(cars[0])] + [",".join(str(value) for value in car.values()) for car in cars]
    return "\n".join(lines).encode()


def as_parquet(cars):
    """The same as Parquet; what does not fit into 64 bits is left out."""
    cars = [car | {"year": car["year"] % 2**31} for car in cars]
    file = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(cars), file)
    return file.getvalue()


# A schema cannot say what is inside a file.
schemathesis.openapi.media_type("text/csv", CARS.map(as_csv))
schemathesis.openapi.media_type("application/vnd.apache.parquet", CARS.map(as_parquet))


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """A key that another request had is refused, rightly; so each valid key is made a new one."""
    key = (case.headers or {}).get(HEADER)
    if key and len(key) <= 200 and key.isascii() and key.isprintable() and " " not in key:
        case.headers[HEADER] = f"{uuid.uuid4()}{key}"[:200]
