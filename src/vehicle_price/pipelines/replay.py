"""Hand listings out day by day, as if they were being posted now."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa

from vehicle_price.contract.check import READER_FAULT, STORED_COLUMNS
from vehicle_price.contract.posting_day import UNDATED, posting_days
from vehicle_price.storage.scratch import scratch_folder
from vehicle_price.storage.spool import Spool

RAW_SCHEMA = pa.schema([(name, pa.string()) for name in (*STORED_COLUMNS, READER_FAULT)])
_TEXT = pd.ArrowDtype(pa.string())

Day = tuple[str, Iterator[pd.DataFrame]]


def days(batches: Iterable[pd.DataFrame], work_folder: str | Path) -> Iterator[Day]:
    """(posting day, its raw frames) in the order of the days; each row is handed out once.

    batches: raw frames of a source, in any order. They wait in a folder below `work_folder`, on
    disk instead of in memory, until the last day was handed out.
    Rows without a posting day come with the first day. Raises ValueError when no row has one.
    """
    with scratch_folder(Path(work_folder)) as folder:
        spool = Spool(folder / "raw", RAW_SCHEMA)
        for batch in batches:
            table = _raw_table(batch)
            spool.add(table, posting_days(table["posting_date"]))
        dated = [day for day in spool.days() if day != UNDATED]
        if not dated:
            raise ValueError(f"none of {sum(spool.rows.values()):,} rows has a posting day")
        yield dated[0], _frames(spool, UNDATED, dated[0])
        for day in dated[1:]:
            yield day, _frames(spool, day)


def _frames(spool: Spool, *spool_days: str) -> Iterator[pd.DataFrame]:
    for day in spool_days:
        for batch in spool.batches_of_day(day):
            yield batch.to_pandas(types_mapper=lambda _: _TEXT)


def _raw_table(batch: pd.DataFrame) -> pa.Table:
    """The columns of RAW_SCHEMA; all values of a column that the batch lacks are missing."""
    columns = {
        name: (
            pa.array(batch[name], pa.string(), from_pandas=True)
            if name in batch
            else pa.nulls(len(batch), pa.string())
        )
        for name in RAW_SCHEMA.names
    }
    return pa.table(columns, RAW_SCHEMA)
