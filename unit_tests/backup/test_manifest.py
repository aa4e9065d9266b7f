import json

import pytest

from setup.backup.errors import BackupError
from setup.backup.manifest import FORMAT, FileFacts, Manifest, facts_of, read, verify

ADDRESS = "s3://bucket/backups/20261130T030000Z"


def manifest(**changed) -> Manifest:
    """A manifest, with these facts changed."""
    facts = {
        "format": FORMAT,
        "made_at": "2026-11-30T03:00:00+00:00",
        "commit": "c" * 40,
        "version": "0.1.0",
        "runtime": "native",
        "postgresql": 18,
        "production": "7",
        "rows": {"vehicle_price": {"predictions": 12}},
        "waiting": 3,
        "files": {"mlflow.dump": FileFacts(4, "0" * 64)},
        "elsewhere": {"listings": "s3://bucket/listings"},
        "encrypted": ("connection warehouse",),
        "fernet_key": "f" * 64,
    }
    return Manifest(**facts | changed)


@pytest.fixture(name="backup")
def _backup(tmp_path):
    """A folder with one file, and its manifest."""
    (tmp_path / "mlflow.dump").write_bytes(b"dump")
    return tmp_path, manifest(files={"mlflow.dump": facts_of(tmp_path / "mlflow.dump")})


def test_a_manifest_is_read_as_it_was_written():
    assert read(manifest().to_json(), ADDRESS) == manifest()


def test_what_a_later_version_adds_to_the_format_is_left_out():
    content = json.loads(manifest().to_json()) | {"weather": "rain"}
    assert read(json.dumps(content).encode(), ADDRESS) == manifest()


def test_a_newer_format_is_refused_with_the_version_that_reads_it():
    newer = manifest(format=FORMAT + 1, version="2.0.0").to_json()
    with pytest.raises(BackupError, match=f"{ADDRESS} has format {FORMAT + 1}.*2.0.0.*ccc"):
        read(newer, ADDRESS)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"format": "x"}',
        manifest().to_json()[:-40],
        manifest().to_json().replace(b'"sha256"', b'"sha265"'),
        manifest().to_json().replace(b'"made_at"', b'"maed_at"'),
    ],
)
def test_a_damaged_manifest_is_named(content):
    with pytest.raises(BackupError, match=f"{ADDRESS}/manifest.json is damaged"):
        read(content, ADDRESS)


def test_files_as_they_were_saved_are_accepted(backup):
    verify(backup[1], backup[0], ADDRESS)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "mlflow.dump is missing"),
        (b"dum", "mlflow.dump has 3 bytes instead of 4"),
        (b"dumq", "mlflow.dump is damaged"),
    ],
)
def test_a_file_that_is_not_as_it_was_saved_is_named(backup, content, fault):
    folder, saved = backup
    if content is None:
        (folder / "mlflow.dump").unlink()
    else:
        (folder / "mlflow.dump").write_bytes(content)
    with pytest.raises(BackupError, match=f"{ADDRESS} cannot be restored, nothing .*{fault}"):
        verify(saved, folder, ADDRESS)
