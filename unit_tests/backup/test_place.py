import os
import time

import pytest

from setup.backup.place import Place

OLD, NEW, NEWER = "20261101T030000Z", "20261129T030000Z", "20261130T030000Z"


@pytest.fixture(name="place")
def _place(tmp_path):
    """Two complete backups, one that was given up, and one that is being made."""
    for name in (NEW, NEWER):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mlflow.dump").touch()
        (tmp_path / name / "manifest.json").touch()
    for name in (OLD, "20261130T040000Z"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mlflow.dump").touch()
    two_days_ago = time.time() - 2 * 86_400
    os.utime(tmp_path / OLD / "mlflow.dump", (two_days_ago, two_days_ago))
    return Place(str(tmp_path), scratch=tmp_path)


def test_a_backup_counts_once_it_has_a_manifest(place):
    assert place.backups() == ([NEW, NEWER], [OLD])


def test_a_place_that_is_not_there_has_no_backups(tmp_path):
    assert Place(str(tmp_path / "missing"), tmp_path).backups() == ([], [])


def test_other_files_are_no_backup_and_so_never_removed(place, tmp_path):
    (tmp_path / "notes.txt").touch()
    (tmp_path / "web-page").mkdir()
    (tmp_path / "web-page" / "manifest.json").touch()
    assert place.backups() == ([NEW, NEWER], [OLD])


def test_a_removed_backup_is_gone(place, tmp_path):
    place.remove(NEW)
    assert place.backups() == ([NEWER], [OLD])
    assert not (tmp_path / NEW).exists()


def test_a_new_file_is_in_its_backup(place, tmp_path):
    backup = place.place("20261130T050000Z")
    with backup.new_file("airflow.dump") as path:
        path.write_bytes(b"dump")
    backup.write_whole("manifest.json", b"{}")
    with backup.local_copy(["airflow.dump"]) as folder:
        assert (folder / "airflow.dump").read_bytes() == b"dump"
    assert sorted(os.listdir(tmp_path / "20261130T050000Z")) == ["airflow.dump", "manifest.json"]
    assert place.backups()[0][-1] == "20261130T050000Z"
