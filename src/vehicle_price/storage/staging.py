"""Ingest in two steps: stage checked batches on disk, then publish them as a new dataset."""

import logging
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import gettempdir

from vehicle_price.contract.batch_statistics import BatchStatistics
from vehicle_price.contract.check import LISTING_SCHEMA, QUARANTINE_SCHEMA, Checked
from vehicle_price.contract.posting_day import LAST_DAY
from vehicle_price.storage.dataset import Dataset, dataset_facts
from vehicle_price.storage.day_files import ACCEPTED, QUARANTINED, merge_days, new_run_id
from vehicle_price.storage.errors import Conflict, StorageError, StorageUnavailable
from vehicle_price.storage.filesystem import LocalFolder
from vehicle_price.storage.scratch import scratch_folder
from vehicle_price.storage.spool import Spool
from vehicle_price.storage.store import Content, Store, advanced_watermark, sorted_counts

log = logging.getLogger(__name__)

ATTEMPTS = 20
# Seconds before the second attempt, before the third twice as many. At random, so that two ingests
# that conflicted do not conflict again; nothing else depends on chance.
LONGEST_PAUSE = 0.05


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
        for attempt in range(ATTEMPTS):
            time.sleep(attempt * random.uniform(0, LONGEST_PAUSE))
            try:
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
        before = self.store.content()
        quarantined = before.quarantined or self.statistics.quarantined
        if not (before.accepted or self.statistics.accepted or (may_be_empty and quarantined)):
            raise StorageError(_nothing_accepted(self.statistics))
        run_id = new_run_id()
        after = self._merged(before, provenance, run_id)
        watermarks = self._watermarks(before.facts.watermarks, provenance, today)
        after = replace(after, facts=replace(after.facts, watermarks=watermarks))
        if after != before:
            after = self.store.commit(before, after, run_id)
        return self._published(before, after)

    def _merged(self, before: Content, provenance: Mapping[str, object], run_id: str) -> Content:
        """`before` with the staged rows; equal to it if it has them all."""
        folders = self.store.accepted.folder, self.store.quarantined.folder
        accepted, _ = merge_days(ACCEPTED, folders[0], self.accepted, before.accepted, run_id)
        quarantined, change = merge_days(
            QUARANTINED, folders[1], self.quarantined, before.quarantined, run_id
        )
        if (accepted, quarantined) == (before.accepted, before.quarantined):
            return before
        reasons = Counter(before.facts.reasons)
        reasons.update(change)
        facts = replace(
            before.facts,
            quarantined=sum(file.rows for file in quarantined.values()),
            reasons=sorted_counts(reasons),
            provenance=dict(provenance),
        )
        return replace(before, accepted=accepted, quarantined=quarantined, facts=facts)

    def _published(self, before: Content, after: Content) -> Dataset:
        uri = self.store.address(after.version)
        dataset = dataset_facts(uri, after.accepted, after.facts)
        statistics = self.statistics
        batch = {
            "read": statistics.read,
            "accepted": statistics.accepted,
            "quarantined": statistics.quarantined,
            "new": dataset.rows - sum(file.rows for file in before.accepted.values()),
        }
        log.info(
            "%(read)d read = %(accepted)d accepted, %(new)d of them new, "
            "+ %(quarantined)d quarantined",
            batch,
        )
        log.info("the store holds %d listings: %s", dataset.rows, uri)
        return replace(dataset, batch=batch)

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
    with scratch_folder(scratch_parent(store)) as folder:
        staged = StagedListings(
            store,
            Spool(folder / "accepted", LISTING_SCHEMA),
            Spool(folder / "quarantined", QUARANTINE_SCHEMA),
            BatchStatistics(),
        )
        for batch in batches:
            staged.add(batch)
        yield staged


def _nothing_accepted(statistics: BatchStatistics) -> str:
    if not statistics.quarantined:
        return "the source gave no listings; nothing was stored"
    counts = list(sorted_counts(statistics.rules).items())[:3]
    common = "; ".join(f"{rule} ({count:,} rows)" for rule, count in counts)
    return f"none of {statistics.quarantined:,} listings was accepted, nothing was stored: {common}"


def scratch_parent(store: Store) -> Path:
    """Where ingests into a store have their scratch folders.

    On the disk of the data, if it is local: the system's folder may be a small one in memory."""
    if isinstance(store.folder, LocalFolder):
        return store.folder.path / ".scratch"
    return Path(gettempdir()) / "vehicle-price"
