"""The order of the integration tests in two processes, the log files of a failed one, a browser."""

from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from xdist.scheduler import LoadScopeScheduling

from integration_tests.helpers.browser import page_opener, running_browser
from integration_tests.helpers.failure_logs import report_section

LONGEST_FIRST = (
    "rehearsal/test_closed_loop.py",
    "model_changes/test_model_changes.py",
    "prediction_log/test_http_contract.py",
    "prediction_log/test_prediction_log.py",
    "prediction_log/test_canary.py",
    "storage/test_ingest_killed.py",
    "service/test_under_load.py",
    "storage/test_s3.py",
    "registry/test_training_killed.py",
    "storage/test_s3_refuses.py",
    "storage/test_s3_in_airflow.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The platform first, then the longest files: a long group at the end would run alone."""
    order = {group: place for place, group in enumerate(("platform", *LONGEST_FIRST))}
    items.sort(key=lambda item: order.get(group_of(item.nodeid), len(order)))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Distribute whole groups (`group_of`) to the test processes."""
    return GroupScheduling(config, log)


# The abstract methods are those that LoadScopeScheduling itself leaves out.
class GroupScheduling(LoadScopeScheduling):  # pylint: disable=abstract-method
    """Runs each group in one process: pytest-xdist 3.8 ignores its own groups on pytest 9.2."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def group_of(nodeid: str) -> str:
    """The tests of the platform are one group, so that it starts once; each other file is one."""
    folder, file = nodeid.split("::")[0].split("/")[-2:]
    return folder if folder == "platform" else f"{folder}/{file}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Name the log files to read in the report of a failed test."""
    report = yield
    if report.failed and (section := report_section(item)):
        report.sections.append(("log files", section))
    return report


@pytest.fixture(name="browser", scope="session")
def fixture_browser() -> Iterator[Browser]:
    """Headless Chromium, for all tests: Playwright cannot start a second one in a process."""
    with running_browser() as browser:
        yield browser


@pytest.fixture(name="open_page")
def fixture_open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """A function that opens an address."""
    with page_opener(browser) as open_page:
        yield open_page
