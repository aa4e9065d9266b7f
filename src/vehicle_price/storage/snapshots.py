"""The store of listings: immutable files by posting day, snapshots that list them, one pointer.

    listings/days/<day>/<hash>-<run>.parquet         accepted rows of a day
    listings/quarantine/<day>/<hash>-<run>.parquet   refused ones
    listings/snapshots/<hash>-<run>.json             a dataset: which file for which day
    listings/current.json                            all snapshots, and how far each source got

A run writes its snapshot first, then the files named in it, and replaces `current.json` last.
Before that nothing it wrote can be found; afterwards everything is there. The run's own mark in
each name tells whose files are left over when a run was killed.
"""

import hashlib
import json
import logging
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace

from vehicle_price.storage.content_hash import dataset_hash
from vehicle_price.storage.filesystem import Conflict, Folder, StorageError, open_folder

log = logging.getLogger(__name__)

LISTINGS = "listings"
CURRENT = "current.json"
# What comes of JSON that is none, or not ours.
DAMAGE = (ValueError, KeyError, TypeError, AttributeError)
# On S3 another run may be at work, so only what is older than any run is left over for sure.
ABANDONED_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Part:
    """The rows of one day: their file, its count and hash; reasons: rows breaking each rule."""

    file: str
    rows: int
    sha256: str
    reasons: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """What the store held at one time. days, quarantine: day → its rows."""

    name: str
    days: dict[str, Part]
    quarantine: dict[str, Part]
    provenance: dict[str, object] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many accepted listings there are."""
        return sum(part.rows for part in self.days.values())

    @property
    def sha256(self) -> str:
        """The identity of the accepted listings."""
        return dataset_hash({day: part.sha256 for day, part in self.days.items()})

    @property
    def content(self) -> str:
        """The same with the refused ones."""
        refused = dataset_hash({day: part.sha256 for day, part in self.quarantine.items()})
        return hashlib.sha256(f"{self.sha256} {refused}".encode()).hexdigest()


EMPTY = Snapshot("", {}, {})


@dataclass(frozen=True)
class Current:
    """What `current.json` says. published: names of all snapshots, oldest first.

    watermarks: source → the last posting day up to which it was read without a gap.
    """

    published: tuple[str, ...] = ()
    watermarks: dict[str, str] = field(default_factory=dict)
    version: str = field(default="", compare=False)


class Store:
    """The listings below a data root."""

    def __init__(self, root: str) -> None:
        self.folder: Folder = open_folder(f"{root.rstrip('/')}/{LISTINGS}")

    def address(self, snapshot: Snapshot) -> str:
        """Where the snapshot's facts lie: the dataset's address."""
        return f"{self.folder.uri}/{_file_of(snapshot.name)}"

    def current(self) -> Current:
        """What was published last."""
        content, version = self.folder.read_versioned(CURRENT)
        if not version:
            return Current()
        try:
            facts = json.loads(content)
            return Current(tuple(facts["published"]), dict(facts["watermarks"]), version)
        except DAMAGE as error:
            raise StorageError(
                f"{self.folder.uri}/{CURRENT}: damaged ({error}); restore it from a backup, or "
                "move the folder away and ingest again"
            ) from error

    def snapshot(self, name: str) -> Snapshot:
        """The snapshot of that name."""
        try:
            return decoded(name, self.folder.read(_file_of(name)))
        except (FileNotFoundError, *DAMAGE) as error:
            raise StorageError(
                f"{self.folder.uri}/{_file_of(name)}: missing or damaged ({error!r}); restore it "
                "from a backup, or move the folder away and ingest again"
            ) from error

    def newest(self, current: Current) -> Snapshot:
        """The snapshot published last; EMPTY when there is none."""
        return self.snapshot(current.published[-1]) if current.published else EMPTY

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Where the folder allows it, keep other ingests waiting; clear up after killed ones."""
        with self.folder.alone() as undisturbed:
            self._clear(self.current().published, 0 if undisturbed else ABANDONED_SECONDS)
            yield

    def publish(
        self,
        before: Current,
        snapshot: Snapshot,
        files: Mapping[str, bytes],
        watermarks: dict[str, str],
    ) -> None:
        """Write the files of a snapshot and make it the newest. Raises Conflict, having undone it.

        Nothing is written when neither the snapshot nor the watermarks are new.
        """
        published = before.published
        if snapshot.name and snapshot.name not in published:
            published = (*published, snapshot.name)
            self.folder.write(_file_of(snapshot.name), encoded(snapshot))
            for name, content in files.items():
                self.folder.write(name, content)
        after = Current(published, watermarks)
        if after == before:
            return
        facts = {"published": published, "watermarks": watermarks}
        try:
            self.folder.replace(CURRENT, _json(facts), before.version)
        except Conflict:
            self.folder.delete([*files, _file_of(snapshot.name)])
            raise

    def _clear(self, published: tuple[str, ...], age: float) -> None:
        """Remove snapshots that were never published, and the files only they name."""
        for file, seconds in self.folder.names("snapshots/"):
            name = file.removeprefix("snapshots/").removesuffix(".json")
            if name in published or seconds < age:
                continue
            log.info("removing what a killed ingest left: %s", name)
            mine = [
                f for f in _files(self._readable(file)) if f.endswith(f"-{_run_of(name)}.parquet")
            ]
            self.folder.delete([*mine, file])

    def _readable(self, file: str) -> dict:
        try:
            return json.loads(self.folder.read(file))
        except FileNotFoundError:  # someone else was quicker
            return {}


def named(snapshot: Snapshot, run: str) -> Snapshot:
    """The snapshot with the name that its content and its run give it."""
    return replace(snapshot, name=f"{snapshot.content[:16]}-{run}")


def new_run() -> str:
    """A mark that no other run has."""
    return uuid.uuid4().hex[:8]


def part_file(kind: str, day: str, sha256: str, run: str) -> str:
    """Name of the file with one day's rows."""
    return f"{kind}/{day}/{sha256[:16]}-{run}.parquet"


def encoded(snapshot: Snapshot) -> bytes:
    """The snapshot as JSON."""
    facts = asdict(snapshot)
    del facts["name"]
    return _json(facts | {"sha256": snapshot.sha256})


def decoded(name: str, content: bytes) -> Snapshot:
    """The snapshot in a JSON file. Raises one of DAMAGE if it is none."""
    facts = json.loads(content)
    days, refused = (
        {day: Part(**part) for day, part in facts[kind].items()} for kind in ("days", "quarantine")
    )
    snapshot = Snapshot(name, days, refused, facts["provenance"])
    if snapshot.sha256 != facts["sha256"] or not name.startswith(snapshot.content[:16]):
        raise ValueError("its hash is another")
    return snapshot


def _files(facts: dict) -> list[str]:
    return [
        part["file"] for kind in ("days", "quarantine") for part in facts.get(kind, {}).values()
    ]


def _file_of(name: str) -> str:
    return f"snapshots/{name}.json"


def _run_of(name: str) -> str:
    return name.rpartition("-")[2]


def _json(facts: object) -> bytes:
    return (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode()
