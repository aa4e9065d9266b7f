"""Remove the files of datasets that no registered model and no recent day needs.

deltalake's own `vacuum` is not used: it commits versions of its own, and knows one table only.
"""

import logging
import time
from collections.abc import Collection
from typing import NamedTuple

from vehicle_price.settings import Settings
from vehicle_price.storage.delta_table import NO_TABLE, DayTable
from vehicle_price.storage.filesystem import DRAFTS, open_folder
from vehicle_price.storage.scratch import scratch_folder
from vehicle_price.storage.staging import scratch_parent
from vehicle_price.storage.store import Facts, Store, facts_of

log = logging.getLogger(__name__)

# A running ingest has written files that no version names yet: younger files stay.
ABANDONED_SECONDS = 24 * 3600


class Pruned(NamedTuple):
    """What was, or would be, removed from a store.

    kept, removed: numbers of datasets. files: of removed datasets and of killed ingests.
    """

    kept: int
    removed: int
    files: int


def prune_all(settings: Settings, dry_run: bool) -> dict[str, Pruned]:
    """Prune the store of real listings and those of samples; what was removed, by their addresses.

    dry_run: only tell what would be removed. Nothing is removed where RETENTION_DATASETS_DAYS is 0.
    Raises RegistryError when MLflow does not answer, before anything is removed, and StorageError.
    """
    from vehicle_price.registry.client import Registry  # imports MLflow, which takes seconds

    days, root = settings.retention_datasets_days, settings.data_root.rstrip("/")
    if not days:
        log.info("RETENTION_DATASETS_DAYS=0: datasets stay for ever")
        return {}
    named = Registry(settings.mlflow_tracking_uri).data_hashes()
    names = (name.split("/") for name, _ in open_folder(root).names("samples/"))
    samples = sorted({parts[1] for parts in names if "listings" in parts[2:3]})
    roots = [root, *(f"{root}/samples/{name}" for name in samples)]
    return {root: prune(root, named, days, dry_run) for root in roots}


def prune(root: str, named: Collection[str], days: float, dry_run: bool) -> Pruned:
    """Remove every dataset but those that are named or were the newest one in the last `days`.

    named: hashes (sha256) of the datasets that must stay. Raises StorageError; then some of the
    files are removed, and a repeated call removes the rest.
    """
    store = Store(root)
    kept, removed = _datasets(store, named, time.time() - days * 86_400)
    if not kept:
        return Pruned(0, 0, 0)
    quarantines = {facts.quarantine for facts in kept.values()} - {NO_TABLE}
    unused = {
        store.accepted: _unused_files(store.accepted, kept),
        store.quarantined: _unused_files(store.quarantined, quarantines),
    }
    if not dry_run:
        for table, files in unused.items():
            table.folder.delete(files)
        with scratch_folder(scratch_parent(store)):
            pass  # it removes the folders of killed ingests first
    return Pruned(len(kept), removed, sum(map(len, unused.values())))


def _datasets(store: Store, named: Collection[str], since: float) -> tuple[dict[int, Facts], int]:
    """The versions of the accepted rows that stay, with their facts; how many do not."""
    kept, removed, replaced = {}, 0, float("inf")
    for commit in store.accepted.commits(store.version()[0].number):
        if commit.facts:
            facts = facts_of(commit.facts)
            if replaced >= since or facts.sha256 in named:
                kept[commit.number] = facts
            else:
                removed += 1
            # Only a dataset replaces a dataset: another program's commit without facts does not.
            replaced = commit.time
    return kept, removed


def _unused_files(table: DayTable, versions: Collection[int]) -> list[str]:
    """The files of a table, older than a running ingest, that none of these versions names."""
    used = {file.path for number in versions for file in table.version(number).files.values()}
    old = [name for name, age in table.folder.names("") if age > ABANDONED_SECONDS]
    written = (n for n in old if n.startswith(DRAFTS) or n.endswith(".parquet") and n[0] != "_")
    return sorted(set(written) - used)
