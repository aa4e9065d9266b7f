"""The one shape every source yields: Kaggle's 26 columns, all text, in schema order."""

from collections.abc import Iterator, Sequence

import pandas as pd
import pyarrow as pa

from vehicle_price.schema import NAMES

BATCH_ROWS = 50_000

# Arrow text is not copied into one Python string per cell, which keeps a
# batch of long descriptions small and its checks fast.
TEXT = pd.ArrowDtype(pa.string())


def frames(batch: pa.RecordBatch) -> Iterator[pd.DataFrame]:
    """Raw frames of at most BATCH_ROWS rows; a column the batch lacks is all missing.

    Columns may hold bytes, text, numbers or dates; each becomes text.
    Raises pyarrow.ArrowException for a column that has no text form (a list, say).
    """
    for start in range(0, batch.num_rows, BATCH_ROWS):
        part = batch.slice(start, BATCH_ROWS)
        yield pd.DataFrame({name: _column(part, name) for name in NAMES}, copy=False)


def missing_from(names: Sequence[str], needed: Sequence[str]) -> list[str]:
    """The needed columns that `names` lacks, in the order of `needed`."""
    return [name for name in needed if name not in names]


def _column(batch: pa.RecordBatch, name: str) -> pd.Series:
    if name not in batch.schema.names:
        return pd.Series(pa.nulls(batch.num_rows, pa.string()), dtype=TEXT)
    return pd.Series(_text(batch.column(name)), dtype=TEXT)


def _text(values: pa.Array) -> pa.Array:
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        if not pa.types.is_binary(values.type):
            raise
    # Not UTF-8. U+FFFD marks the broken characters, so that the contract can refuse the row.
    decoded = [None if v is None else v.decode("utf-8", "replace") for v in values.to_pylist()]
    return pa.array(decoded, pa.string())
