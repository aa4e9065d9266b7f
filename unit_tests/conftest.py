"""Fixtures of the unit tests."""

from pathlib import Path

import pytest
from hypothesis import settings

from unit_tests.helpers.real_data import real_data_folder

# Without a deadline, because a busy machine is slow; with the same examples in each run.
settings.register_profile("project", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("project")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real listings."""
    return real_data_folder()


@pytest.fixture(scope="session")
def main_job(tmp_path_factory):
    """Both families trained and judged by the gate, with a real MLflow; takes some 20 seconds."""
    from unit_tests.helpers.main_job import isolated_mlflow, run

    with isolated_mlflow(tmp_path_factory.mktemp("main_job")) as folder:
        return run(folder)


@pytest.fixture(scope="module")
def mlflow_folder(tmp_path_factory):
    """A folder that MLflow works in while the tests of one module run."""
    from unit_tests.helpers.main_job import isolated_mlflow

    with isolated_mlflow(tmp_path_factory.mktemp("mlflow")) as folder:
        yield folder
