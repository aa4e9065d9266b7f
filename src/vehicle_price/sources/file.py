"""Listings from a file: CSV, a zip holding one CSV, gzipped CSV, or Parquet."""

import csv
import gzip
import io
import logging
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from vehicle_price.schema import NAMES, REQUIRED, TARGET
from vehicle_price.sources.errors import SourceError
from vehicle_price.sources.frames import BATCH_ROWS, frames, missing_from
from vehicle_price.sources.query import SourceQuery

log = logging.getLogger(__name__)

# Without these no row could be accepted.
NEEDED = ("id", TARGET.name, *(column.name for column in REQUIRED), "posting_date")

# Bytes the CSV reader parses at once; a single row must fit.
BLOCK_BYTES = 16 << 20

READ_FAULTS = (
    pa.ArrowException,
    OSError,
    EOFError,
    RuntimeError,  # zipfile's word for an encrypted member
    zipfile.BadZipFile,
    zlib.error,
    csv.Error,
)


def read(query: SourceQuery) -> Iterator[pd.DataFrame]:
    """Raw frames of the file `query.data`; its kind is told by its first bytes, not its name.

    Raises SourceError when the path is missing, the file is empty, damaged or truncated,
    or a column is missing that training needs.
    """
    path = _existing(query.data)
    rows = 0
    try:
        for batch in _batches(path):
            for frame in frames(batch):
                rows += len(frame)
                yield frame
    except READ_FAULTS as error:
        raise SourceError(
            f"{path}: cannot be read after {rows:,} rows: {_first_line(error)}. "
            "Download or export it again, or repair the row named"
        ) from error
    if not rows:
        raise _no_listings(path)
    log.info("read %d listings from %s", rows, path)


def _existing(data: str) -> Path:
    path = Path(data)
    if not data:
        raise SourceError("no file given: set DATA to the path of a CSV, zip, gzip or Parquet file")
    if not path.is_file():
        raise SourceError(f"{path}: no such file; set DATA to a CSV, zip, gzip or Parquet file")
    if path.stat().st_size == 0:
        raise SourceError(f"{path}: the file is empty; download or export it again")
    return path


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    with path.open("rb") as stream:
        head = stream.read(4)
    if head == b"PAR1":
        return _parquet_batches(path)
    return _csv_batches(path, head)


def _parquet_batches(path: Path) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        _refuse_missing(path, file.schema_arrow.names)
        present = [name for name in file.schema_arrow.names if name in NAMES]
        yield from file.iter_batches(batch_size=BATCH_ROWS, columns=present)


def _csv_batches(path: Path, head: bytes) -> Iterator[pa.RecordBatch]:
    with _opened(path, head) as stream:
        _check_head(path, stream)
    with _opened(path, head) as stream:
        yield from pacsv.open_csv(
            pa.PythonFile(stream, mode="r"),
            read_options=pacsv.ReadOptions(block_size=BLOCK_BYTES),
            parse_options=pacsv.ParseOptions(newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(
                # Bytes, not text: one wrongly encoded cell must not stop the file.
                column_types={name: pa.binary() for name in NAMES},
                include_columns=NAMES,
                include_missing_columns=True,
                null_values=[""],
                strings_can_be_null=True,
            ),
        )


def _opened(path: Path, head: bytes) -> IO[bytes]:
    if head[:2] == b"\x1f\x8b":
        return gzip.open(path, "rb")
    if head == b"PK\x03\x04":
        # The member stays readable, and keeps the file open, until it is closed itself.
        with zipfile.ZipFile(path) as archive:
            return archive.open(_only_csv(path, archive))
    return path.open("rb")


def _only_csv(path: Path, archive: zipfile.ZipFile) -> str:
    found = [
        name
        for name in archive.namelist()
        if name.lower().endswith(".csv") and not name.startswith("__MACOSX/")
    ]
    if len(found) != 1:
        raise SourceError(f"{path}: expected one CSV in the zip, found {found or 'none'}")
    return found[0]


def _check_head(path: Path, stream: IO[bytes]) -> None:
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
    _refuse_missing(path, next(csv.reader(text), []))
    if not any(line.strip() for line in text):
        raise _no_listings(path)


def _refuse_missing(path: Path, names: list[str]) -> None:
    missing = missing_from(names, NEEDED)
    if missing:
        raise SourceError(
            f"{path}: missing column {', '.join(missing)}; the first line must name "
            f"Craigslist's columns (found: {', '.join(names[:30])[:300] or 'nothing'})"
        )
    repeated = sorted({name for name in names if name in NAMES and names.count(name) > 1})
    if repeated:
        raise SourceError(f"{path}: column {', '.join(repeated)} occurs twice; keep one")


def _no_listings(path: Path) -> SourceError:
    return SourceError(f"{path}: holds a header but no listings; check the export")


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0][:300]
