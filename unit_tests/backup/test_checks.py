import json
import tarfile
from io import BytesIO

import pytest

from setup.backup.checks import check_artifacts, check_tables
from setup.backup.errors import BackupError

LOG = "listings/accepted/_delta_log/{:020}.json"
FILE = "posting_day=2021-04-28/a b.parquet"
URL = "posting_day=2021-04-28/a%20b.parquet"


def tar_of(path, files):
    """A tar file with these contents."""
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, BytesIO(content))
    return path


def commit(*actions):
    """The content of a file of the log."""
    return "\n".join(json.dumps(action) for action in actions).encode()


ADDED = commit({"commitInfo": {}}, {"add": {"path": URL, "size": 4}})
REMOVED = commit({"remove": {"path": URL}})


def test_a_table_with_all_its_files_is_complete(tmp_path):
    files = {LOG.format(0): ADDED, f"listings/accepted/{FILE}": b"rows"}
    check_tables(tar_of(tmp_path / "listings.tar", files))


def test_a_file_that_an_old_version_names_may_be_missing(tmp_path):
    check_tables(tar_of(tmp_path / "tar", {LOG.format(0): ADDED, LOG.format(1): REMOVED}))


@pytest.mark.parametrize("files", [{}, {f"listings/accepted/{FILE}": b"row"}])
def test_a_table_without_a_file_of_its_newest_version_is_refused(tmp_path, files):
    with pytest.raises(BackupError, match="a b.parquet is missing or has another size"):
        check_tables(tar_of(tmp_path / "tar", {LOG.format(0): ADDED} | files))


MODEL = ("7", "mlflow-artifacts:/2/models/m-1/artifacts")


def test_a_production_model_with_files_is_complete(tmp_path):
    tar = tar_of(tmp_path / "artifacts.tar", {"2/models/m-1/artifacts/MLmodel": b""})
    check_artifacts(tar, [MODEL])
    check_artifacts(tar, [])


def test_a_production_model_without_files_is_refused(tmp_path):
    tar = tar_of(tmp_path / "artifacts.tar", {"2/models/m-11/artifacts/MLmodel": b""})
    with pytest.raises(BackupError, match="version 7 is in production and 2/models/m-1/artifacts"):
        check_artifacts(tar, [MODEL])
