"""Runs that end at any moment: what they leave is invisible, and a repeated run completes it."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from unit_tests.helpers.store import (
    DAYS,
    RAW,
    checked,
    data_files,
    files_of,
    named_files,
    one_row,
    stored,
    write_listings,
)
from vehicle_price.pipelines import pruning
from vehicle_price.storage import scratch
from vehicle_price.storage.dataset import open_dataset, read_listings, read_quarantine, watermark_of
from vehicle_price.storage.delta_table import DayTable
from vehicle_price.storage.errors import Conflict, StorageUnavailable
from vehicle_price.storage.filesystem import LocalFolder
from vehicle_price.storage.scratch import scratch_folder
from vehicle_price.storage.store import Store

LATE = one_row(id="late", posting_date=DAYS[2])
FEW = RAW[RAW["posting_date"].str[:10].isin(DAYS[:3]).fillna(False)].reset_index(drop=True)


class Killed(BaseException):
    """Stands for `kill -9`: no handler of ours may catch it."""


def die_after(patch: pytest.MonkeyPatch, changes: int) -> None:
    """End the process before the change with that number: a file written, a commit."""
    left = iter(range(changes))

    def mortal(change: Callable) -> Callable:
        def changed(*arguments):
            if next(left, None) is None:
                raise Killed
            return change(*arguments)

        return changed

    # Both tables commit through this one method; what calls it must not know of the fault.
    patch.setattr(LocalFolder, "write", mortal(LocalFolder.write))
    patch.setattr(DayTable, "_commit", mortal(DayTable._commit))  # pylint: disable=protected-access


def test_a_run_killed_at_any_change_leaves_nothing_visible_and_the_next_one_completes_it(
    tmp_path, monkeypatch
):
    whole = stored(tmp_path / "whole", FEW)
    whole_and_late = stored(tmp_path / "whole", LATE)
    monkeypatch.setattr(pruning, "ABANDONED_SECONDS", -1)
    for changes in range(100):
        root = tmp_path / str(changes)
        first = stored(root, FEW.head(10))
        before = files_of(root)
        killed = False
        with monkeypatch.context() as patch:
            die_after(patch, changes)
            try:
                stored(root, FEW)
            except Killed:
                killed = True
                assert before.items() <= files_of(root).items()
        if killed:
            assert Store(str(root)).content().facts.sha256 == first.sha256
        last = stored(root, FEW)
        assert (last.sha256, last.rows, last.quarantined, last.reasons) == (
            whole.sha256, whole.rows, whole.quarantined, whole.reasons,
        )  # fmt: skip
        assert len(read_quarantine(last.uri)) == last.quarantined
        assert open_dataset(first.uri) == first
        pruning.prune(str(root), [], 1, dry_run=False)
        assert len(read_listings(first.uri)) == first.rows
        _nothing_is_left_over(root)
        assert stored(root, LATE).sha256 == whole_and_late.sha256
        if not killed:
            break
    assert changes > 5, "this test must see runs being killed"


def test_the_marks_survive_too(tmp_path, monkeypatch):
    stored(tmp_path, one_row(posting_date="2021-04-05"))
    with monkeypatch.context() as patch:
        die_after(patch, 1)
        with pytest.raises(Killed):
            stored(tmp_path, one_row(posting_date="2021-04-06"))
    assert watermark_of(str(tmp_path), "test") == "2021-04-05"


def test_ingests_at_the_same_time_all_arrive(tmp_path):
    chunks = [RAW.iloc[start : start + 80] for start in range(0, 400, 80)]
    _at_the_same_time([lambda chunk=chunk: stored(tmp_path, chunk) for chunk in chunks])
    assert stored(tmp_path, RAW).batch["new"] == 0
    assert stored(tmp_path, RAW).sha256 == stored(tmp_path / "at_once", RAW).sha256
    _nothing_is_left_over(tmp_path)


def test_ingests_of_different_days_at_the_same_time_are_all_in_the_newest_dataset(tmp_path):
    stored(tmp_path, RAW.head(50))
    rows = [one_row(id=f"late {day}", posting_date=day) for day in DAYS[:4]]
    _at_the_same_time([lambda row=row: stored(tmp_path, row) for row in rows])
    newest = stored(tmp_path, rows[0])
    assert {f"late {day}" for day in DAYS[:4]} < set(read_listings(newest.uri)["id"])


def test_a_second_writer_is_refused_and_merges_again(tmp_path, monkeypatch):
    stored(tmp_path, RAW.head(100))
    real, rivals = DayTable.commit, [LATE, one_row(id="later", posting_date=DAYS[1])]

    def beaten(self, *arguments):
        if rivals:
            rival = rivals.pop()
            monkeypatch.setattr(DayTable, "commit", real)
            stored(tmp_path, rival)
            monkeypatch.setattr(DayTable, "commit", beaten)
        return real(self, *arguments)

    monkeypatch.setattr(DayTable, "commit", beaten)
    dataset = stored(tmp_path, RAW)
    ids = set(read_listings(dataset.uri)["id"])
    assert {"late", "later"} < ids and len(ids) == dataset.rows
    _nothing_is_left_over(tmp_path)


def test_who_is_beaten_every_time_says_so_and_leaves_nothing(tmp_path, monkeypatch):
    first = stored(tmp_path, RAW.head(100))

    def refuse(*_):
        raise Conflict

    before = files_of(tmp_path)
    monkeypatch.setattr(DayTable, "_commit", refuse)
    monkeypatch.setattr("vehicle_price.storage.staging.ATTEMPTS", 2)
    with pytest.raises(StorageUnavailable, match="other ingests were quicker 2 times.*again"):
        stored(tmp_path, RAW)
    assert files_of(tmp_path) == before
    assert open_dataset(first.uri) == first


def test_a_commit_whose_answer_was_lost_counts(tmp_path, monkeypatch):
    """The client repeats such a commit, and the second one is refused because of the first."""
    real = DayTable._commit  # pylint: disable=protected-access

    def committed_and_refused(*arguments):
        real(*arguments)
        raise Conflict

    first = stored(tmp_path, RAW.head(100))
    monkeypatch.setattr(DayTable, "_commit", committed_and_refused)
    dataset = stored(tmp_path, RAW)
    assert dataset.batch["new"] == dataset.rows - first.rows
    assert len(read_listings(dataset.uri)) == dataset.rows


def test_who_waits_too_long_for_another_process_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "LOCK_SECONDS", 0.1)
    with scratch.lock(tmp_path / ".lock"):
        with pytest.raises(StorageUnavailable, match="another process has held it"):
            with scratch_folder(tmp_path):
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
        assert Store(str(tmp_path)).content().facts.sha256 == first.sha256

    assert write_listings(tmp_path, slow(), {}).rows > first.rows


def _at_the_same_time(calls: list[Callable]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _nothing_is_left_over(root: Path) -> None:
    """Every file belongs to a version of its table."""
    store = Store(str(root))
    for table in (store.accepted, store.quarantined):
        assert data_files(table) <= named_files(table)
        assert not table.folder.names(".drafts/")
    assert not [path for path in (root / "listings/.scratch").iterdir() if path.is_dir()]
