"""Datasets under DATA_ROOT: accepted listings by posting day, quarantine, and their facts.

A dataset is a snapshot of the store (snapshots.py): its address stays readable and what it
names never changes, however much is ingested later.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import gettempdir

import pandas as pd

from vehicle_price.contract.check import LISTING_SCHEMA, QUARANTINE_SCHEMA, Checked
from vehicle_price.contract.posting_day import LAST_DAY, posting_days
from vehicle_price.storage import watermark
from vehicle_price.storage.day_files import ACCEPTED, REFUSED, Writing, merge_days, read_parts
from vehicle_price.storage.filesystem import Conflict, LocalFolder, StorageError
from vehicle_price.storage.scratch import scratch
from vehicle_price.storage.snapshots import LISTINGS, Current, Snapshot, Store, named, new_run
from vehicle_price.storage.spool import Spool

__all__ = ["Dataset", "StorageError", "open_dataset", "read_listings", "write_listings"]

log = logging.getLogger(__name__)

ATTEMPTS = 8


@dataclass(frozen=True)
class Dataset:
    """The facts of a stored dataset.

    uri: its address. sha256: hash of the accepted content. rows, quarantined: counts.
    first_day, last_day: posting days 'YYYY-MM-DD', inclusive. reasons: rows breaking each rule
    (a row can break several). provenance: what the writer said of the batch that made this
    dataset out of the one before.
    batch: what the write did that returned these facts: rows `read`, `accepted`, `quarantined`,
    and `new`, the accepted ones not known before. Empty for a dataset that was only opened.
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


@dataclass(frozen=True)
class _Batch:
    """Checked rows waiting on disk, and what is known of them."""

    accepted: Spool
    refused: Spool
    provenance: Mapping[str, object]
    today: str
    may_be_empty: bool


def write_listings(
    root: str,
    batches: Iterable[Checked],
    provenance: Mapping[str, object],
    today: str = LAST_DAY,
    may_be_empty: bool = False,
) -> Dataset:
    """Merge checked batches into the store below `root`; the facts of what it holds then.

    Nothing changes before the last batch was read, so a source that fails half-way leaves the
    store as it was. Rows that are known already change nothing.
    provenance: `origin` (or else `source`), `since` and `until` move that origin's watermark, not
    beyond `today`. It is looked at after the last batch, so what was found may be noted in it.
    may_be_empty: store refused rows even if the store has no accepted one.
    Raises StorageError.
    """
    store = Store(root)
    with scratch(_scratch_place(store)) as folder:
        accepted = Spool(folder / "accepted", LISTING_SCHEMA)
        refused = Spool(folder / "refused", QUARANTINE_SCHEMA)
        for batch in batches:
            accepted.add(batch.accepted, batch.accepted["posting_day"])
            refused.add(batch.quarantined, posting_days(batch.quarantined["posting_date"]))
        return _merge(store, _Batch(accepted, refused, provenance, today, may_be_empty))


def open_dataset(uri: str) -> Dataset:
    """The facts of the dataset at `uri`. Raises StorageError when there is none."""
    return _facts(*_opened(uri))


def read_listings(uri: str) -> pd.DataFrame:
    """The accepted listings at `uri`, by posting date, then id.

    Texts are str or None, price, year and odometer int64, posting_date datetime64[ns, UTC].
    Raises StorageError when there are none or they are not what was written.
    """
    store, snapshot = _opened(uri)
    table = read_parts(ACCEPTED, store.folder, snapshot.days)
    order = [("posting_date", "ascending"), ("id", "ascending")]
    return table.sort_by(order).to_pandas()


def read_quarantine(uri: str) -> pd.DataFrame:
    """The refused rows of the dataset at `uri`, as they came, with their `reasons`."""
    store, snapshot = _opened(uri)
    return read_parts(REFUSED, store.folder, snapshot.quarantine).to_pandas()


def watermark_of(root: str, origin: str) -> str:
    """The last posting day up to which `origin` was read into the store; '' if it never was.

    Start there, not after it: that day may have grown since.
    """
    return Store(root).current().watermarks.get(origin, "")


def _merge(store: Store, batch: _Batch) -> Dataset:
    for _ in range(ATTEMPTS):
        try:
            with store.alone():
                return _merge_once(store, batch)
        except Conflict:
            log.info("another ingest was quicker; merging again, into what it left")
    raise StorageError(
        f"{store.folder.uri}: other ingests were quicker {ATTEMPTS} times; nothing was stored. "
        "Ingest again when they are done"
    )


def _merge_once(store: Store, batch: _Batch) -> Dataset:
    current = store.current()
    before = store.newest(current)
    writing = Writing(store.folder, new_run())
    days = merge_days(ACCEPTED, batch.accepted, before.days, writing)
    refused = merge_days(REFUSED, batch.refused, before.quarantine, writing)
    after = replace(before, days=days, quarantine=refused)
    if not days and not (refused and batch.may_be_empty):
        raise StorageError(_nothing_accepted(batch, after))
    if after != before:
        after = named(replace(after, provenance=dict(batch.provenance)), writing.run)
    store.publish(current, after, writing.files, _watermarks(current, batch))
    new = after.rows - before.rows
    facts = replace(_facts(store, after), batch=_counts(batch) | {"new": new})
    log.info(
        "%(read)d read = %(accepted)d accepted, %(new)d of them new, + %(quarantined)d quarantined",
        facts.batch,
    )
    log.info("the store holds %d listings: %s", facts.rows, facts.uri)
    return facts


def _watermarks(current: Current, batch: _Batch) -> dict[str, str]:
    said = {name: str(value) for name, value in batch.provenance.items()}
    origin = said.get("origin") or said.get("source", "")
    if not origin:
        return current.watermarks
    before = current.watermarks.get(origin, "")
    newest = max((day for day in batch.accepted.rows if day <= batch.today), default="")
    since, until = said.get("since", ""), said.get("until", "")
    after = watermark.moved(before, since, until, newest, batch.today)
    return current.watermarks | ({origin: after} if after else {})


def _counts(batch: _Batch) -> dict[str, int]:
    accepted, refused = (sum(spool.rows.values()) for spool in (batch.accepted, batch.refused))
    return {"read": accepted + refused, "accepted": accepted, "quarantined": refused}


def _facts(store: Store, snapshot: Snapshot) -> Dataset:
    return Dataset(
        uri=store.address(snapshot),
        sha256=snapshot.sha256,
        rows=snapshot.rows,
        quarantined=sum(part.rows for part in snapshot.quarantine.values()),
        first_day=min(snapshot.days, default=""),
        last_day=max(snapshot.days, default=""),
        reasons=_reasons(snapshot),
        provenance=snapshot.provenance,
    )


def _reasons(snapshot: Snapshot) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in snapshot.quarantine.values():
        total.update(part.reasons)
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def _opened(uri: str) -> tuple[Store, Snapshot]:
    root, found, file = str(uri).rpartition(f"/{LISTINGS}/snapshots/")
    name = file.removesuffix(".json")
    store = Store(root or ".")
    if not found or name not in store.current().published:
        raise StorageError(f"{uri}: no dataset here; run `vehicle-price ingest` first")
    return store, store.snapshot(name)


def _nothing_accepted(batch: _Batch, after: Snapshot) -> str:
    quarantined = _counts(batch)["quarantined"]
    if not quarantined:
        return "the source gave no listings; nothing was stored"
    common = "; ".join(
        f"{rule} ({count:,} rows)" for rule, count in list(_reasons(after).items())[:3]
    )
    return f"none of {quarantined:,} listings was accepted, nothing was stored: {common}"


def _scratch_place(store: Store) -> Path:
    """On the disk of the data, if it is local: the system's folder may be a small one in memory."""
    if isinstance(store.folder, LocalFolder):
        return store.folder.path / ".scratch"
    return Path(gettempdir()) / "vehicle-price"
