"""What the unit tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A shared machine is sometimes slow; the same examples every time.
settings.register_profile("project", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("project")

SHARED = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real listings. Where it is absent the test is skipped, never on CI
    that has ../shared."""
    folder = Path(os.environ.get("REAL_DATA_DIR") or SHARED / "data")
    if not (folder / "craigslist-carstrucks-data.zip").is_file():
        if os.environ.get("CI") == "true" and SHARED.is_dir():
            pytest.fail(f"CI must test on real listings and {folder} does not hold them")
        pytest.skip(f"no real listings in {folder}; set REAL_DATA_DIR")
    return folder


@pytest.fixture(scope="session")
def main_job(tmp_path_factory):
    """Both families trained and judged, with a real MLflow. Made once, some 20 seconds."""
    from unit_tests.helpers.main_job import at_hand, run

    with at_hand(tmp_path_factory.mktemp("main_job")) as folder:
        return run(folder)


@pytest.fixture(scope="module")
def mlflow_folder(tmp_path_factory):
    """A folder that MLflow works in while the tests of one module run."""
    from unit_tests.helpers.main_job import at_hand

    with at_hand(tmp_path_factory.mktemp("mlflow")) as folder:
        yield folder
