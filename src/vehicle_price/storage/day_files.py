"""One posting day of the store as a file: merged into, written, read and checked."""

import io
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

from vehicle_price.contract.check import LISTING_SCHEMA, QUARANTINE_SCHEMA, rule_of
from vehicle_price.storage.content_hash import content_hash
from vehicle_price.storage.filesystem import Folder, StorageError
from vehicle_price.storage.merge import merge_listings, merge_quarantine
from vehicle_price.storage.snapshots import Part, part_file
from vehicle_price.storage.spool import Spool

# Columns whose values hardly repeat: looking for repeats costs time and saves no space.
DISTINCT = ("id", "VIN", "posting_date", "posting_day", "reasons")
THREADS = 4  # days merged or read side by side; S3 is mostly waiting


@dataclass(frozen=True)
class Kind:
    """Accepted or refused rows: the folder of their files, their columns, how they merge."""

    folder: str
    schema: pa.Schema
    merge: Callable[..., pa.Table]


ACCEPTED = Kind("days", LISTING_SCHEMA, merge_listings)
REFUSED = Kind("quarantine", QUARANTINE_SCHEMA, merge_quarantine)


@dataclass(frozen=True)
class Writing:
    """What one run is about to write below `folder`: file name → content, the run in each name."""

    folder: Folder
    run: str
    files: dict[str, bytes] = field(default_factory=dict)


def merge_days(kind: Kind, spool: Spool, before: dict[str, Part], writing: Writing) -> dict:
    """The days of `before` with the spooled rows merged in; changed ones are in `writing.files`."""

    def merged(day: str) -> Part:
        return _merge_day(kind, spool.of_day(day), before.get(day), day, writing)

    days = spool.days()
    with ThreadPoolExecutor(THREADS) as threads:
        changed = dict(zip(days, threads.map(merged, days), strict=True))
    return dict(sorted((before | changed).items()))


def read_parts(kind: Kind, folder: Folder, parts: dict[str, Part]) -> pa.Table:
    """The rows of all these days. Raises StorageError when they are not what was written."""
    with ThreadPoolExecutor(THREADS) as threads:
        tables = threads.map(lambda part: _read(kind, folder, part), parts.values())
        return pa.concat_tables([kind.schema.empty_table(), *tables])


def _merge_day(kind: Kind, new: pa.Table, old: Part | None, day: str, writing: Writing) -> Part:
    table = kind.merge(new)
    sha256 = content_hash(table)
    if old and sha256 != old.sha256:
        table = kind.merge(_read(kind, writing.folder, old), table)
        sha256 = content_hash(table)
    if old and sha256 == old.sha256:
        return old
    file = part_file(kind.folder, day, sha256, writing.run)
    content = io.BytesIO()
    pq.write_table(
        table,
        content,
        compression="zstd",
        use_dictionary=[name for name in table.column_names if name not in DISTINCT],
        write_statistics=False,  # a day is read whole
    )
    writing.files[file] = content.getvalue()
    return Part(file, table.num_rows, sha256, _reasons(table))


def _read(kind: Kind, folder: Folder, part: Part) -> pa.Table:
    place = f"{folder.uri}/{part.file}"
    advice = f"restore it from a backup, or move {folder.uri} away and ingest again"
    try:
        content = folder.read(part.file)
        table = pq.read_table(io.BytesIO(content), schema=kind.schema).replace_schema_metadata()
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{place}: unreadable ({error}); {advice}") from error
    if content_hash(table) != part.sha256:
        raise StorageError(f"{place}: not what was written; {advice}")
    return table


def _reasons(table: pa.Table) -> dict[str, int]:
    if "reasons" not in table.column_names:
        return {}
    said = (reason for chunk in table["reasons"].chunks for reason in chunk.flatten().to_pylist())
    return dict(Counter(map(rule_of, said)).most_common())
