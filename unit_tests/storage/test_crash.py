"""Runs that end at any moment: what they leave is invisible, and the next run clears it up."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from unit_tests.helpers.store import (
    DAYS,
    RAW,
    checked,
    files_of,
    named_files,
    one_row,
    stored,
    write_listings,
)
from vehicle_price.storage import snapshots
from vehicle_price.storage.dataset import open_dataset, read_listings, watermark_of
from vehicle_price.storage.errors import Conflict, StorageError
from vehicle_price.storage.filesystem import LocalFolder, ingest_lock
from vehicle_price.storage.s3 import S3Folder
from vehicle_price.storage.scratch import scratch_folder
from vehicle_price.storage.snapshots import Store

LATE = one_row(id="late", posting_date=DAYS[2])
FEW = RAW[RAW["posting_date"].str[:10].isin(DAYS[:3]).fillna(False)].reset_index(drop=True)


class Killed(BaseException):
    """Stands for `kill -9`: no handler of ours may catch it."""


class Dying(LocalFolder):
    """A folder whose process ends before, or right after, a certain change."""

    def __init__(self, path: Path, changes: int) -> None:
        super().__init__(path)
        self.changes_left = changes

    def write(self, name: str, content: bytes) -> None:
        """Write, if life goes on."""
        self._live()
        super().write(name, content)

    def delete(self, names) -> None:
        """Delete, if life goes on."""
        for name in names:
            self._live()
            super().delete([name])

    def _live(self) -> None:
        if not self.changes_left:
            raise Killed
        self.changes_left -= 1


def dying_after(changes: int) -> Callable:
    """What opens folders instead of open_folder."""
    return lambda uri: Dying(Path(uri), changes)


def test_a_run_killed_at_any_change_leaves_nothing_and_the_next_one_completes_it(
    tmp_path, monkeypatch
):
    whole = stored(tmp_path / "whole", FEW)
    whole_and_late = stored(tmp_path / "whole", LATE)
    for changes in range(100):
        root = tmp_path / str(changes)
        first = stored(root, FEW.head(10))
        before = files_of(root)
        killed = False
        with monkeypatch.context() as patch:
            patch.setattr(snapshots, "open_folder", dying_after(changes))
            try:
                stored(root, FEW)
            except Killed:
                killed = True
                assert before.items() <= files_of(root).items()
        last = stored(root, FEW)
        assert (last.sha256, last.rows, last.quarantined, last.reasons) == (
            whole.sha256, whole.rows, whole.quarantined, whole.reasons,
        )  # fmt: skip
        _nothing_is_left_over(root)
        assert open_dataset(first.uri) == first
        assert stored(root, LATE).sha256 == whole_and_late.sha256
        if not killed:
            break
    assert changes > 5, "this test must see runs being killed"


def test_the_marks_survive_too(tmp_path, monkeypatch):
    stored(tmp_path, one_row(posting_date="2021-04-05"))
    monkeypatch.setattr(snapshots, "open_folder", dying_after(1))
    with pytest.raises(Killed):
        stored(tmp_path, one_row(posting_date="2021-04-06"))
    monkeypatch.undo()
    assert watermark_of(str(tmp_path), "test") == "2021-04-05"


def test_ingests_at_the_same_time_all_arrive(tmp_path):
    chunks = [RAW.iloc[start : start + 80] for start in range(0, 400, 80)]
    threads = [threading.Thread(target=stored, args=(tmp_path, chunk)) for chunk in chunks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stored(tmp_path, RAW).batch["new"] == 0
    assert stored(tmp_path, RAW).sha256 == stored(tmp_path / "at_once", RAW).sha256
    _nothing_is_left_over(tmp_path)


def test_who_cannot_lock_is_told_when_another_was_quicker_and_merges_again(tmp_path, monkeypatch):
    """As on S3: nobody waits, and the second to replace current.json is refused."""
    stored(tmp_path, RAW.head(100))
    real, rivals = LocalFolder.replace, [LATE, one_row(id="later", posting_date=DAYS[1])]

    def beaten(self, name, content, version):
        if rivals:
            rival = rivals.pop()
            monkeypatch.setattr(LocalFolder, "replace", real)
            stored(tmp_path, rival)
            monkeypatch.setattr(LocalFolder, "replace", beaten)
        real(self, name, content, version)

    monkeypatch.setattr(LocalFolder, "replace", beaten)
    monkeypatch.setattr(LocalFolder, "exclusive", S3Folder.exclusive)
    dataset = stored(tmp_path, RAW)
    ids = set(read_listings(dataset.uri)["id"])
    assert {"late", "later"} < ids and len(ids) == dataset.rows
    _nothing_is_left_over(tmp_path)


def test_who_is_beaten_every_time_says_so_and_leaves_nothing(tmp_path, monkeypatch):
    first = stored(tmp_path, RAW.head(100))

    def refuse(self, name, content, version):
        raise Conflict(name)

    before = files_of(tmp_path)
    monkeypatch.setattr(LocalFolder, "replace", refuse)
    with pytest.raises(StorageError, match="other ingests were quicker 8 times.*again"):
        stored(tmp_path, RAW)
    assert files_of(tmp_path) == before
    assert open_dataset(first.uri) == first


def test_who_waits_too_long_for_another_ingest_is_told(tmp_path):
    path = tmp_path / ".lock"
    with ingest_lock(path):
        with pytest.raises(StorageError, match="another ingest has held it"):
            with ingest_lock(path, timeout=0.1):
                pass


def test_work_folders_of_the_living_stay_and_those_of_the_dead_go(tmp_path):
    (tmp_path / "dead").mkdir()
    (tmp_path / "dead" / "rows.arrow").write_bytes(b"x")
    with scratch_folder(tmp_path) as outer:
        with scratch_folder(tmp_path) as inner:
            assert outer.is_dir() and inner.is_dir() and not (tmp_path / "dead").exists()
        assert outer.is_dir() and not inner.exists()
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_rows_wait_on_disk_while_a_source_is_read(tmp_path):
    """A reader of the store sees no part of a batch, not even when it takes hours."""
    first = stored(tmp_path, RAW.head(100))

    def slow():
        yield from checked(RAW.iloc[100:], 50)
        assert Store(str(tmp_path)).current().published == (Path(first.uri).stem,)

    assert write_listings(tmp_path, slow(), {}).rows > first.rows


def _nothing_is_left_over(root: Path) -> None:
    """Every file belongs to a published snapshot."""
    store = Store(str(root))
    published_files = set()
    for name in store.current().published:
        snapshot = store.snapshot(name)
        for file in (*snapshot.days.values(), *snapshot.quarantine.values()):
            published_files.add(file.file)
    assert named_files(store.folder) == published_files
    assert len(store.folder.names("snapshots/")) == len(store.current().published)
    assert not [path for path in (root / "listings/.scratch").iterdir() if path.is_dir()]
    assert not list((root / "listings/.drafts").iterdir())
