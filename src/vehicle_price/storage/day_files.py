"""The file of one posting day: merged into, written, read and verified."""

import io
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

from vehicle_price.contract.check import LISTING_SCHEMA, QUARANTINE_SCHEMA, rule_of
from vehicle_price.storage.content_hash import content_hash
from vehicle_price.storage.errors import StorageError
from vehicle_price.storage.filesystem import Folder
from vehicle_price.storage.merge import merge_listings, merge_quarantine
from vehicle_price.storage.snapshots import DayFile, day_file_name
from vehicle_price.storage.spool import Spool

# Columns whose values hardly repeat: a Parquet dictionary would cost time and save no space.
DISTINCT_COLUMNS = ("id", "VIN", "posting_date", "posting_day", "reasons")
THREADS = 4  # days merged or read in parallel; S3 is mostly waiting


@dataclass(frozen=True)
class DayTable:
    """Accepted or quarantined rows: the folder of their files, their columns, how they merge."""

    folder: str
    schema: pa.Schema
    merge: Callable[..., pa.Table]


ACCEPTED = DayTable("days", LISTING_SCHEMA, merge_listings)
QUARANTINED = DayTable("quarantine", QUARANTINE_SCHEMA, merge_quarantine)


@dataclass(frozen=True)
class PendingFiles:
    """Files that a run will write below `folder`: name → content. Each name ends in `run_id`."""

    folder: Folder
    run_id: str
    files: dict[str, bytes] = field(default_factory=dict)


def merge_days(
    kind: DayTable, spool: Spool, before: dict[str, DayFile], pending: PendingFiles
) -> dict[str, DayFile]:
    """The days of `before` with the spooled rows merged in. Changed days are added to `pending`."""

    def merged(day: str) -> DayFile:
        return _merge_day(kind, spool.of_day(day), before.get(day), day, pending)

    days = spool.days()
    with ThreadPoolExecutor(THREADS) as threads:
        changed = dict(zip(days, threads.map(merged, days), strict=True))
    return dict(sorted((before | changed).items()))


def read_day_files(kind: DayTable, folder: Folder, files: dict[str, DayFile]) -> pa.Table:
    """The rows of all these days. Raises StorageError when a file is missing or damaged."""
    with ThreadPoolExecutor(THREADS) as threads:
        tables = threads.map(lambda file: _read(kind, folder, file), files.values())
        return pa.concat_tables([kind.schema.empty_table(), *tables])


def _merge_day(
    kind: DayTable, new: pa.Table, old: DayFile | None, day: str, pending: PendingFiles
) -> DayFile:
    table = kind.merge(new)
    sha256 = content_hash(table)
    if old and sha256 != old.sha256:
        table = kind.merge(_read(kind, pending.folder, old), table)
        sha256 = content_hash(table)
    if old and sha256 == old.sha256:
        return old
    name = day_file_name(kind.folder, day, sha256, pending.run_id)
    content = io.BytesIO()
    pq.write_table(
        table,
        content,
        compression="zstd",
        use_dictionary=[c for c in table.column_names if c not in DISTINCT_COLUMNS],
        write_statistics=False,  # readers always read the whole day
    )
    pending.files[name] = content.getvalue()
    return DayFile(name, table.num_rows, sha256, _count_reasons(table))


def _read(kind: DayTable, folder: Folder, file: DayFile) -> pa.Table:
    address = f"{folder.uri}/{file.file}"
    advice = f"restore it from a backup, or move {folder.uri} away and ingest again"
    try:
        content = folder.read(file.file)
        table = pq.read_table(io.BytesIO(content), schema=kind.schema).replace_schema_metadata()
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{address}: unreadable ({error}); {advice}") from error
    if content_hash(table) != file.sha256:
        raise StorageError(f"{address}: not what was written; {advice}")
    return table


def _count_reasons(table: pa.Table) -> dict[str, int]:
    if "reasons" not in table.column_names:
        return {}
    chunks = table["reasons"].chunks
    reasons = (reason for chunk in chunks for reason in chunk.flatten().to_pylist())
    return dict(Counter(map(rule_of, reasons)).most_common())
