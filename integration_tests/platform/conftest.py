"""One platform for all tests of this folder: real Airflow, MLflow, PostgreSQL, service and page."""

from collections.abc import Iterator

import pytest

from integration_tests.platform.airflow_runs import AirflowRuns
from integration_tests.platform.native_platform import NativePlatform, running_platform
from setup.native.environment import settings_from


@pytest.fixture(name="platform", scope="session")
def fixture_platform() -> Iterator[NativePlatform]:
    """A platform after `make build`, shared by all tests that need one."""
    with running_platform() as platform:
        yield platform


@pytest.fixture(name="airflow", scope="session")
def fixture_airflow(platform: NativePlatform) -> AirflowRuns:
    """The platform's Airflow."""
    return AirflowRuns(settings_from(platform.environ))
