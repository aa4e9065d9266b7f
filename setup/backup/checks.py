"""Whether what was saved belongs together: models, tables of listings, records of the outbox."""

import json
import sqlite3
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from service.outbox.snapshot import NAME as OUTBOX
from setup.backup.errors import BackupError
from setup.backup.file_stream import LOG

AGAIN = "make the backup again"


def check_artifacts(tar_file: Path, models: Iterable[tuple[str, ...]]) -> None:
    """Raise BackupError for a model without files. models: (version, address of its files)."""
    with tarfile.open(tar_file) as tar:
        names = tar.getnames()
    for version, address in models:
        folder = urlsplit(address).path.strip("/")
        if not any(name.startswith(f"{folder}/") for name in names):
            raise BackupError(
                f"version {version} is in production and {folder} has no files: look at the "
                "artifacts of its run in MLflow, or promote another version"
            )


def check_tables(tar_file: Path) -> None:
    """Raise BackupError if a file is missing that the newest version of a Delta table names."""
    with tarfile.open(tar_file) as tar:
        sizes = {member.name: member.size for member in tar}
        for table, log in _logs(sizes).items():
            named: dict[str, int] = {}
            for name in log:
                content = tar.extractfile(name)
                for line in content.read().splitlines() if content else ():
                    _apply(json.loads(line), named)
            for path, size in named.items():
                if sizes.get(f"{table}/{path}") != size:
                    raise BackupError(
                        f"{table}/{path} is missing or has another size: the listings changed in a "
                        f"way that no ingest does; {AGAIN}"
                    )


def waiting_records(tar_file: Path) -> int:
    """The records in a copy of the outbox that PostgreSQL did not have yet."""
    with tempfile.TemporaryDirectory(dir=tar_file.parent) as folder, tarfile.open(tar_file) as tar:
        if OUTBOX not in tar.getnames():
            return 0
        content = tar.extractfile(OUTBOX)
        copy = Path(folder) / OUTBOX
        copy.write_bytes(content.read() if content else b"")
        with closing(sqlite3.connect(copy)) as connection:
            return int(connection.execute("SELECT count(*) FROM records").fetchone()[0])


def _logs(names: Iterable[str]) -> dict[str, list[str]]:
    """Table → the commits of its log, in order."""
    logs = defaultdict(list)
    for name in sorted(names):
        path = PurePosixPath(name)
        if path.parent.name == LOG and path.suffix == ".json" and path.stem.isdigit():
            logs[str(path.parent.parent)].append(name)
    return logs


def _apply(action: dict, named: dict[str, int]) -> None:
    if add := action.get("add"):
        named[unquote(add["path"])] = add["size"]
    elif remove := action.get("remove"):
        named.pop(unquote(remove["path"]), None)
