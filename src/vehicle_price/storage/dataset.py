"""Datasets under DATA_ROOT: accepted listings by posting day, quarantine, and their facts.

A dataset is a version of the table of accepted rows (store.py): its content never changes, however
much is ingested later, and it stays readable unless it is pruned. staging.py writes datasets.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd
import pyarrow as pa

from vehicle_price.storage.day_files import (
    ACCEPTED,
    QUARANTINED,
    DayFile,
    Files,
    read_day_files,
)
from vehicle_price.storage.delta_table import Version
from vehicle_price.storage.errors import StorageError
from vehicle_price.storage.filesystem import open_folder
from vehicle_price.storage.store import LISTINGS, REPORTS, Facts, Store

TIME_ORDER = [("posting_date", "ascending"), ("id", "ascending")]
ADDRESS = f"/{LISTINGS}/{ACCEPTED.folder}@v"  # between the root and the version


@dataclass(frozen=True)
class Dataset:
    """The facts of a stored dataset.

    uri: its address. sha256: hash of the accepted content. rows, quarantined: counts.
    first_day, last_day: posting days 'YYYY-MM-DD', inclusive. reasons: rows breaking each rule
    (a row can break several). provenance: where the batch came from that turned the previous
    dataset into this one.
    batch: counts of the write that returned these facts: rows `read`, `accepted`, `quarantined`,
    and `new`, the accepted rows that the store did not have. Empty for an opened dataset.
    """

    uri: str
    sha256: str
    rows: int
    quarantined: int
    first_day: str
    last_day: str
    reasons: dict[str, int]
    provenance: dict[str, object] = field(default_factory=dict)
    batch: dict[str, int] = field(default_factory=dict, compare=False)


class DatasetDay(NamedTuple):
    """One day of a dataset, small enough to send to a task on any machine that reaches the store.

    folder: the address of the table. file: the rows.
    """

    folder: str
    file: DayFile


def open_dataset(uri: str) -> Dataset:
    """The facts of the dataset at `uri`. Raises StorageError when there is none."""
    store, version, facts = _open(uri)
    return dataset_facts(store.address(version.number), version.files, facts)


def read_listings(uri: str) -> pd.DataFrame:
    """The accepted listings at `uri`, by posting date, then id.

    Texts are str or None, price, year and odometer int64, posting_date datetime64[ns, UTC].
    Raises StorageError when there is no dataset or its files are damaged.
    """
    store, version, _ = _open(uri)
    table = read_day_files(ACCEPTED, store.accepted.folder, version.files.values())
    return table.sort_by(TIME_ORDER).to_pandas()


def dataset_days(uri: str) -> list[DatasetDay]:
    """The days of the dataset at `uri`, in their order. Raises StorageError."""
    store, version, _ = _open(uri)
    return [DatasetDay(store.accepted.folder.uri, file) for file in version.files.values()]


def read_day(day: DatasetDay) -> pa.Table:
    """The accepted listings of a day (LISTING_SCHEMA), by id.

    Raises StorageError when the file is missing or damaged.
    """
    return read_day_files(ACCEPTED, open_folder(day.folder), [day.file])


def read_quarantine(uri: str) -> pd.DataFrame:
    """The quarantined rows of the dataset at `uri`: raw text, with their `reasons`."""
    store, _, facts = _open(uri)
    files = store.quarantine_files(facts)
    return read_day_files(QUARANTINED, store.quarantined.folder, files.values()).to_pandas()


def watermark_of(root: str, origin: str) -> str:
    """The last posting day up to which `origin` was read into the store; '' if it never was.

    Resume at that day, not after it: more of its listings may have been posted since.
    """
    return Store(root).version()[1].watermarks.get(origin, "")


def newest_day(root: str) -> str:
    """The last posting day of the listings in a store; '' without any. Raises StorageError."""
    return max(Store(root).version()[0].files, default="")


def store_of(uri: str) -> str:
    """The address of the store that the dataset at `uri` is in."""
    return uri.rpartition(ADDRESS)[0] or "."


def dataset_facts(uri: str, files: Files, facts: Facts) -> Dataset:
    """The facts of the dataset at `uri` with these files of accepted rows, without `batch`."""
    return Dataset(
        uri=uri,
        sha256=facts.sha256,
        rows=sum(file.rows for file in files.values()),
        quarantined=facts.quarantined,
        first_day=min(files, default=""),
        last_day=max(files, default=""),
        reasons=facts.reasons,
        provenance=_provenance(uri, facts),
    )


def _provenance(uri: str, facts: Facts) -> dict[str, object]:
    """Where a dataset is from. Its report is beside it, also in a store that was moved since."""
    provenance = dict(facts.provenance)
    _, separator, name = str(provenance.get("report", "")).rpartition(f"/{REPORTS}/")
    if separator:
        provenance["report"] = f"{store_of(uri)}/{REPORTS}/{name}"
    return provenance


def _open(uri: str) -> tuple[Store, Version, Facts]:
    root, _, number = str(uri).rpartition(ADDRESS)
    store = Store(root or str(uri).rpartition(f"/{LISTINGS}/")[0] or ".")
    if root and number.isdecimal() and int(number) in store.accepted:
        return store, *store.version(int(number))
    store.refuse_old_layout()
    raise StorageError(f"{uri}: no dataset here; run `vehicle-price ingest` first")
