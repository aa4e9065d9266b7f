import resource
from dataclasses import replace
from pathlib import Path

import pytest

from setup.backup.errors import BackupError
from setup.backup.manifest import FileFacts
from setup.backup.place import Place
from setup.backup.restoring import check, check_fits, check_server, manifest_of, restore, unreadable
from setup.backup.saving import Saving
from unit_tests.backup.files_only import FilesOnly

LISTINGS = "listings/reports/feed/a.json"
ARCHIVED = "archive/predictions/day=2026-03-01/b.parquet"


def quiet(_: str) -> None:
    """Nobody reads it."""


@pytest.fixture(name="old")
def _old(tmp_path):
    """An installation with files."""
    for name in (f"data/{LISTINGS}", f"data/{ARCHIVED}", "secrets/api_keys.json", "secrets/key"):
        path = tmp_path / "old" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, "utf-8")
    return FilesOnly(tmp_path / "old")


@pytest.fixture(name="new")
def _new(tmp_path):
    return FilesOnly(tmp_path / "new")


@pytest.fixture(name="backup")
def _backup(old, tmp_path):
    """A complete backup."""
    saving = Saving(old, Place(str(tmp_path / "backups"), tmp_path), quiet)
    saving.run()
    return saving.backup


@pytest.fixture(name="mark")
def _mark(tmp_path):
    return tmp_path / "restore.interrupted"


def files(folder: Path) -> set[str]:
    """The names of all files below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_what_was_saved_is_restored_without_secrets(backup, new, mark):
    restore(new, backup, mark, quiet)
    saved = {f"data/{LISTINGS}", f"data/{ARCHIVED}", "secrets/api_keys.json"}
    assert files(new.folder) == saved
    assert (new.folder / "data" / ARCHIVED).read_text("utf-8") == f"data/{ARCHIVED}"
    assert not mark.exists()
    assert new.done == ["clear", "start", "end"]


def test_a_backup_names_what_is_not_in_it(backup):
    manifest = check(backup)
    assert manifest.elsewhere == {"artifacts": "s3://bucket/models"}
    assert set(manifest.files) == {"listings.tar", "archive.tar", "keys.tar"}


def test_an_installation_that_is_not_empty_is_left_alone(backup, new, mark):
    (new.folder / "data").mkdir(parents=True)
    with pytest.raises(BackupError, match="nothing was changed: .*data exists. Move them away"):
        restore(new, backup, mark, quiet)
    assert new.done == [] and not mark.exists()


def test_a_damaged_backup_changes_nothing(backup, new, mark):
    path = Path(backup.uri) / "listings.tar"
    path.write_bytes(path.read_bytes().replace(b"reports", b"reparts"))
    with pytest.raises(BackupError, match="listings.tar is damaged"):
        restore(new, backup, mark, quiet)
    assert new.done == [] and not mark.exists() and not new.folder.exists()


def test_a_backup_without_its_manifest_is_refused_and_others_are_named(backup, new, mark):
    place = Place(str(Path(backup.uri).parent), mark.parent)
    with pytest.raises(BackupError, match=f"is not a complete backup.*{Path(backup.uri).name}"):
        restore(new, place, mark, quiet)
    (Path(backup.uri) / "manifest.json").unlink()
    with pytest.raises(BackupError, match="is not a complete backup.*See make backups"):
        restore(new, backup, mark, quiet)


def test_a_restore_that_fails_leaves_nothing(backup, new, mark):
    new.fails = True
    with pytest.raises(BackupError, match="did not start"):
        restore(new, backup, mark, quiet)
    assert new.done == ["clear", "start", "end", "clear"]
    assert not mark.exists()


def test_a_restore_that_was_killed_is_begun_anew(backup, new, mark):
    (new.folder / "data" / "half").mkdir(parents=True)
    mark.write_text(backup.uri, "utf-8")
    restore(new, backup, mark, quiet)
    assert f"data/{LISTINGS}" in files(new.folder)
    assert not mark.exists()


def test_a_backup_of_another_kind_of_installation_is_refused(backup, new):
    manifest = manifest_of(backup)
    with_database = replace(manifest, files={**manifest.files, "mlflow.dump": FileFacts(1, "")})
    with pytest.raises(BackupError, match="the backup has mlflow.dump, which this installation"):
        check_fits(with_database, new)
    new.databases = ("mlflow",)
    with pytest.raises(BackupError, match="the backup has no mlflow.dump"):
        check_fits(manifest, new)


def test_an_older_postgresql_is_refused_with_the_way_out(backup):
    manifest = replace(manifest_of(backup), postgresql=18)
    check_server(manifest, 18)
    check_server(manifest, 19)
    with pytest.raises(BackupError, match="PostgreSQL 18, this server is 17.*RUNTIME=native"):
        check_server(manifest, 17)


def test_files_on_another_address_of_s3_are_refused(backup, new):
    elsewhere = {"artifacts": "s3://other/models"}
    with pytest.raises(BackupError, match="expects them in s3://other/models, not s3://bucket"):
        check_fits(replace(manifest_of(backup), elsewhere=elsewhere), new)


def test_what_only_the_old_key_reads_is_told(backup, new):
    manifest = replace(manifest_of(backup), encrypted=("connection warehouse",))
    assert not unreadable(manifest, new)
    new.fernet_key = "of-another-installation"
    assert unreadable(manifest, new) == ("connection warehouse",)


def test_a_full_disk_leaves_a_backup_that_does_not_count(old, tmp_path):
    """Here by a limit of this process: the write fails as on a full disk."""
    (old.folder / "data" / "large").write_bytes(bytes(2 * 2**20))
    place = Place(str(tmp_path / "backups"), tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, limits[1]))
    try:
        with pytest.raises(BackupError, match="listings.tar cannot be written .File too large"):
            Saving(old, place, quiet).run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert place.backups() == ([], [])
    assert list((tmp_path / "backups").rglob("listings.tar"))
