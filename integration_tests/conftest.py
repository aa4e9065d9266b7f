"""The order of the integration tests in two processes, and the log files of a failed one."""

from collections.abc import Generator

import pytest

from integration_tests.helpers.failure_logs import report_section
from unit_tests.helpers.xdist_groups import group_tests

LONGEST_FIRST = (
    "model_changes/test_model_changes.py",
    "prediction_log/test_http_contract.py",
    "prediction_log/test_prediction_log.py",
    "prediction_log/test_canary.py",
    "storage/test_ingest_killed.py",
    "service/test_under_load.py",
)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process runs all tests that use the platform, and the other one the rest."""
    group_tests(items, "platform", LONGEST_FIRST)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Name the log files to read in the report of a failed test."""
    report = yield
    if report.failed and (section := report_section(item)):
        report.sections.append(("log files", section))
    return report
