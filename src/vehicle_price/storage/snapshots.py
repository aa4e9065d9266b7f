"""The store of listings: immutable files by posting day, snapshots that list them, one pointer.

    listings/days/<day>/<hash>-<run>.parquet         accepted rows of a day
    listings/quarantine/<day>/<hash>-<run>.parquet   quarantined rows of a day
    listings/snapshots/<hash>-<run>.json             a dataset: which file for which day
    listings/current.json                            all snapshots, and the watermark of each source

A run writes its snapshot first, then the files named in it, and replaces `current.json` last.
Before that replacement no reader sees anything of the run; after it, everything. The run's id in
each name identifies the files that a killed run has left.
"""

import hashlib
import json
import logging
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace

from vehicle_price.contract.posting_day import day_after
from vehicle_price.storage.content_hash import dataset_hash
from vehicle_price.storage.errors import Conflict, StorageError
from vehicle_price.storage.filesystem import Folder, open_folder

log = logging.getLogger(__name__)

LISTINGS = "listings"
CURRENT = "current.json"
# Raised by JSON that is damaged or has other fields.
DECODE_ERRORS = (ValueError, KeyError, TypeError, AttributeError)
# On S3 another run may be active: only files older than any run are certainly left over.
ABANDONED_SECONDS = 24 * 3600


@dataclass(frozen=True)
class DayFile:
    """The file with the rows of one day. sha256: content hash; reasons: rows breaking each rule."""

    file: str
    rows: int
    sha256: str
    reasons: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """The content of the store at one time. days, quarantine: posting day → its file."""

    name: str
    days: dict[str, DayFile]
    quarantine: dict[str, DayFile]
    provenance: dict[str, object] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Number of accepted listings."""
        return sum(file.rows for file in self.days.values())

    @property
    def quarantined(self) -> int:
        """Number of quarantined rows."""
        return sum(file.rows for file in self.quarantine.values())

    @property
    def reasons(self) -> dict[str, int]:
        """Rows breaking each rule, the most frequent rule first; a row can break several."""
        total: Counter[str] = Counter()
        for file in self.quarantine.values():
            total.update(file.reasons)
        return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))

    @property
    def sha256(self) -> str:
        """Hash of the accepted listings."""
        return dataset_hash({day: file.sha256 for day, file in self.days.items()})

    @property
    def content_sha256(self) -> str:
        """Hash of the accepted listings and the quarantined rows."""
        quarantined = dataset_hash({day: file.sha256 for day, file in self.quarantine.items()})
        return hashlib.sha256(f"{self.sha256} {quarantined}".encode()).hexdigest()


EMPTY_SNAPSHOT = Snapshot("", {}, {})


@dataclass(frozen=True)
class CurrentState:
    """The content of `current.json`.

    published: names of all snapshots, oldest first.
    watermarks: source → the last posting day up to which it was read without a gap.
    version: of the file (see Folder), "" when there is none.
    """

    published: tuple[str, ...] = ()
    watermarks: dict[str, str] = field(default_factory=dict)
    version: str = field(default="", compare=False)


class Store:
    """The listings below a data root."""

    def __init__(self, root: str) -> None:
        self.folder: Folder = open_folder(f"{root.rstrip('/')}/{LISTINGS}")

    def address(self, snapshot: Snapshot) -> str:
        """Address of the snapshot's file: the dataset's address."""
        return f"{self.folder.uri}/{_file_of(snapshot.name)}"

    def current(self) -> CurrentState:
        """The published state. Raises StorageError when `current.json` is damaged."""
        content, version = self.folder.read_versioned(CURRENT)
        if not version:
            return CurrentState()
        try:
            facts = json.loads(content)
            return CurrentState(tuple(facts["published"]), dict(facts["watermarks"]), version)
        except DECODE_ERRORS as error:
            raise StorageError(
                f"{self.folder.uri}/{CURRENT}: damaged ({error}); restore it from a backup, or "
                "move the folder away and ingest again"
            ) from error

    def snapshot(self, name: str) -> Snapshot:
        """The snapshot with that name. Raises StorageError when it is missing or damaged."""
        try:
            return decode(name, self.folder.read(_file_of(name)))
        except (FileNotFoundError, *DECODE_ERRORS) as error:
            raise StorageError(
                f"{self.folder.uri}/{_file_of(name)}: missing or damaged ({error!r}); restore it "
                "from a backup, or move the folder away and ingest again"
            ) from error

    def newest(self, current: CurrentState) -> Snapshot:
        """The snapshot published last; EMPTY_SNAPSHOT when there is none."""
        return self.snapshot(current.published[-1]) if current.published else EMPTY_SNAPSHOT

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Make other ingests wait (not on S3), after removing the files of killed ingests."""
        with self.folder.exclusive() as locked:
            self._remove_abandoned(self.current().published, 0 if locked else ABANDONED_SECONDS)
            yield

    def publish(
        self,
        before: CurrentState,
        snapshot: Snapshot,
        files: Mapping[str, bytes],
        watermarks: dict[str, str],
    ) -> None:
        """Write the files of a snapshot and make it the newest.

        Nothing is written when neither the snapshot nor the watermarks are new. Raises Conflict
        when another ingest has published since `before`; the files written are deleted again.
        """
        published = before.published
        if snapshot.name and snapshot.name not in published:
            published = (*published, snapshot.name)
            self.folder.write(_file_of(snapshot.name), encode(snapshot))
            for name, content in files.items():
                self.folder.write(name, content)
        after = CurrentState(published, watermarks)
        if after == before:
            return
        facts = {"published": published, "watermarks": watermarks}
        try:
            self.folder.replace(CURRENT, _json(facts), before.version)
        except Conflict:
            self.folder.delete([*files, _file_of(snapshot.name)])
            raise

    def _remove_abandoned(self, published: tuple[str, ...], age: float) -> None:
        """Remove snapshots older than `age` seconds that were never published, and their files."""
        for file, seconds in self.folder.names("snapshots/"):
            name = file.removeprefix("snapshots/").removesuffix(".json")
            if name in published or seconds < age:
                continue
            log.info("removing what a killed ingest left: %s", name)
            ending = f"-{_run_id_of(name)}.parquet"  # files of other runs belong to their snapshots
            written = [f for f in _files(self._snapshot_json(file)) if f.endswith(ending)]
            self.folder.delete([*written, file])

    def _snapshot_json(self, file: str) -> dict:
        try:
            return json.loads(self.folder.read(file))
        except FileNotFoundError:  # another ingest has removed it first
            return {}


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


def with_name(snapshot: Snapshot, run_id: str) -> Snapshot:
    """The snapshot, named after its content and its run."""
    return replace(snapshot, name=f"{snapshot.content_sha256[:16]}-{run_id}")


def new_run_id() -> str:
    """An id that no other run has."""
    return uuid.uuid4().hex[:8]


def day_file_name(folder: str, day: str, sha256: str, run_id: str) -> str:
    """Name of the file with one day's rows."""
    return f"{folder}/{day}/{sha256[:16]}-{run_id}.parquet"


def encode(snapshot: Snapshot) -> bytes:
    """The snapshot as JSON."""
    facts = asdict(snapshot)
    del facts["name"]
    return _json(facts | {"sha256": snapshot.sha256})


def decode(name: str, content: bytes) -> Snapshot:
    """The snapshot in a JSON file. Raises one of DECODE_ERRORS when it is damaged."""
    facts = json.loads(content)
    days, quarantine = (
        {day: DayFile(**file) for day, file in facts[kind].items()}
        for kind in ("days", "quarantine")
    )
    snapshot = Snapshot(name, days, quarantine, facts["provenance"])
    if snapshot.sha256 != facts["sha256"] or not name.startswith(snapshot.content_sha256[:16]):
        raise ValueError("its hash is another")
    return snapshot


def _files(facts: dict) -> list[str]:
    return [
        file["file"] for kind in ("days", "quarantine") for file in facts.get(kind, {}).values()
    ]


def _file_of(name: str) -> str:
    return f"snapshots/{name}.json"


def _run_id_of(name: str) -> str:
    return name.rpartition("-")[2]


def _json(facts: object) -> bytes:
    return (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode()
