"""The file of one posting day: merged into, written, read and verified.

A file is named after the hash of its rows, so a version of a table, which lists its files, also
lists the hash of each day. Reading does not depend on the order of rows or columns in the file.
"""

import io
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from vehicle_price.contract.check import LISTING_SCHEMA, QUARANTINE_SCHEMA, rule_of
from vehicle_price.storage.content_hash import day_hash
from vehicle_price.storage.errors import StorageError
from vehicle_price.storage.filesystem import Folder
from vehicle_price.storage.merge import merge_listings, merge_quarantine
from vehicle_price.storage.spool import Spool

PARTITION = "posting_day"  # the column that a table is partitioned by; a file does not hold it
# Columns whose values hardly repeat: a Parquet dictionary would cost time and save no space.
DISTINCT_COLUMNS = ("id", "VIN", "posting_date", "reasons")
THREADS = 4  # days merged or read in parallel; S3 is mostly waiting


class TableKind(NamedTuple):
    """Accepted or quarantined rows: the folder of their table, their columns, how they merge."""

    folder: str
    schema: pa.Schema
    merge: Callable[..., pa.Table]


ACCEPTED = TableKind("accepted", LISTING_SCHEMA, merge_listings)
QUARANTINED = TableKind("quarantine", QUARANTINE_SCHEMA, merge_quarantine)


class DayFile(NamedTuple):
    """The file with the rows of one day. path: below the table's folder; size: in bytes."""

    path: str
    rows: int
    size: int

    @property
    def day(self) -> str:
        """The posting day, or `undated`."""
        return self.path.partition("/")[0].removeprefix(f"{PARTITION}=")

    @property
    def sha256(self) -> str:
        """The hash of the rows."""
        return self.path.rpartition("/")[2].partition("-")[0]


Files = dict[str, DayFile]  # by day


def new_run_id() -> str:
    """An id that no other run has."""
    return uuid.uuid4().hex[:8]


def merge_days(
    kind: TableKind, folder: Folder, spool: Spool, before: Files, run_id: str
) -> tuple[Files, Counter[str]]:
    """The files of `before` with the spooled rows merged in, and the change of reasons' counts.

    Changed days are written to new files, which no reader sees before they are committed.
    """

    def merged(day: str) -> tuple[DayFile, Counter[str]]:
        return _merge_day(kind, folder, day, spool.of_day(day), before.get(day), run_id)

    reasons: Counter[str] = Counter()
    with ThreadPoolExecutor(THREADS) as threads:
        results = list(threads.map(merged, spool.days()))
    for _, change in results:
        reasons.update(change)
    return before | {file.day: file for file, _ in results}, reasons


def read_day_files(kind: TableKind, folder: Folder, files: Iterable[DayFile]) -> pa.Table:
    """The rows of all these days. Raises StorageError when a file is missing or damaged."""
    with ThreadPoolExecutor(THREADS) as threads:
        tables = threads.map(lambda file: _read(kind, folder, file), files)
        columns = (table.select(kind.schema.names) for table in tables)
        return pa.concat_tables([kind.schema.empty_table(), *columns])


def _merge_day(
    kind: TableKind, folder: Folder, day: str, new: pa.Table, old: DayFile | None, run_id: str
) -> tuple[DayFile, Counter[str]]:
    table, reasons = kind.merge(new), Counter[str]()
    sha256 = day_hash(table)
    if old and sha256 != old.sha256:
        stored = _read(kind, folder, old)
        reasons.subtract(_count_reasons(stored))
        table = kind.merge(stored, table)
        sha256 = day_hash(table)
    if old and sha256 == old.sha256:
        return old, Counter()
    reasons.update(_count_reasons(table))
    content = _to_parquet(table)
    file = DayFile(f"{PARTITION}={day}/{sha256}-{run_id}.parquet", len(table), len(content))
    folder.write(file.path, content)
    return file, reasons


def _to_parquet(table: pa.Table) -> bytes:
    columns = [name for name in table.column_names if name != PARTITION]
    content = io.BytesIO()
    pq.write_table(
        table.select(columns),
        content,
        compression="zstd",
        use_dictionary=[name for name in columns if name not in DISTINCT_COLUMNS],
        write_statistics=False,  # this project always reads the whole day
        coerce_timestamps="us",  # Delta Lake has no others
        store_schema=False,
    )
    return content.getvalue()


def _read(kind: TableKind, folder: Folder, file: DayFile) -> pa.Table:
    """The rows in their order: the columns of the schema, then those that it has no longer."""
    address = f"{folder.uri}/{file.path}"
    advice = f"restore it from a backup, or move {folder.uri.rpartition('/')[0]} away, ingest again"
    try:
        content = io.BytesIO(folder.read(file.path))
        table = _typed(pq.ParquetFile(content).read(), kind.schema, file.day)
    except FileNotFoundError as error:
        raise StorageError(
            f"{address}: no such file. `vehicle-price data prune` removes datasets that no model "
            f"names; name a newer one. Otherwise: {advice}"
        ) from error
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{address}: unreadable ({error}); {advice}") from error
    if day_hash(table) != file.sha256:
        table = kind.merge(table)  # the rows may be in another order
        if day_hash(table) != file.sha256:
            raise StorageError(f"{address}: not what was written; {advice}")
    return table


def _typed(table: pa.Table, schema: pa.Schema, day: str) -> pa.Table:
    """A file's content with the schema's columns and types; a column that it lacks is empty."""
    columns = {name: table[name] for name in table.column_names}
    if PARTITION in schema.names:
        columns[PARTITION] = pa.array([day] * len(table), pa.string())
    known = [columns.pop(name, pa.nulls(len(table))).cast(kind) for name, kind in _fields(schema)]
    return pa.table([*known, *columns.values()], names=[*schema.names, *columns])


def _fields(schema: pa.Schema) -> list[tuple[str, pa.DataType]]:
    return list(zip(schema.names, schema.types, strict=True))


def _count_reasons(table: pa.Table) -> Counter[str]:
    if "reasons" not in table.column_names:
        return Counter()
    chunks = table["reasons"].chunks
    return Counter(rule_of(r) for chunk in chunks for r in chunk.flatten().to_pylist())
