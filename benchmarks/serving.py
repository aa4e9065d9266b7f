"""The service's speed: the figures in the README.

    python -m benchmarks.serving [ARTIFACT] [--seconds 5] [--rounds 3] [--workers 2]

ARTIFACT is the folder of a saved model (default: the production model, in MODEL_DIR). Everything
runs on this machine, one measurement after the other, with validation, PostgreSQL, the forwarder,
the access log and metrics on. Servers are measured alternately, and the median of the rounds is
printed. The load generator uses the same processors.
"""

import argparse
import io
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost as xgb

from benchmarks.harness import servers, serving_http
from benchmarks.harness.measure import (
    BATCH,
    LIST,
    Comparison,
    Inputs,
    as_listings,
    production_artifact,
    rows_per_second,
    sample_cars,
    seconds_each,
)
from vehicle_price.features.encoder import encode_row
from vehicle_price.listing.validation import check_many, check_one
from vehicle_price.model import artifact
from vehicle_price.model.valuation import Valuation
from vehicle_price.settings import Settings

YEAR = 2021  # of the postings
HEAD = """| what | measured | floor | ratio | wanted |
|---|--:|--:|--:|--:|"""


def main() -> None:
    """Measure everything and print the table."""
    options = _options()
    folder = options.artifact or production_artifact()
    valuation = artifact.load(folder)
    booster = xgb.Booster({"nthread": 1}, model_file=str(folder / "price.ubj"))
    inputs = _inputs(valuation)
    print(HEAD, flush=True)
    for row in in_process(valuation, booster, inputs):
        print(row, flush=True)

    def bare() -> object:
        return booster.inplace_predict(inputs.matrix[:LIST])

    with running(folder, options.workers) as (work, service):
        for row in serving_http.many_rows(service, bare, inputs):
            print(row, flush=True)
        with ExitStack() as empty:
            routes = {
                name: empty.enter_context(servers.empty_route(work / name, options.workers, name))
                for name in ("sync", "gthread", servers.UVICORN)
            }
            for row in serving_http.against_empty(service, routes, inputs, options):
                print(row, flush=True)
        print(serving_http.slow_clients(service, inputs, options), flush=True)
        # By default MLflow starts one worker, and the service starts two.
        for workers, target in ((1, "≥ 40"), (options.workers, "–")):
            mlflow_name = f"`mlflow models serve --workers {workers}`"
            with servers.mlflow_serve(work / f"mlflow-{workers}", folder, workers) as mlflow:
                for row in serving_http.against_mlflow(
                    service, mlflow, inputs, options, mlflow_name, target
                ):
                    print(row, flush=True)


@contextmanager
def running(folder: Path, workers: int) -> Iterator[tuple[Path, servers.Server]]:
    """A folder for all processes, and in it the service with its prediction log.

    folder: of the saved model.
    """
    with tempfile.TemporaryDirectory() as work:
        Path(work).chmod(0o711)  # as root, PostgreSQL runs as another user
        own = Path(work) / "service"
        own.mkdir()
        with (
            servers.prediction_log(own) as environ,
            servers.service(own, folder, workers, environ) as service,
        ):
            yield Path(work), service


def in_process(valuation: Valuation, booster: xgb.Booster, inputs: Inputs) -> list[Comparison]:
    """One listing and a list, without HTTP: from JSON values to prices, validation included."""
    listings, matrix = inputs.listings, inputs.matrix
    single = seconds_each(lambda n: valuation.price_one(check_one(listings[n], YEAR)), 2_000)
    score = seconds_each(lambda n: valuation.scorer.score(matrix[n : n + 1]), 2_000)
    bare = seconds_each(lambda n: booster.inplace_predict(matrix[n : n + 1]), 300)
    listed = rows_per_second(lambda: valuation.price_many(check_many(listings[:LIST], YEAR)), LIST)
    ready_matrix = rows_per_second(lambda: booster.inplace_predict(matrix[:LIST]), LIST)
    floor = f"{bare * 1e6:,.0f} µs"
    return [
        Comparison(
            "one listing in process", f"{single * 1e6:,.0f} µs", floor, single / bare, "≤ 3"
        ),
        Comparison("of which the scorer", f"{score * 1e6:,.0f} µs", floor, score / bare, "–"),
        Comparison(
            f"list of {LIST:,} in process",
            f"{listed:,.0f} rows/s",
            f"{ready_matrix:,.0f} rows/s",
            listed / ready_matrix,
            "≥ 0.6",
        ),
    ]


def _inputs(valuation: Valuation) -> Inputs:
    cars = sample_cars(40_000).head(BATCH)
    listings = as_listings(cars)
    text, parquet = io.StringIO(), io.BytesIO()
    batch = pd.concat([cars] * (BATCH // len(cars) + 1)).head(BATCH)
    batch.to_csv(text, index=False)
    batch.to_parquet(parquet, index=False)
    matrix = np.array([encode_row(valuation.tables, listing) for listing in listings], np.float32)
    return Inputs(listings, text.getvalue().encode(), parquet.getvalue(), matrix)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("artifact", nargs="?", type=Path, help="folder of a saved model")
    parser.add_argument("--seconds", type=float, default=5, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=Settings.from_environment().web_workers)
    return parser.parse_args()


if __name__ == "__main__":
    main()
