"""Ingest in two steps: stage checked batches on disk, then publish them as a new snapshot."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import gettempdir

from vehicle_price.contract.batch_statistics import BatchStatistics
from vehicle_price.contract.check import LISTING_SCHEMA, QUARANTINE_SCHEMA, Checked
from vehicle_price.contract.posting_day import LAST_DAY
from vehicle_price.storage.dataset import Dataset, dataset_facts
from vehicle_price.storage.day_files import ACCEPTED, QUARANTINED, PendingFiles, merge_days
from vehicle_price.storage.errors import Conflict, StorageError, StorageUnavailable
from vehicle_price.storage.filesystem import LocalFolder
from vehicle_price.storage.scratch import scratch_folder
from vehicle_price.storage.snapshots import (
    Snapshot,
    Store,
    advanced_watermark,
    new_run_id,
    with_name,
)
from vehicle_price.storage.spool import Spool

log = logging.getLogger(__name__)

ATTEMPTS = 8


@dataclass(frozen=True)
class StagedListings:
    """Checked rows on disk that no reader of the store sees before `publish`.

    statistics: counts of these rows.
    """

    store: Store
    accepted: Spool
    quarantined: Spool
    statistics: BatchStatistics

    def add(self, batch: Checked) -> None:
        """Count a batch and write it to the spools."""
        self.statistics.add(batch)
        self.accepted.add(batch.accepted, batch.accepted["posting_day"])
        self.quarantined.add(batch.quarantined, batch.quarantined_days)

    def publish(
        self,
        provenance: Mapping[str, object],
        today: str = LAST_DAY,
        may_be_empty: bool = False,
    ) -> Dataset:
        """Merge the rows into the store; the facts of what the store holds then.

        Rows that the store has already change nothing.
        provenance: `origin` (or else `source`), `since` and `until` advance the watermark of that
        origin, not beyond `today`.
        may_be_empty: store quarantined rows even if the store has no accepted one.
        Raises StorageError.
        """
        for _ in range(ATTEMPTS):
            try:
                with self.store.exclusive():
                    return self._publish_once(provenance, today, may_be_empty)
            except Conflict:
                log.info("another ingest was quicker; merging again, into what it left")
        raise StorageUnavailable(
            f"{self.store.folder.uri}: other ingests were quicker {ATTEMPTS} times; nothing was "
            "stored. Ingest again when they are done"
        )

    def _publish_once(
        self, provenance: Mapping[str, object], today: str, may_be_empty: bool
    ) -> Dataset:
        current = self.store.current()
        before = self.store.newest(current)
        pending = PendingFiles(self.store.folder, new_run_id())
        days = merge_days(ACCEPTED, self.accepted, before.days, pending)
        quarantine = merge_days(QUARANTINED, self.quarantined, before.quarantine, pending)
        after = replace(before, days=days, quarantine=quarantine)
        if not days and not (quarantine and may_be_empty):
            raise StorageError(_nothing_accepted(self.statistics, after))
        if after != before:
            after = with_name(replace(after, provenance=dict(provenance)), pending.run_id)
        watermarks = self._watermarks(current.watermarks, provenance, today)
        self.store.publish(current, after, pending.files, watermarks)
        return self._published(after, after.rows - before.rows)

    def _published(self, snapshot: Snapshot, new: int) -> Dataset:
        statistics = self.statistics
        batch = {
            "read": statistics.read,
            "accepted": statistics.accepted,
            "quarantined": statistics.quarantined,
            "new": new,
        }
        log.info(
            "%(read)d read = %(accepted)d accepted, %(new)d of them new, "
            "+ %(quarantined)d quarantined",
            batch,
        )
        facts = replace(dataset_facts(self.store, snapshot), batch=batch)
        log.info("the store holds %d listings: %s", facts.rows, facts.uri)
        return facts

    def _watermarks(
        self, watermarks: dict[str, str], provenance: Mapping[str, object], today: str
    ) -> dict[str, str]:
        """The watermarks of all origins after this batch."""
        text = {name: str(value) for name, value in provenance.items()}
        origin = text.get("origin") or text.get("source", "")
        if not origin:
            return watermarks
        days = (day for day in self.statistics.accepted_days if day <= today)
        watermark = advanced_watermark(
            watermarks.get(origin, ""),
            text.get("since", ""),
            text.get("until", ""),
            max(days, default=""),
            today,
        )
        return watermarks | ({origin: watermark} if watermark else {})


@contextmanager
def stage(root: str, batches: Iterable[Checked]) -> Iterator[StagedListings]:
    """Read and count every batch, in bounded memory; the store below `root` does not change.

    The rows are removed from disk at the end of the `with` block, published or not. A source that
    fails half-way leaves the store as it was. Raises StorageError, and what `batches` raises.
    """
    store = Store(root)
    with scratch_folder(_scratch_parent(store)) as folder:
        staged = StagedListings(
            store,
            Spool(folder / "accepted", LISTING_SCHEMA),
            Spool(folder / "quarantined", QUARANTINE_SCHEMA),
            BatchStatistics(),
        )
        for batch in batches:
            staged.add(batch)
        yield staged


def _nothing_accepted(statistics: BatchStatistics, after: Snapshot) -> str:
    if not statistics.quarantined:
        return "the source gave no listings; nothing was stored"
    common = "; ".join(
        f"{rule} ({count:,} rows)" for rule, count in list(after.reasons.items())[:3]
    )
    return f"none of {statistics.quarantined:,} listings was accepted, nothing was stored: {common}"


def _scratch_parent(store: Store) -> Path:
    """On the disk of the data, if it is local: the system's folder may be a small one in memory."""
    if isinstance(store.folder, LocalFolder):
        return store.folder.path / ".scratch"
    return Path(gettempdir()) / "vehicle-price"
