"""Datasets under DATA_ROOT: accepted listings by posting day, quarantine, and their facts.

A dataset is a snapshot of the store (snapshots.py): its address stays readable and its content
never changes, however much is ingested later. staging.py writes datasets.
"""

from dataclasses import dataclass, field

import pandas as pd

from vehicle_price.storage.day_files import ACCEPTED, QUARANTINED, read_day_files
from vehicle_price.storage.errors import StorageError
from vehicle_price.storage.snapshots import LISTINGS, Snapshot, Store


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


def open_dataset(uri: str) -> Dataset:
    """The facts of the dataset at `uri`. Raises StorageError when there is none."""
    return dataset_facts(*_open_snapshot(uri))


def read_listings(uri: str) -> pd.DataFrame:
    """The accepted listings at `uri`, by posting date, then id.

    Texts are str or None, price, year and odometer int64, posting_date datetime64[ns, UTC].
    Raises StorageError when there is no dataset or its files are damaged.
    """
    store, snapshot = _open_snapshot(uri)
    table = read_day_files(ACCEPTED, store.folder, snapshot.days)
    order = [("posting_date", "ascending"), ("id", "ascending")]
    return table.sort_by(order).to_pandas()


def read_quarantine(uri: str) -> pd.DataFrame:
    """The quarantined rows of the dataset at `uri`: raw text, with their `reasons`."""
    store, snapshot = _open_snapshot(uri)
    return read_day_files(QUARANTINED, store.folder, snapshot.quarantine).to_pandas()


def watermark_of(root: str, origin: str) -> str:
    """The last posting day up to which `origin` was read into the store; '' if it never was.

    Resume at that day, not after it: more of its listings may have been posted since.
    """
    return Store(root).current().watermarks.get(origin, "")


def newest_day(root: str) -> str:
    """The last posting day of the listings in a store; '' without any. Raises StorageError."""
    store = Store(root)
    return max(store.newest(store.current()).days, default="")


def store_of(uri: str) -> str:
    """The address of the store that the dataset at `uri` is in."""
    return uri.rpartition(f"/{LISTINGS}/snapshots/")[0] or "."


def dataset_facts(store: Store, snapshot: Snapshot) -> Dataset:
    """The facts of a snapshot of `store`, without `batch`."""
    return Dataset(
        uri=store.address(snapshot),
        sha256=snapshot.sha256,
        rows=snapshot.rows,
        quarantined=snapshot.quarantined,
        first_day=min(snapshot.days, default=""),
        last_day=max(snapshot.days, default=""),
        reasons=snapshot.reasons,
        provenance=snapshot.provenance,
    )


def _open_snapshot(uri: str) -> tuple[Store, Snapshot]:
    _, separator, file = str(uri).rpartition(f"/{LISTINGS}/snapshots/")
    name = file.removesuffix(".json")
    store = Store(store_of(str(uri)))
    if not separator or name not in store.current().published:
        raise StorageError(f"{uri}: no dataset here; run `vehicle-price ingest` first")
    return store, store.snapshot(name)
