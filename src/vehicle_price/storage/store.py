"""The store of listings: two Delta tables, of which a version of the first is a dataset.

    listings/accepted/     accepted rows; a commit's metadata hold the facts of the dataset
    listings/quarantine/   quarantined rows; the facts name the version that belongs to a dataset

The quarantine is committed first. No reader sees a version of it before a version of the accepted
rows names it, so a run that ends in between leaves nothing that counts.
"""

import logging
from collections import Counter
from dataclasses import asdict, dataclass, field, fields, replace

from vehicle_price.contract.posting_day import day_after
from vehicle_price.storage.content_hash import dataset_hash
from vehicle_price.storage.day_files import ACCEPTED, QUARANTINED, Files
from vehicle_price.storage.delta_table import NO_TABLE, DayTable, Version
from vehicle_price.storage.errors import Conflict, StorageError
from vehicle_price.storage.filesystem import open_folder

log = logging.getLogger(__name__)

LISTINGS = "listings"
REPORTS = f"{LISTINGS}/reports"  # the contract reports of ingests, below a data root


@dataclass(frozen=True)
class Facts:
    """What a commit says of its dataset.

    sha256: hash of the accepted rows. quarantine: version of that table; NO_TABLE without one.
    quarantined: rows in it. reasons: rows breaking each rule. watermarks: source → the last
    posting day up to which it was read without a gap.
    """

    sha256: str
    quarantine: int = NO_TABLE
    quarantined: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    provenance: dict[str, object] = field(default_factory=dict)
    watermarks: dict[str, str] = field(default_factory=dict)


NO_FACTS = Facts(dataset_hash({}))


@dataclass(frozen=True)
class Content:
    """The content of the store at a version of the table of accepted rows.

    accepted: its files. quarantined: those of the version that the facts name.
    """

    version: int
    accepted: Files
    quarantined: Files
    facts: Facts


class Store:
    """The listings below a data root."""

    def __init__(self, root: str) -> None:
        self.folder = open_folder(f"{root.rstrip('/')}/{LISTINGS}")
        self.accepted = DayTable(self.folder, ACCEPTED)
        self.quarantined = DayTable(self.folder, QUARANTINED)

    def address(self, version: int) -> str:
        """Address of the dataset at a version: the table and `@v` with the number."""
        return f"{self.accepted.folder.uri}@v{version}"

    def version(self, number: int | None = None) -> tuple[Version, Facts]:
        """A version of the accepted rows, by default the newest, and its facts.

        Its number is NO_TABLE in an empty store. Raises StorageError.
        """
        version = self.accepted.version(number)
        if version.number == NO_TABLE:
            self.refuse_old_layout()
            return version, NO_FACTS
        facts = facts_of(version.facts)
        if facts.sha256 != hash_of(version.files):
            raise self.accepted.foreign(version.number)
        return version, facts

    def content(self) -> Content:
        """The newest content."""
        version, facts = self.version()
        files = self.quarantine_files(facts)
        return Content(version.number, version.files, files, facts)

    def quarantine_files(self, facts: Facts) -> Files:
        """The files of the quarantine that belongs to a dataset."""
        if facts.quarantine == NO_TABLE:
            return {}
        return self.quarantined.version(facts.quarantine).files

    def commit(self, before: Content, after: Content, run_id: str) -> Content:
        """Make `after` the newest content. Raises Conflict when `before` is not the newest now.

        The new files of a commit that was refused are deleted again.
        """
        base = Version(before.version, before.accepted, {})
        try:
            quarantine = self._commit_quarantine(after.quarantined, run_id)
            facts = replace(after.facts, sha256=hash_of(after.accepted), quarantine=quarantine)
            number = self.accepted.commit(base, after.accepted, run_id, asdict(facts))
        except Conflict:
            self.accepted.folder.delete(_new_paths(before.accepted, after.accepted))
            named = {file.path for file in self.quarantined.version().files.values()}
            paths = _new_paths(before.quarantined, after.quarantined)
            self.quarantined.folder.delete([path for path in paths if path not in named])
            raise
        return replace(after, version=number, facts=facts)

    def _commit_quarantine(self, files: Files, run_id: str) -> int:
        # The newest version may be of a run that ended before it committed the accepted rows.
        newest = self.quarantined.version()
        if newest.files == files:
            return newest.number
        return self.quarantined.commit(newest, files, run_id, {})

    def refuse_old_layout(self) -> None:
        """Raise StorageError for a store that an earlier version of this project has written."""
        try:
            self.folder.read("current.json")
        except FileNotFoundError:
            return
        raise StorageError(
            f"{self.folder.uri}: a store of an old layout (current.json), which this version does "
            "not read; move the folder away and ingest again. The same listings get the same hash"
        )


def facts_of(metadata: dict) -> Facts:
    """The facts in a commit's metadata; what another version of this project added is left out."""
    known = {fact.name for fact in fields(Facts)} & metadata.keys()
    return Facts(**{name: metadata[name] for name in known})


def hash_of(files: Files) -> str:
    """The hash of the rows in these files."""
    return dataset_hash({day: file.sha256 for day, file in files.items()})


def sorted_counts(counts: Counter[str]) -> dict[str, int]:
    """The positive counts, the greatest first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {name: count for name, count in ordered if count > 0}


def advanced_watermark(watermark: str, since: str, until: str, newest: str, today: str) -> str:
    """The watermark after a complete reading of the days `since` to `until` ('' for open).

    watermark: the last posting day read so far without a gap, '' for none. newest: the newest day
    that was read ('' for none). A day after `today` is a seller's mistake and does not count.

    >>> advanced_watermark("2021-04-05", "2021-04-06", "2021-04-06", "", "2026-11-22")
    '2021-04-06'
    >>> advanced_watermark("2021-04-05", "2021-04-08", "2021-04-08", "2021-04-08", "2026-11-22")
    '2021-04-05'
    """
    reached = min(until or newest, today)
    leaves_gap = bool(since) and (not watermark or since > day_after(watermark))
    return watermark if leaves_gap else max(watermark, reached)


def _new_paths(before: Files, after: Files) -> list[str]:
    return [file.path for day, file in after.items() if before.get(day) != file]
