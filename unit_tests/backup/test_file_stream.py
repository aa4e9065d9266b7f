import io
import os
import stat
import tarfile

import pytest

from setup.backup.file_stream import WrongFile, main, pack, unpack

LOG_FILE = "listings/accepted/_delta_log/00000000000000000000.json"
DATA_FILE = "listings/accepted/posting_day=2021-04-28/a.parquet"


@pytest.fixture(name="folder")
def _folder(tmp_path):
    """Listings, an archive, and what a running process writes."""
    for name in (DATA_FILE, LOG_FILE, "archive/day=2021-04-28/b.parquet", ".drafts/c", "a.txt"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    return tmp_path / "data"


def packed(folder, **options):
    """The tar stream."""
    stream = io.BytesIO()
    pack({"folder": str(folder)} | options, stream)
    stream.seek(0)
    return stream


def names(stream):
    """The names of its files, in order."""
    with tarfile.open(fileobj=stream) as tar:
        return tar.getnames()


def test_files_come_back_with_content_and_time(folder, tmp_path):
    os.utime(folder / DATA_FILE, (1_600_000_000, 1_600_000_000))
    unpack({"folder": str(tmp_path / "new")}, packed(folder))
    assert (tmp_path / "new" / DATA_FILE).read_text("utf-8") == DATA_FILE
    facts = (tmp_path / "new" / DATA_FILE).stat()
    assert facts.st_mtime == 1_600_000_000
    assert stat.S_IMODE(facts.st_mode) == 0o600


def test_the_log_of_a_table_comes_before_its_files(folder):
    assert names(packed(folder))[0] == LOG_FILE


def test_a_pointer_to_a_checkpoint_comes_before_newer_checkpoints(folder):
    log = (folder / LOG_FILE).parent
    (log / "_last_checkpoint").touch()
    (log / "00000000000000000010.checkpoint.parquet").touch()
    assert names(packed(folder))[0].endswith("_last_checkpoint")


def test_what_is_skipped_or_being_written_is_left_out(folder):
    assert set(names(packed(folder, skip=["archive"]))) == {DATA_FILE, LOG_FILE, "a.txt"}


def test_only_named_files_are_packed(folder):
    assert names(packed(folder, only=["a.txt", "missing.txt"])) == ["a.txt"]


def test_a_required_file_may_not_be_missing(folder):
    with pytest.raises(FileNotFoundError):
        packed(folder, only=["missing.txt"], required=True)


def test_a_folder_that_is_not_there_is_an_empty_stream(tmp_path):
    assert names(packed(tmp_path / "missing")) == []


def test_a_file_that_vanishes_meanwhile_is_left_out(folder, monkeypatch):
    """As when old listings are pruned."""
    victim = folder / DATA_FILE
    monkeypatch.setattr("setup.backup.file_stream._add", _removing(victim))
    stream = packed(folder)
    assert set(names(stream)) == {LOG_FILE, "a.txt", "archive/day=2021-04-28/b.parquet"}


def _removing(victim):
    from setup.backup.file_stream import _add

    def add(tar, folder, name):
        victim.unlink(missing_ok=True)
        _add(tar, folder, name)

    return add


@pytest.mark.parametrize("target", ["a.txt", "archive"])
def test_a_link_is_refused(folder, target):
    (folder / "link").symlink_to(folder / target)
    with pytest.raises(WrongFile, match="link"):
        packed(folder)


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "a/../../outside"])
def test_a_file_outside_the_folder_is_refused(tmp_path, name):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    stream.seek(0)
    with pytest.raises(WrongFile, match="not a file below"):
        unpack({"folder": str(tmp_path / "new")}, stream)


def test_no_file_is_overwritten(folder):
    stream = packed(folder)
    with pytest.raises(FileExistsError):
        unpack({"folder": str(folder)}, stream)


def test_the_program_ends_with_the_reason(tmp_path, capsys):
    options = f'{{"folder": "{tmp_path}", "only": ["missing.txt"], "required": true}}'
    umask = os.umask(0o022)
    try:
        assert main(["pack", options]) == 1
    finally:
        os.umask(umask)
    assert "missing.txt" in capsys.readouterr().err
