"""A Delta Lake table with one file for each posting day: its versions, and commits to it.

deltalake reads and writes the log of the table; day_files.py reads and writes the data. Any program
that knows Delta Lake can read the table; only this project may write it.
"""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pyarrow as pa

from vehicle_price.storage.day_files import PARTITION, DayFile, Files, TableKind
from vehicle_price.storage.errors import Conflict, StorageError, StorageUnavailable
from vehicle_price.storage.filesystem import Folder

FACTS = "vehicle_price"  # key of a commit's metadata
LOG_FILE = "_delta_log/{:020}.json"  # of a version
# A dataset's facts are in its commit, and its files are needed as long as a model names it: no
# program may remove either by its age. `vehicle-price data prune` removes files.
PROPERTIES = {
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
}
# deltalake has one exception for all faults of S3; these are in its message.
PASSING = re.compile(r"status code\W+(429|5\d\d)|HTTP error")
REFUSED = re.compile(r"status code\W+4\d\d")
NOISE = re.compile(r"\x1b\[\d+m|↳|\n   0: .*", re.DOTALL)  # colours, a tree, a backtrace


class Version(NamedTuple):
    """A version of a table. number: NO_TABLE without one. files: by day. facts: of its commit."""

    number: int
    files: Files
    facts: dict[str, Any]


NO_TABLE = -1
EMPTY = Version(NO_TABLE, {}, {})


class Commit(NamedTuple):
    """A version in the history of a table. time: seconds since the epoch when it was made."""

    number: int
    time: float
    facts: dict[str, Any]


class DayTable:
    """The table of accepted or of quarantined rows in a folder of listings."""

    def __init__(self, listings: Folder, kind: TableKind) -> None:
        self.kind = kind
        self.folder = listings.folder(kind.folder)

    def version(self, number: int | None = None) -> Version:
        """A version, by default the newest; EMPTY without a table. Raises StorageError."""
        table = self._open(number)
        if table is None:
            return EMPTY
        with self._translated():
            added = pa.table(table.get_add_actions(flatten=True)).to_pylist()
        files = (DayFile(a["path"], a["num_records"] or 0, a["size_bytes"]) for a in added)
        by_day = {file.day: file for file in sorted(files)}
        if len(by_day) != len(added):
            raise self.foreign(table.version())
        return Version(table.version(), by_day, self._facts(table.version()))

    def __contains__(self, number: int) -> bool:
        """Whether the table has a version with this number."""
        try:
            self.folder.read(LOG_FILE.format(number))
            return True
        except FileNotFoundError:
            return False

    def commits(self, newest: int) -> Iterator[Commit]:
        """The commits up to a version, the newest first."""
        for number in range(newest, -1, -1):
            with self._translated():
                content = self.folder.read(LOG_FILE.format(number))
            try:
                actions = [json.loads(line) for line in content.splitlines()]
                (info,) = (action["commitInfo"] for action in actions if "commitInfo" in action)
                facts = json.loads(info.get(FACTS, "{}"))
                yield Commit(number, info["timestamp"] / 1000, facts)
            except (ValueError, KeyError, TypeError) as error:
                raise self._damaged(error) from error

    def foreign(self, number: int) -> StorageError:
        """The error for a version whose files are not those that an ingest committed."""
        return StorageError(
            f"{self.folder.uri}: another program has changed the table, up to version {number}; "
            "restore the last version that `vehicle-price ingest` has made (DeltaTable.restore)"
        )

    def commit(self, before: Version, files: Files, run_id: str, facts: dict[str, Any]) -> int:
        """Make `files` the content of the table; returns the new version's number.

        run_id, facts: kept with the version. Raises Conflict when another process has committed
        since `before`, and StorageError.
        """
        number = before.number + 1
        changed = sorted(d for d in before.files | files if before.files.get(d) != files.get(d))
        adds = [_add_action(files[day]) for day in changed if day in files]
        metadata = {FACTS: json.dumps(facts | {"run": run_id})}
        try:
            with self._translated():
                self._commit(before.number, changed, adds, metadata)
        except Conflict:
            # A commit is repeated when its answer was lost: the first one may have succeeded.
            if number not in self or next(self.commits(number)).facts.get("run") != run_id:
                raise
        return number

    def _commit(
        self, before: int, changed: list[str], adds: list[Any], metadata: dict[str, str]
    ) -> None:
        from deltalake import CommitProperties, Schema
        from deltalake.transaction import create_table_with_add_actions

        # Without a second try, a commit succeeds only as the one that follows `before`.
        properties = CommitProperties(custom_metadata=metadata, max_commit_retries=0)
        columns = self._columns()
        if before == NO_TABLE:
            create_table_with_add_actions(
                self.folder.uri,
                Schema(columns),
                adds,
                partition_by=[PARTITION],
                configuration=PROPERTIES,
                storage_options=self.folder.log_options(),
                commit_properties=properties,
            )
            return
        table = self._open(before)
        known = {field.name for field in table.schema().fields}
        added = [field for field in columns if field.name not in known]
        table.create_write_transaction(
            adds,
            mode="overwrite" if changed else "append",
            schema=Schema([*table.schema().fields, *added]) if changed else table.schema(),
            partition_by=[PARTITION],
            partition_filters=[(PARTITION, "in", changed)],
            commit_properties=properties,
        )

    def _columns(self) -> list[Any]:
        """The columns of the kind, as deltalake describes them: moments in microseconds."""
        from deltalake import Schema

        fields = {field.name: field.type for field in self.kind.schema} | {PARTITION: pa.string()}
        for name, kind in fields.items():
            if pa.types.is_timestamp(kind):
                fields[name] = pa.timestamp("us", kind.tz)
        return Schema.from_arrow(pa.schema(list(fields.items()))).fields

    def _open(self, number: int | None = None) -> Any | None:
        """deltalake's table at a version; None without a table."""
        from deltalake import DeltaTable

        if 0 not in self:
            return None
        with self._translated():
            return DeltaTable(
                self.folder.uri, version=number, storage_options=self.folder.log_options()
            )

    def _facts(self, number: int) -> dict[str, Any]:
        """The facts of the newest commit that has some, up to a version."""
        facts = next((commit.facts for commit in self.commits(number) if commit.facts), None)
        if facts is None:
            raise self.foreign(number)
        return facts

    def _damaged(self, error: object) -> StorageError:
        return StorageError(
            f"{self.folder.uri}/_delta_log: {error}; restore it from a backup, or move "
            f"{self.folder.uri.rpartition('/')[0]} away and ingest again"
        )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise deltalake's errors as Conflict, StorageUnavailable or StorageError."""
        from deltalake.exceptions import CommitFailedError, DeltaError

        try:
            yield
        except CommitFailedError as error:
            raise Conflict(self.folder.uri) from error
        except (DeltaError, OSError) as error:
            text = " ".join(NOISE.sub("", str(error)).split())
            if "already exists" in text:  # a table that another process has just made
                raise Conflict(self.folder.uri) from error
            if PASSING.search(text):
                raise StorageUnavailable(f"{self.folder.uri}: {text}; try again later") from error
            if REFUSED.search(text):
                raise StorageError(
                    f"{self.folder.uri}: S3 refuses ({text}); setup/data.md names the permissions"
                ) from error
            raise self._damaged(text) from error


def _add_action(file: DayFile) -> Any:
    from deltalake.transaction import AddAction

    return AddAction(
        path=file.path,
        size=file.size,
        partition_values={PARTITION: file.day},
        modification_time=int(time.time() * 1000),
        data_change=True,
        stats=json.dumps({"numRecords": file.rows}),
    )
