"""Where the README's figures about speed come from.

    python -m benchmarks.serving [ARTIFACT] [--seconds 5] [--rounds 3] [--workers 2]

ARTIFACT is the folder of a saved model (default: the one that serves now, in MODEL_DIR). Everything
runs here and now, one after the other on this machine, with validation, the prediction log, the
access log and metrics on; what is compared is measured in turns, and the median of the rounds is
printed. The load generator takes part of the same processors.
"""

import argparse
import io
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost as xgb

from benchmarks.harness import servers, serving_http
from benchmarks.harness.measure import (
    BATCH,
    LIST,
    Input,
    Line,
    as_listings,
    rows_per_second,
    sample_cars,
    seconds_each,
    serving_now,
)
from vehicle_price.features.encoder import encode_row
from vehicle_price.listing.validation import check_many, check_one
from vehicle_price.model import artifact
from vehicle_price.model.valuation import Valuation
from vehicle_price.settings import Settings

HEAD = """| what | measured | floor | ratio | wanted |
|---|--:|--:|--:|--:|"""


def main() -> None:
    """Measure everything and print the table."""
    options = _options()
    folder = options.artifact or serving_now()
    valuation = artifact.load(folder)
    booster = xgb.Booster({"nthread": 1}, model_file=str(folder / "price.ubj"))
    asked = _input(valuation)
    print(HEAD, flush=True)
    for line in in_process(valuation, booster, asked):
        print(line, flush=True)
    bare = rows_per_second(lambda: booster.inplace_predict(asked.matrix[:LIST]), LIST)
    with (
        tempfile.TemporaryDirectory() as work,
        servers.service(Path(work) / "service", folder, options.workers) as ours,
    ):
        # First: no forwarder empties the outbox here, and the load fills it.
        for line in serving_http.many_rows(ours, bare, asked):
            print(line, flush=True)
        with servers.empty_route(Path(work) / "empty", options.workers) as empty:
            for line in serving_http.against_empty(ours, empty, asked, options):
                print(line, flush=True)
        print(serving_http.slow_clients(ours, asked, options), flush=True)
        # MLflow starts one worker unless it is told otherwise; the service starts two.
        for workers, wanted in ((1, "≥ 40"), (options.workers, "–")):
            theirs = f"`mlflow models serve --workers {workers}`"
            with servers.mlflow_serve(Path(work) / f"mlflow-{workers}", folder, workers) as other:
                for line in serving_http.against_mlflow(
                    ours, other, asked, options, theirs, wanted
                ):
                    print(line, flush=True)


def in_process(valuation: Valuation, booster: xgb.Booster, asked: Input) -> list[Line]:
    """One listing and a list, without HTTP: from JSON values to prices, checks included."""
    listings, matrix = asked.listings, asked.matrix
    one = seconds_each(lambda n: valuation.price_one(check_one(listings[n])), 2_000)
    score = seconds_each(lambda n: valuation.scorer.score(matrix[n : n + 1]), 2_000)
    bare = seconds_each(lambda n: booster.inplace_predict(matrix[n : n + 1]), 300)
    many = rows_per_second(lambda: valuation.price_many(check_many(listings[:LIST])), LIST)
    ready = rows_per_second(lambda: booster.inplace_predict(matrix[:LIST]), LIST)
    floor = f"{bare * 1e6:,.0f} µs"
    return [
        Line("one listing in process", f"{one * 1e6:,.0f} µs", floor, one / bare, "≤ 3"),
        Line("of which the scorer", f"{score * 1e6:,.0f} µs", floor, score / bare, "–"),
        Line(
            f"list of {LIST:,} in process",
            f"{many:,.0f} rows/s",
            f"{ready:,.0f} rows/s",
            many / ready,
            "≥ 0.6",
        ),
    ]


def _input(valuation: Valuation) -> Input:
    cars = sample_cars(40_000).head(BATCH)
    listings = as_listings(cars)
    text = io.StringIO()
    pd.concat([cars] * (BATCH // len(cars) + 1)).head(BATCH).to_csv(text, index=False)
    matrix = np.array([encode_row(valuation.tables, one) for one in listings], np.float32)
    return Input(listings, text.getvalue().encode(), matrix)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("artifact", nargs="?", type=Path, help="folder of a saved model")
    parser.add_argument("--seconds", type=float, default=5, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=Settings.from_environment().web_workers)
    return parser.parse_args()


if __name__ == "__main__":
    main()
