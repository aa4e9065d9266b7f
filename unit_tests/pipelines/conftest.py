"""The main job run a second time, for the tests of its steps."""

import pytest

from unit_tests.helpers.main_job import isolated_mlflow, run_again


@pytest.fixture(name="second_job", scope="session")
def _second_job(main_job, tmp_path_factory):
    """The dataset, XGBoost and the gate's decision once more, with a copy of the job's MLflow."""
    with isolated_mlflow(tmp_path_factory.mktemp("second_job")) as folder:
        return run_again(main_job, folder)
