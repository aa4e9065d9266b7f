"""The models' accuracy: the figures in the README.

    python -m benchmarks.valuation [DATA] [--plain]

Reads, checks, stores, splits and fits with the package's own functions, in a temporary folder,
without MLflow and Airflow, and prints Markdown. Each step has a process of its own, so that its
peak memory is its own. SEED, TRAIN_THREADS and SAMPLE_ROWS are settings.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import xgboost as xgb

from benchmarks.harness.own_process import in_own_process, peak_mb
from vehicle_price.evaluation.baseline import baseline_prices
from vehicle_price.evaluation.metrics import coverage, metrics
from vehicle_price.pipelines import ingestion
from vehicle_price.schema import FEATURES
from vehicle_price.settings import Settings
from vehicle_price.storage.dataset import read_listings
from vehicle_price.training.families import FAMILIES
from vehicle_price.training.fit import fit
from vehicle_price.training.split import split_by_time

PROTOCOL = """One row a car: its first posting; {reposts:,} reposts are left out.
Trained on {train:,} cars posted from {first_day} on, tested on {test:,} cars posted from
{first_test_day} to {last_day} that had not been posted before.
{read:,} listings read, {rows:,} accepted, {quarantined:,} quarantined by the contract.
Reading, checking and storing them took {seconds:.0f} s and {peak_mb:,.0f} MB."""
FIGURES = (
    "MAE|RMSE|R²|MAPE|median APE|90 % interval holds|its median width|fitting|peak memory".split(
        "|"
    )
)
HEAD = f"""
| model | {" | ".join(FIGURES)} |
|---|{"--:|" * len(FIGURES)}"""
BASELINE = "median by make, model and year"
PLAIN = "XGBoost on plain columns"

Prices = Callable[[pd.DataFrame], pd.DataFrame]


def main() -> None:
    """Measure every model on one file, or on the sample, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.valuation", description=__doc__)
    parser.add_argument("data", nargs="?", default="", help="CSV, zip, gzip or Parquet file")
    parser.add_argument("--plain", action="store_true", help="also measure XGBoost without ours")
    options = parser.parse_args()
    settings = Settings.from_environment()
    names = [name for name in MODELS if options.plain or name != PLAIN]
    with tempfile.TemporaryDirectory() as root:
        dataset = in_own_process(ingest, root, options.data, settings)
        facts = dataset | in_own_process(split_facts, dataset["uri"])
        print(PROTOCOL.format(**facts), HEAD, sep="\n", flush=True)
        for name in names:
            print(
                table_row(name, in_own_process(measure, dataset["uri"], name, settings)), flush=True
            )


def ingest(root: str, data: str, settings: Settings) -> dict:
    """Store the accepted listings below `root`; the dataset's facts."""
    started = time.perf_counter()
    temporary = replace(settings, data_root=root, local_dir=root)
    source, rows = "file" if data else "sample", settings.sample_rows
    dataset = ingestion.ingest(temporary, source, data, rows, settings.seed)
    return dataset | {"read": dataset["batch"]["read"]} | _cost(started)


def split_facts(uri: str) -> dict:
    """How many cars the split puts on each side."""
    listings = read_listings(uri)
    sides = split_by_time(listings)
    train, test = len(sides.train), len(sides.test)
    reposts = len(listings) - train - test
    return {
        "train": train,
        "test": test,
        "reposts": reposts,
        "first_test_day": sides.first_test_day,
    }


def measure(uri: str, name: str, settings: Settings) -> dict:
    """Fit one model on the training cars and price the test cars; its figures and its cost."""
    sides = split_by_time(read_listings(uri))
    started = time.perf_counter()
    prices_of = MODELS[name](sides.train, settings)
    cost = {"seconds": time.perf_counter() - started}
    prices = prices_of(sides.test)
    actual = sides.test["price"].to_numpy(float)
    figures = metrics(actual, prices["price"].to_numpy())
    if "low" in prices:
        figures["coverage"] = coverage(actual, prices)
        figures["width"] = float((prices["high"] - prices["low"]).median())
    return figures | _cost(started) | cost


def table_row(name: str, figures: dict) -> str:
    """One row of the table."""
    interval = "– | –"
    if "width" in figures:
        interval = f"{figures['coverage']:.1%} | ${figures['width']:,.0f}"
    return (
        f"| {name} | ${figures['mae']:,.0f} | ${figures['rmse']:,.0f} | {figures['r2']:.3f} | "
        f"{figures['mape']:.1%} | {figures['median_ape']:.1%} | {interval} | "
        f"{figures['seconds']:.0f} s | {figures['peak_mb']:,.0f} MB |"
    )


def fit_baseline(train: pd.DataFrame, settings: Settings) -> Prices:
    """Prices without a model: the baseline of the promotion gate."""
    del settings
    return lambda cars: pd.DataFrame({"price": baseline_prices(train, cars)})


def fit_plain(train: pd.DataFrame, settings: Settings) -> Prices:
    """XGBoost as usual: squared error of log price, each text replaced by its rank among all.

    The same rounds and tree size as the family `xgboost`, so that the difference between the two
    is due to the encodings, the loss and the constraints.
    """
    texts = {c.name: np.unique(train[c.name].dropna()) for c in FEATURES if c.kind != "integer"}

    def matrix(cars: pd.DataFrame, label: np.ndarray | None = None) -> xgb.DMatrix:
        coded = {name: pd.Categorical(cars[name], levels).codes for name, levels in texts.items()}
        return xgb.DMatrix(cars[["year", "odometer"]].assign(**coded).astype(float), label)

    options = dict(FAMILIES["xgboost"].parameters)
    rounds = int(options.pop("rounds"))
    options |= {"seed": settings.seed, "nthread": settings.train_threads}
    booster = xgb.train(options, matrix(train, np.log(train["price"])), rounds)
    return lambda cars: pd.DataFrame({"price": np.exp(booster.predict(matrix(cars)))})


def fit_family(name: str, train: pd.DataFrame, settings: Settings) -> Prices:
    """A model family, trained as for production."""
    return fit(train, name, settings.seed, settings.train_threads).price_frame


MODELS: dict[str, Callable[[pd.DataFrame, Settings], Prices]] = {
    BASELINE: fit_baseline,
    PLAIN: fit_plain,
    **{name: partial(fit_family, name) for name in FAMILIES},
}


def _cost(started: float) -> dict[str, float]:
    return {"seconds": time.perf_counter() - started, "peak_mb": peak_mb()}


if __name__ == "__main__":
    main()
