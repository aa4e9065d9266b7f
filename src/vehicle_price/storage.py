"""Datasets under DATA_ROOT: accepted listings, quarantine and their facts, addressed by content.

One dataset is one folder `listings/<first 16 of its SHA-256>` with `listings.parquet`,
`quarantine.parquet` and `dataset.json`. It is written beside its place and renamed into
it, so it is there whole or not at all, and it never changes afterwards.
"""

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vehicle_price.contract import ACCEPTED, Checked, rule_of
from vehicle_price.schema import BY_NAME, NAMES

log = logging.getLogger(__name__)

_ARROW = {"integer": pa.int64(), "date": pa.timestamp("ns", "UTC")}
LISTING_SCHEMA = pa.schema(
    [(name, _ARROW.get(BY_NAME[name].kind, pa.string())) for name in ACCEPTED]
    + [("posting_day", pa.string())]
)
QUARANTINE_SCHEMA = pa.schema(
    [(name, pa.string()) for name in NAMES] + [("reasons", pa.list_(pa.string()))]
)


class StorageError(ValueError):
    """A dataset could not be written or read; the message says what to do."""


@dataclass(frozen=True)
class Dataset:
    """The facts of a stored dataset.

    uri: its folder. sha256: hash of the accepted content. rows, quarantined: counts.
    first_day, last_day: posting days 'YYYY-MM-DD', inclusive. reasons: rows breaking each rule
    (a row can break several). provenance: where the listings came from, as the writer said.
    """

    uri: str
    sha256: str
    rows: int
    quarantined: int
    first_day: str
    last_day: str
    reasons: dict[str, int]
    provenance: dict[str, object] = field(default_factory=dict)


class Fingerprint:
    """SHA-256 of accepted listings that depends on neither their order nor the batches.

    The hash of the sorted hashes of the rows.
    """

    def __init__(self) -> None:
        self._rows: list[bytes] = []

    def update(self, table: pa.Table) -> None:
        """Add the rows of `table` (LISTING_SCHEMA)."""
        # Neither separator can stand in a value: the contract removes control characters.
        columns = [pc.fill_null(c.cast(pa.string()), "\x00") for c in table.columns]
        rows = pc.binary_join_element_wise(*columns, "\x1f")
        self._rows += [hashlib.sha256(row.encode()).digest() for row in rows.to_pylist()]

    def hexdigest(self) -> str:
        """64 hexadecimal digits."""
        total = hashlib.sha256("\x1f".join(LISTING_SCHEMA.names).encode())
        total.update(b"".join(sorted(self._rows)))
        return total.hexdigest()


def write_listings(root: str, batches: Iterable[Checked], provenance: dict[str, object]) -> Dataset:
    """Store checked batches as one dataset below the folder `root` and return its facts.

    The same content again gives the same folder and changes nothing. Raises StorageError
    when no listing was accepted.
    """
    parent = _folder(root) / "listings"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=parent) as temporary:
        work = Path(temporary) / "dataset"
        work.mkdir()
        dataset = _write(work, batches, provenance)
        return _publish(work, parent / dataset.sha256[:16])


def open_dataset(uri: str) -> Dataset:
    """The facts of the dataset at `uri`. Raises StorageError when there is none."""
    path = _folder(uri) / "dataset.json"
    try:
        facts = json.loads(path.read_text("utf-8"))
        return Dataset(**{**facts, "uri": str(path.parent)})
    except FileNotFoundError as error:
        raise StorageError(f"{uri}: no dataset here; run `vehicle-price ingest` first") from error
    except (json.JSONDecodeError, TypeError) as error:
        raise StorageError(f"{path}: damaged ({error}); delete the folder, ingest again") from error


def read_listings(uri: str) -> pd.DataFrame:
    """The accepted listings at `uri`, by posting date, then id; types as in Checked.accepted.

    Raises StorageError when there are none or they are not what was written.
    """
    dataset = open_dataset(uri)
    path = _folder(uri) / "listings.parquet"
    try:
        table = pq.read_table(path, schema=LISTING_SCHEMA)
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{path}: unreadable ({error}); delete it, ingest again") from error
    fingerprint = Fingerprint()
    fingerprint.update(table)
    if fingerprint.hexdigest() != dataset.sha256:
        raise StorageError(f"{path}: not what was written; delete the folder, ingest again")
    return table.to_pandas().sort_values(["posting_date", "id"], kind="stable", ignore_index=True)


def _folder(uri: str) -> Path:
    """The one place where an address becomes a path."""
    return Path(uri).resolve()


def _write(work: Path, batches: Iterable[Checked], provenance: dict[str, object]) -> Dataset:
    fingerprint, reasons = Fingerprint(), Counter[str]()
    rows = quarantined = 0
    days: set[str] = set()
    with (
        pq.ParquetWriter(work / "listings.parquet", LISTING_SCHEMA, compression="zstd") as good,
        pq.ParquetWriter(work / "quarantine.parquet", QUARANTINE_SCHEMA, compression="zstd") as bad,
    ):
        for batch in batches:
            table = _table(batch.accepted, LISTING_SCHEMA)
            good.write_table(table)
            bad.write_table(_table(batch.quarantined, QUARANTINE_SCHEMA))
            fingerprint.update(table)
            reasons.update(rule_of(r) for row in batch.quarantined["reasons"] for r in row)
            rows, quarantined = rows + len(batch.accepted), quarantined + len(batch.quarantined)
            days.update(batch.accepted["posting_day"].unique())
    if not rows:
        raise StorageError(_nothing_accepted(quarantined, reasons))
    found = dict(reasons.most_common())
    dataset = Dataset(
        "", fingerprint.hexdigest(), rows, quarantined, min(days), max(days), found, provenance
    )
    (work / "dataset.json").write_text(json.dumps(asdict(dataset), indent=2) + "\n", "utf-8")
    return dataset


def _table(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pandas(
        frame, schema=schema, preserve_index=False
    ).replace_schema_metadata()


def _nothing_accepted(quarantined: int, reasons: Counter[str]) -> str:
    if not quarantined:
        return "the source gave no listings; nothing was stored"
    common = "; ".join(f"{rule} ({count:,} rows)" for rule, count in reasons.most_common(3))
    return f"none of {quarantined:,} listings was accepted, nothing was stored: {common}"


def _publish(work: Path, place: Path) -> Dataset:
    try:
        os.rename(work, place)
    except OSError:
        if not (place / "dataset.json").is_file():
            raise
        log.info("%s is already stored", place)
        shutil.rmtree(work)
    dataset = open_dataset(str(place))
    log.info("%d accepted, %d quarantined: %s", dataset.rows, dataset.quarantined, place)
    return dataset
