"""One PostgreSQL for the tests of a file, filled anew for each test, and the archive's folder."""

import pytest

from integration_tests.archive.old_log import EVERY_TABLE, fill
from integration_tests.helpers.sql import rows
from integration_tests.monitoring.made_up_log import running_log
from vehicle_price.storage.filesystem import LocalFolder


@pytest.fixture(name="empty_log", scope="module")
def _empty_log():
    with running_log() as log:
        yield log


@pytest.fixture(name="log")
def _log(empty_log):
    """The address, and a connection."""
    _, connection = empty_log
    rows(connection, f"TRUNCATE {EVERY_TABLE} CASCADE; SELECT 1")
    fill(connection)
    return empty_log


@pytest.fixture(name="folder")
def _folder(tmp_path):
    return LocalFolder(tmp_path / "archive")
