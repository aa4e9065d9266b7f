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
import pyarrow.parquet as pq

from vehicle_price.contract.check import STORED_COLUMNS
from vehicle_price.error_text import first_line
from vehicle_price.schema import NAMES, REQUIRED, TARGET
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceError, SourceQuery
from vehicle_price.sources.csv_reader import BLOCK_BYTES
from vehicle_price.sources.csv_repair import read_tables
from vehicle_price.sources.frames import BATCH_ROWS, frames, missing_columns, within

log = logging.getLogger(__name__)

# Without these columns no row could be accepted.
REQUIRED_COLUMNS = ("id", TARGET.name, *(column.name for column in REQUIRED), "posting_date")

READ_ERRORS = (
    pa.ArrowException,
    OSError,
    EOFError,
    RuntimeError,  # zipfile raises it for an encrypted member
    zipfile.BadZipFile,
    zlib.error,
    csv.Error,
)


def read(query: SourceQuery, settings: Settings) -> Iterator[pd.DataFrame]:
    """Raw frames of the file `query.data`; its first bytes, not its name, tell its format.

    Raises SourceError when the path is missing, the file is empty, damaged or truncated, or a
    required column is missing.
    """
    del settings
    path = _checked_path(query.data)
    yield from within(_frames(path), query)


def _frames(path: Path) -> Iterator[pd.DataFrame]:
    rows = 0
    try:
        for batch in _batches(path):
            for frame in frames(batch):
                rows += len(frame)
                yield frame
    except READ_ERRORS as error:
        raise SourceError(
            f"{path}: cannot be read after {rows:,} rows: {_reason(error)}. "
            "Download or export it again, or repair the row named"
        ) from error
    if not rows:
        raise _no_listings(path)
    log.info("read %d listings from %s", rows, path)


def _checked_path(data: str) -> Path:
    path = Path(data)
    if not data:
        raise SourceError("no file given: set DATA to the path of a CSV, zip, gzip or Parquet file")
    if not path.is_file():
        raise SourceError(f"{path}: no such file; set DATA to a CSV, zip, gzip or Parquet file")
    if path.stat().st_size == 0:
        raise SourceError(f"{path}: the file is empty; download or export it again")
    return path


def _batches(path: Path) -> Iterator[pa.RecordBatch | pa.Table]:
    with path.open("rb") as stream:
        signature = stream.read(4)
    if signature == b"PAR1":
        return _parquet_batches(path)
    return _csv_tables(path, signature)


def _parquet_batches(path: Path) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        _refuse_missing(path, file.schema_arrow.names)
        present = [name for name in file.schema_arrow.names if name in STORED_COLUMNS]
        yield from file.iter_batches(batch_size=BATCH_ROWS, columns=present)


def _csv_tables(path: Path, signature: bytes) -> Iterator[pa.Table]:
    with _open(path, signature) as stream:
        names = _checked_header(path, stream)
    return read_tables(lambda: _open(path, signature), names)


def _open(path: Path, signature: bytes) -> IO[bytes]:
    if signature[:2] == b"\x1f\x8b":
        return gzip.open(path, "rb")
    if signature == b"PK\x03\x04":
        # The member stays readable, and keeps the file open, until it is closed itself.
        with zipfile.ZipFile(path) as archive:
            return archive.open(_only_csv(path, archive))
    # Arrow reads its own file object without calling Python for each block.
    return pa.OSFile(str(path))


def _only_csv(path: Path, archive: zipfile.ZipFile) -> str:
    csv_names = [
        name
        for name in archive.namelist()
        if name.lower().endswith(".csv") and not name.startswith("__MACOSX/")
    ]
    if len(csv_names) != 1:
        raise SourceError(f"{path}: expected one CSV in the zip, found {csv_names or 'none'}")
    return csv_names[0]


def _checked_header(path: Path, stream: IO[bytes]) -> list[str]:
    """The columns in the first line."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
    names = next(csv.reader(text), [])
    _refuse_missing(path, names)
    if not any(line.strip() for line in text):
        raise _no_listings(path)
    return names


def _refuse_missing(path: Path, names: list[str]) -> None:
    missing = missing_columns(names, REQUIRED_COLUMNS)
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


def _reason(error: BaseException) -> str:
    if "straddling object" in str(error):
        return f"a row is longer than {BLOCK_BYTES:,} bytes; is a quote in it not closed?"
    return first_line(error)[:300]
