"""From a source through the contract into the store: all at once, or day by day.

Apart from training.py because it needs neither MLflow nor XGBoost, which take seconds to import.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd

from vehicle_price.contract import report
from vehicle_price.contract.batch_statistics import Tally
from vehicle_price.contract.check import check
from vehicle_price.contract.thresholds import ContractBroken, enforce, guarded
from vehicle_price.pipelines import contract_reports, replay
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceError, SourceQuery
from vehicle_price.sources.catalog import SOURCES
from vehicle_price.storage.dataset import watermark_of, write_listings
from vehicle_price.storage.filesystem import S3Folder, is_remote
from vehicle_price.storage.scratch import scratch
from vehicle_price.storage.watermark import day_after

log = logging.getLogger(__name__)

# Sources that are asked only for what is new. The others hand out everything they have each time.
INCREMENTAL = ("mongodb",)
# A listing may arrive some days after its posting; that far the reading goes back.
LATE_DAYS = 7


def ingest(
    settings: Settings,
    source: str,
    data: str,
    rows: int,
    seed: int,
    *,
    since: str = "",
    until: str = "",
) -> dict:
    """Read a source, keep what satisfies the contract, merge it into the store.

    rows, seed: of the sample. since, until: posting days 'YYYY-MM-DD', inclusive, '' for open.
    Returns the facts of the dataset that the store holds afterwards (`storage.Dataset`), and
    `report`, the address of the contract report on what was read now.
    Raises SourceError or StorageError with what to do, and ContractBroken when a limit of the
    contract is broken; then nothing is stored but the report, whose address it has too.
    """
    query = SourceQuery(data=data, rows=rows, seed=seed, since=since, until=until)
    root, origin = data_root(settings, source, query), origin_of(settings, source)
    if source in INCREMENTAL and not since:
        query = replace(query, since=_resumed(watermark_of(root, origin), until))
        log.info("%s: read from %s on", origin, query.since or "the beginning")
    usual = contract_reports.earlier(root, origin, data)
    batch = _Batch(source, origin, query, contract_reports.new_address(root, origin, data))

    def judge(found: dict) -> None:
        try:
            enforce(found, usual, settings)
        except ContractBroken as broken:
            contract_reports.keep(batch.report, broken.report)
            raise broken.reported_at(batch.report)

    return _store(root, _read(settings, source, query), batch, judge, today=_today())


def replay_days(
    settings: Settings,
    source: str,
    query: SourceQuery,
    day_seconds: float = 0,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[tuple[str, dict]]:
    """Ingest a source day by day, as if the market were live: (day, what `ingest` returns) each.

    day_seconds: how long a posting day lasts. A day that is known already changes nothing, so an
    interrupted replay can simply be started again. No limit stops it: a source may begin or end
    with a day of few listings.
    """
    root, origin = data_root(settings, source, query), origin_of(settings, source)
    frames = _read(settings, source, query)
    since = query.since
    for day, of_day in replay.days(frames, f"{settings.local_dir}/replay"):
        started = time.monotonic()
        report_uri = contract_reports.new_address(root, f"replay {origin}", query.data)
        batch = _Batch(source, origin, replace(query, since=since, until=day), report_uri)
        yield day, _store(root, of_day, batch, lambda _: None, today=day, may_be_empty=True)
        since = day_after(day)
        sleep(max(0.0, day_seconds - (time.monotonic() - started)))


@dataclass(frozen=True)
class _Batch:
    """What is read, from where, and where its report will lie."""

    source: str
    origin: str
    query: SourceQuery
    report: str

    @property
    def provenance(self) -> dict[str, object]:
        """What dataset and report say of it."""
        known = {"source": self.source, "origin": self.origin, "report": self.report}
        return known | asdict(self.query)


def _store(
    root: str,
    frames: Iterable[pd.DataFrame],
    batch: _Batch,
    judge: Callable[[dict], None],
    **how: Any,
) -> dict:
    """Check the frames and merge them into the store, unless `judge` raises at their report.

    The report is kept before anything that names it is published, and again when it is known how
    many listings were new.
    """
    tally = Tally()

    def judged(tally: Tally) -> None:
        found = report.build(tally, batch.provenance)
        judge(found)
        contract_reports.keep(batch.report, found)

    checked = guarded(map(check, frames), tally, judged)
    dataset = write_listings(root, checked, batch.provenance, **how)
    found = report.build(tally, batch.provenance, dataset.batch["new"])
    contract_reports.keep(batch.report, found)
    return asdict(dataset) | {"report": batch.report}


def data_root(settings: Settings, source: str, query: SourceQuery) -> str:
    """Where listings of a source are stored: made-up ones never among real ones."""
    root = settings.data_root.rstrip("/")
    return f"{root}/samples/{query.rows}-{query.seed}" if source == "sample" else root


def origin_of(settings: Settings, source: str) -> str:
    """What a watermark belongs to: two collections are read to different days."""
    if source != "mongodb":
        return source
    from vehicle_price.sources.mongodb.client import place

    return f"mongodb {place(settings)}"


def _resumed(mark: str, until: str) -> str:
    """Where to go on reading; at the beginning if that is later than what is asked for."""
    since = day_after(mark, -LATE_DAYS) if mark else ""
    return "" if until and since > until else since


def _read(settings: Settings, source: str, query: SourceQuery) -> Iterator[pd.DataFrame]:
    """Raw frames. A file on S3 is copied first: zip and Parquet are read from both ends."""
    if source not in SOURCES:
        raise SourceError(f"SOURCE={source!r}: there is only {', '.join(SOURCES)}")
    if source != "file" or not is_remote(query.data):
        yield from SOURCES[source].read(query, settings)
        return
    address, _, name = query.data.rpartition("/")
    with scratch(Path(settings.local_dir) / "incoming") as folder:
        log.info("fetching %s", query.data)
        try:
            S3Folder(address).fetch(name, folder / name)
        except FileNotFoundError as error:
            raise SourceError(f"{query.data}: no such file; correct DATA") from error
        yield from SOURCES[source].read(replace(query, data=str(folder / name)), settings)


def _today() -> str:
    return datetime.now(timezone.utc).date().isoformat()
