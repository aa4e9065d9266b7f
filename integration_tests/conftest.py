"""How the integration tests are shared out between two processes, and what a failed one reports."""

from collections.abc import Generator

import pytest

from integration_tests.helpers.failure_logs import report_section

# The tests that use the platform stay in one process, which starts it once; it begins with them.
# The other process takes the rest file by file, the longest first. Both end at about the same time.
PLATFORM = "platform"
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
    """Put the tests into groups for `--dist loadgroup`, in the order in which they shall start."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=_order)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Name the log files to read in the report of a failed test."""
    report = yield
    if report.failed and (section := report_section(item)):
        report.sections.append(("log files", section))
    return report


def _group(item: pytest.Item) -> str:
    if PLATFORM in getattr(item, "fixturenames", ()):
        return PLATFORM
    return f"{item.path.parent.name}/{item.path.name}"


def _order(item: pytest.Item) -> int:
    """The platform's tests come first, then the longest files; the sort keeps all else as it is."""
    first = (PLATFORM, *LONGEST_FIRST)
    group = _group(item)
    return first.index(group) if group in first else len(first)
