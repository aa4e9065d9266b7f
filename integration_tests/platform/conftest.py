"""One platform for all tests of this folder: real Airflow, MLflow, PostgreSQL, service and page."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from integration_tests.platform.airflow_page import AirflowPage
from integration_tests.platform.airflow_runs import AirflowRuns
from integration_tests.platform.feeds import Feeds, running_feeds
from integration_tests.platform.native_platform import NativePlatform, running_platform
from setup.native.environment import settings_from


@pytest.fixture(name="platform", scope="session")
def fixture_platform() -> Iterator[NativePlatform]:
    """A platform after `make build`, shared by all tests of it; MLflow's client signs in."""
    with running_platform() as platform, pytest.MonkeyPatch.context() as patch:
        user, password = platform.mlflow_sign_in
        patch.setenv("MLFLOW_TRACKING_USERNAME", user)
        patch.setenv("MLFLOW_TRACKING_PASSWORD", password)
        yield platform


@pytest.fixture(name="airflow", scope="session")
def fixture_airflow(platform: NativePlatform) -> AirflowRuns:
    """The platform's Airflow."""
    return AirflowRuns(settings_from(platform.environ))


@pytest.fixture(name="feeds", scope="session")
def fixture_feeds(
    platform: NativePlatform, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Feeds]:
    """The same listings in a file, on Kaggle and in MongoDB."""
    with running_feeds(platform, tmp_path_factory.mktemp("feeds")) as feeds:
        yield feeds


@pytest.fixture(name="page")
def fixture_page(platform: NativePlatform, open_page: Callable[..., Page]) -> AirflowPage:
    """Airflow's page, signed in."""
    settings = settings_from(platform.environ)
    return AirflowPage(open_page(AirflowPage.login_address(settings)), settings)
