"""A Dask cluster of two processes reads the same table and has the same results as one process."""

from contextlib import ExitStack

import pytest

from benchmarks.growth.engines import engine
from benchmarks.growth.steps import STEPS
from unit_tests.helpers import tiny
from unit_tests.helpers.store import stored
from vehicle_price.model import artifact
from vehicle_price.pipelines import by_day
from vehicle_price.storage.dataset import dataset_days, read_day
from vehicle_price.storage.errors import StorageError

pytest.importorskip("distributed", reason="Dask is not installed: make scale")


@pytest.fixture(name="folder", scope="module")
def fixture_folder(tmp_path_factory):
    """A folder with a table and a model."""
    folder = tmp_path_factory.mktemp("growth")
    stored(folder, tiny.raw())
    artifact.save(tiny.valuation("xgboost"), folder / "model")
    return folder


@pytest.fixture(name="cluster", scope="module")
def fixture_cluster(folder):
    """Two workers."""
    with ExitStack() as stack:
        yield stack.enter_context(engine(2, str(folder)))


@pytest.mark.parametrize("step", STEPS)
def test_a_cluster_has_the_results_of_one_process(folder, cluster, step):
    uri = f"{folder}/listings/accepted@v0"
    with engine(0, str(folder)) as alone:
        expected = STEPS[step](uri, alone, folder)
    assert STEPS[step](uri, cluster, folder) == expected
    assert len(cluster.usage()) == 3  # client and two workers


def test_an_error_of_a_worker_reaches_the_caller_with_its_name(folder, cluster, tmp_path):
    days = dataset_days(stored(tmp_path, tiny.raw().head(500)).uri)
    (tmp_path / "listings/accepted" / days[3].file.path).unlink()
    with pytest.raises(StorageError, match=days[3].file.day):
        list(cluster.map(read_day, days))
    assert len(by_day.first_cars(dataset_days(f"{folder}/listings/accepted@v0"), cluster.map)) > 500
