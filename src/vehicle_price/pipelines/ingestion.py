"""Ingest a source into the store: check, stage, enforce the thresholds, publish.

All days at once, or day by day as a replay. training.py imports MLflow and XGBoost, which takes
seconds; this module does not.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import pandas as pd

from vehicle_price.contract.check import check
from vehicle_price.contract.posting_day import day_after
from vehicle_price.contract.report import build_report
from vehicle_price.contract.thresholds import ContractBroken, judged
from vehicle_price.pipelines import contract_reports, replay
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceError, SourceQuery
from vehicle_price.sources.catalog import SOURCES
from vehicle_price.storage.dataset import watermark_of
from vehicle_price.storage.filesystem import is_remote
from vehicle_price.storage.s3 import S3Folder
from vehicle_price.storage.scratch import scratch_folder
from vehicle_price.storage.staging import StagedListings, stage

log = logging.getLogger(__name__)

# Sources that are read from their watermark on. The others deliver all their listings each time.
INCREMENTAL_SOURCES = ("mongodb",)
# A listing may arrive some days after its posting: an incremental reading begins this much earlier.
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
    """Read a source, check every listing, merge the accepted ones into the store.

    rows, seed: of the sample. since, until: posting days 'YYYY-MM-DD', inclusive, '' for open.
    Returns the facts of the dataset that the store holds afterwards (`storage.Dataset`), and
    `report`, the address of the contract report on this reading.
    Raises SourceError or StorageError with what to do, and ContractBroken when a threshold of the
    contract is broken; then nothing is stored but the report, whose address the error has.
    """
    query = SourceQuery(data=data, rows=rows, seed=seed, since=since, until=until)
    root, origin = data_root(settings, source, query), origin_of(settings, source)
    if source in INCREMENTAL_SOURCES and not since:
        query = replace(query, since=_resume_day(watermark_of(root, origin), until))
        log.info("%s: read from %s on", origin, query.since or "the beginning")
    earlier = contract_reports.earlier(root, origin, data)
    reading = _Reading(source, origin, query, contract_reports.new_address(root, origin, query))
    with stage(root, map(check, read_raw(settings, source, query))) as staged:
        report = judged(build_report(staged.statistics, reading.provenance), earlier, settings)
        if report["broken"]:
            raise _stopped(report, reading.report_uri)
        for warning in report["warnings"]:
            log.warning("%s", warning)
        return _publish(staged, reading, report, today=_today())


def replay_days(
    settings: Settings,
    source: str,
    query: SourceQuery,
    day_seconds: float = 0,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[tuple[str, dict]]:
    """Ingest a source day by day, as if the market were live: (day, what `ingest` returns) each.

    day_seconds: how long a posting day lasts. A day that the store has already changes nothing,
    so an interrupted replay can simply be started again. No threshold stops a replay: a source
    may begin or end with a day of few listings.
    """
    root, origin = data_root(settings, source, query), origin_of(settings, source)
    since = query.since
    all_frames = read_raw(settings, source, query)
    for day, frames in replay.days(all_frames, f"{settings.local_dir}/replay"):
        started = time.monotonic()
        of_day = replace(query, since=since, until=day)
        address = contract_reports.new_address(root, f"replay {origin}", of_day)
        reading = _Reading(source, origin, of_day, address)
        yield day, _ingest_day(root, frames, reading)
        since = day_after(day)
        sleep(max(0.0, day_seconds - (time.monotonic() - started)))


@dataclass(frozen=True)
class _Reading:
    """One reading of a source: what is read, from where, and the address of its report."""

    source: str
    origin: str
    query: SourceQuery
    report_uri: str

    @property
    def provenance(self) -> dict[str, object]:
        """The facts about the reading that dataset and report record."""
        facts = {"source": self.source, "origin": self.origin, "report": self.report_uri}
        return facts | asdict(self.query)


def _ingest_day(root: str, frames: Iterator[pd.DataFrame], reading: _Reading) -> dict:
    with stage(root, map(check, frames)) as staged:
        report = build_report(staged.statistics, reading.provenance)
        return _publish(staged, reading, report, today=reading.query.until, may_be_empty=True)


def _stopped(report: dict, address: str) -> ContractBroken:
    """The error of an ingest that broke a threshold; its report is kept."""
    address = contract_reports.stopped_address(address)
    report = report | {"provenance": report["provenance"] | {"report": address}}
    contract_reports.keep(address, report)
    return ContractBroken(report, address)


def _publish(
    staged: StagedListings,
    reading: _Reading,
    report: dict,
    today: str,
    may_be_empty: bool = False,
) -> dict:
    """Publish the staged listings, then add the number of new listings to the report.

    The report is kept before, too: the published dataset names its address.
    """
    contract_reports.keep(reading.report_uri, report)
    dataset = staged.publish(reading.provenance, today, may_be_empty)
    contract_reports.keep(reading.report_uri, report | {"new": dataset.batch["new"]})
    return asdict(dataset) | {"report": reading.report_uri}


def data_root(settings: Settings, source: str, query: SourceQuery) -> str:
    """Where listings of a source are stored: each sample apart from the real listings."""
    root = settings.data_root.rstrip("/")
    return f"{root}/samples/{query.rows}-{query.seed}" if source == "sample" else root


def origin_of(settings: Settings, source: str) -> str:
    """The name under which a watermark is kept: each MongoDB collection has its own."""
    if source != "mongodb":
        return source
    from vehicle_price.sources.mongodb.client import collection_address

    return f"mongodb {collection_address(settings)}"


def _resume_day(watermark: str, until: str) -> str:
    """The first day to read; '' (the beginning) when that day would be after `until`."""
    since = day_after(watermark, -LATE_DAYS) if watermark else ""
    return "" if until and since > until else since


def read_raw(settings: Settings, source: str, query: SourceQuery) -> Iterator[pd.DataFrame]:
    """Raw frames. A file on S3 is downloaded first: zip and Parquet need random access."""
    if source not in SOURCES:
        raise SourceError(f"SOURCE={source!r}: there is only {', '.join(SOURCES)}")
    if source != "file" or not is_remote(query.data):
        yield from SOURCES[source].read(query, settings)
        return
    address, _, name = query.data.rpartition("/")
    with scratch_folder(Path(settings.local_dir) / "incoming") as folder:
        log.info("fetching %s", query.data)
        try:
            S3Folder(address).fetch(name, folder / name)
        except FileNotFoundError as error:
            raise SourceError(f"{query.data}: no such file; correct DATA") from error
        yield from SOURCES[source].read(replace(query, data=str(folder / name)), settings)


def _today() -> str:
    return datetime.now(timezone.utc).date().isoformat()
