"""Write what waits in the outbox to standard output, as a tar stream with one file.

    python -m service.outbox.snapshot OUTBOX_DIR OUTBOX_MAX_MB > outbox.tar

It is for backups. Workers and the forwarder go on meanwhile. First the journals' records are moved
into the table, so that the copy of the table has every record that was answered before.
"""

import os
import sqlite3
import sys
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path
from typing import IO

from service.outbox.outbox import Outbox, OutboxUnavailable

NAME = "outbox.sqlite"
DRAFT = "snapshot-"


def write_snapshot(folder: Path, max_bytes: int, out: IO[bytes]) -> None:
    """Write the tar stream; one without a file if there is no outbox yet.

    Raises OutboxUnavailable, sqlite3.Error, OSError.
    """
    with tarfile.open(fileobj=out, mode="w|") as tar:
        if not (folder / NAME).exists():
            return
        for left_over in folder.glob(f"{DRAFT}*"):  # of one that was killed
            left_over.unlink(missing_ok=True)
        # Not in /tmp, which may be a small part of the memory.
        with tempfile.NamedTemporaryFile(prefix=DRAFT, dir=folder) as draft:
            _copy(Outbox(folder / NAME, max_bytes), draft.name)
            tar.add(draft.name, NAME, filter=_private)


def _copy(outbox: Outbox, path: str) -> None:
    outbox.collect()
    with outbox.file.reading() as connection, closing(sqlite3.connect(path)) as copy:
        connection.backup(copy)
        # Journals of the other machine will not be there, and its clock neither.
        copy.executescript("DELETE FROM journals; DELETE FROM clock; PRAGMA journal_mode = DELETE;")
    outbox.close()


def _private(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mode, member.uid, member.gid, member.uname, member.gname = 0o600, 0, 0, "", ""
    return member


if __name__ == "__main__":
    os.umask(0o077)
    try:
        write_snapshot(Path(sys.argv[1]), int(sys.argv[2]) * 2**20, sys.stdout.buffer)
    except (OutboxUnavailable, sqlite3.Error, OSError) as error:
        sys.exit(f"the outbox cannot be copied: {error}")
