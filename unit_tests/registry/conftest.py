"""A real MLflow on an SQLite file that the main job has filled, a copy for each test."""

import mlflow
import pytest

from unit_tests.helpers.main_job import copy_mlflow
from vehicle_price.registry.client import Registry


@pytest.fixture(name="settings")
def _settings(main_job, mlflow_folder, tmp_path):
    """Version 1 (XGBoost) serves, version 2 (forest) was not the best."""
    del mlflow_folder
    return copy_mlflow(main_job, tmp_path)


@pytest.fixture(name="registry")
def _registry(settings):
    return Registry(settings.mlflow_tracking_uri)


@pytest.fixture(name="client")
def _client(settings):
    return mlflow.MlflowClient(settings.mlflow_tracking_uri)
