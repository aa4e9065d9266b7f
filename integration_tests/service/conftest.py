"""The service with the tiny model, as Gunicorn runs it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.harness import servers
from integration_tests.helpers.failure_logs import keep_logs
from unit_tests.helpers import tiny
from vehicle_price.model import artifact


@pytest.fixture(name="model", scope="module")
def _model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "model"
    artifact.save(tiny.valuation("xgboost"), folder)
    return folder


@pytest.fixture(name="server")
def _server(model, tmp_path) -> Iterator[servers.Server]:
    """Two workers that serve the tiny model."""
    with keep_logs(tmp_path), servers.service(tmp_path, model, 2) as server:
        yield server
