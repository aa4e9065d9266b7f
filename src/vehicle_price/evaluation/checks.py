"""The checks of the promotion gate on one challenger: each gives a figure and its limit.

Every check sees the same cars, which no model that is compared was fitted on. A check that asks
whether something is worse refuses only what is worse with CONFIDENCE, so that chance refuses one
honest model in a hundred at most.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from vehicle_price.evaluation.bootstrap import Bounds, clusters_of, simultaneous_bounds
from vehicle_price.evaluation.metrics import interval_score
from vehicle_price.evaluation.probes import PriceFrame, probe
from vehicle_price.evaluation.segments import price_bands, segments

# A challenger's MAE must be lower by this share of production's: another month of listings changes
# the MAE by as much, so a smaller gain is not worth a change.
MARGIN = 0.01
CONFIDENCE = 0.99
MIN_COVERAGE, MAX_COVERAGE = 0.86, 0.94  # of the 90 % interval, over all cars
MIN_BAND_COVERAGE = 0.8  # in each band of predicted prices
MAX_BIAS = 0.02  # of the median price against the asked one
# How far production may be from its own figures on these cars: where it is farther, the listings
# changed (miles became kilometres, makes were exchanged) and not the models.
MAX_RIVAL_BIAS, MAX_RIVAL_MAE_FACTOR, MAX_MEDIAN_RATIO = 0.08, 1.3, 1.3
MAX_LEAKED = 0.01  # of the cars whose model text contains their price
COMPARED_CARS = 100  # of a segment that is compared with the rival
SMALL_SEGMENT_FACTOR = 1.5  # times the baseline's error, in smaller segments


class Check(NamedTuple):
    """One check of the best challenger.

    text: figure and limit. safety: whether a model that fails it could do harm; the others compare
    with what serves.
    """

    passed: bool
    text: str
    safety: bool


class Compared(NamedTuple):
    """What the checks look at.

    cars: accepted listings, one row a car. prices: `price_frame` of them by the challenger.
    rival_prices: by the rival, with an interval unless it is the baseline. baseline: float64
    (rows,), prices without a model. version, rival: names for the reasons. rival_facts: of
    the rival (`Valuation.facts`), None for the baseline.
    """

    cars: pd.DataFrame
    prices: pd.DataFrame
    rival_prices: pd.DataFrame
    baseline: np.ndarray
    version: str
    rival: str
    rival_facts: Mapping[str, Any] | None = None

    @property
    def actual(self) -> np.ndarray:
        """The asked prices, US dollars."""
        return self.cars["price"].to_numpy(float)


def all_checks(compared: Compared, price_frame: PriceFrame) -> list[Check]:
    """The checks of a challenger whose prices, and whose rival's prices, are all finite."""
    error = _error(compared.prices["price"], compared)
    gain = _error(compared.rival_prices["price"], compared) - error
    clusters = clusters_of(compared.cars)
    return [
        _margin(error, gain, compared),
        _gain(gain, clusters, compared),
        _bias(clusters, compared),
        *_coverages(clusters, compared),
        *_interval_score(clusters, compared),
        *_segments(error, gain, clusters, compared),
        *_probes(compared, price_frame),
        _leak(compared),
        *_same_listings(gain + error, compared),
    ]


def gain_bounds(compared: Compared) -> dict[str, float]:
    """The gain over the rival in US dollars a car: mean, low and high, CONFIDENCE on each side."""
    error = _error(compared.prices["price"], compared)
    gain = _error(compared.rival_prices["price"], compared) - error
    bounds = _bounds(gain, clusters_of(compared.cars))
    return {name: float(value[0]) for name, value in bounds._asdict().items()}


def segment_table(compared: Compared) -> list[dict[str, object]]:
    """segment, cars, mae and rival_mae (US dollars) of each segment that is looked at."""
    error = _error(compared.prices["price"], compared)
    rival_error = _error(compared.rival_prices["price"], compared)
    of_cars = segments(compared.cars, compared.rival_prices["price"].to_numpy())
    return [
        {
            "segment": name,
            "cars": int(rows.sum()),
            "mae": float(error[rows].mean()),
            "rival_mae": float(rival_error[rows].mean()),
        }
        for name, rows in of_cars.items()
    ]


def _error(prices: pd.Series, compared: Compared) -> np.ndarray:
    return np.abs(prices.to_numpy(float) - compared.actual)


def _bounds(values: np.ndarray, clusters: np.ndarray) -> Bounds:
    return simultaneous_bounds(values, clusters, np.ones((1, len(values)), bool), CONFIDENCE)


def _margin(error: np.ndarray, gain: np.ndarray, compared: Compared) -> Check:
    mae, rival_mae = error.mean(), (error + gain).mean()
    limit = rival_mae * (1 - MARGIN)
    text = (
        f"MAE {mae:,.0f} USD of version {compared.version} against {rival_mae:,.0f} of "
        f"{compared.rival}; at most {limit:,.0f} needed ({MARGIN:.0%} better)"
    )
    return Check(bool(mae <= limit), text, safety=False)


def _gain(gain: np.ndarray, clusters: np.ndarray, compared: Compared) -> Check:
    bounds = _bounds(gain, clusters)
    low, high = bounds.low[0], bounds.high[0]
    text = (
        f"gain over {compared.rival} of {gain.mean():,.0f} USD a car, {low:,.0f} to {high:,.0f} "
        f"({CONFIDENCE:.0%} each side, regions and days drawn); more than 0 needed"
    )
    return Check(bool(low > 0), text, safety=False)


def _bias(clusters: np.ndarray, compared: Compared) -> Check:
    ratio = compared.prices["price"].to_numpy() / compared.actual
    bias = float(np.median(ratio)) - 1
    # The median is above a limit exactly where more than half of the cars are.
    beyond = ((ratio > 1 + MAX_BIAS), (ratio < 1 - MAX_BIAS))
    certain = any(_bounds(share - 0.5, clusters).low[0] > 0 for share in beyond)
    text = (
        f"the median price is {bias:+.1%} from the asked one; at most ±{MAX_BIAS:.0%} with "
        f"{CONFIDENCE:.0%} confidence allowed"
    )
    return Check(not certain, text, safety=True)


def _coverages(clusters: np.ndarray, compared: Compared) -> Iterator[Check]:
    """The interval's coverage, over all cars and in the worst band of predicted prices."""
    low, high = compared.prices["low"].to_numpy(), compared.prices["high"].to_numpy()
    held = ((low <= compared.actual) & (compared.actual <= high)).astype(float)
    overall = _bounds(held, clusters)
    text = (
        f"the interval holds {held.mean():.1%} of prices, {overall.low[0]:.1%} to "
        f"{overall.high[0]:.1%}; {MIN_COVERAGE:.0%} to {MAX_COVERAGE:.0%} needed"
    )
    reached = overall.high[0] >= MIN_COVERAGE and overall.low[0] <= MAX_COVERAGE
    yield Check(bool(reached), text, safety=True)
    band_of = price_bands(compared.prices["price"].to_numpy()).to_numpy()
    bands = [band for band in sorted(set(band_of)) if (band_of == band).sum() >= COMPARED_CARS]
    if bands:
        rows = np.array([band_of == band for band in bands])
        of_bands = simultaneous_bounds(held, clusters, rows, CONFIDENCE)
        worst = int(np.argmin(of_bands.high))
        text = (
            f"of {len(bands)} bands of predicted prices the worst is {bands[worst]} USD: the "
            f"interval holds {of_bands.mean[worst]:.1%}, at most {of_bands.high[worst]:.1%}; "
            f"{MIN_BAND_COVERAGE:.0%} needed"
        )
        yield Check(bool(of_bands.high[worst] >= MIN_BAND_COVERAGE), text, safety=True)


def _interval_score(clusters: np.ndarray, compared: Compared) -> Iterator[Check]:
    if "low" not in compared.rival_prices:
        return
    score, rival_score = (
        interval_score(compared.actual, prices)
        for prices in (compared.prices, compared.rival_prices)
    )
    worse_by = _bounds(score - rival_score, clusters)
    text = (
        f"interval score {score.mean():,.0f} USD against {rival_score.mean():,.0f} of "
        f"{compared.rival}; worse by {worse_by.low[0]:,.0f} or more with {CONFIDENCE:.0%} "
        "confidence, at most 0 allowed"
    )
    yield Check(bool(worse_by.low[0] <= 0), text, safety=True)


def _segments(
    error: np.ndarray, gain: np.ndarray, clusters: np.ndarray, compared: Compared
) -> Iterator[Check]:
    # By the rival's prices: a challenger that doubles them would leave its band.
    of_cars = segments(compared.cars, compared.rival_prices["price"].to_numpy())
    large = {name: rows for name, rows in of_cars.items() if rows.sum() >= COMPARED_CARS}
    small = {name: rows for name, rows in of_cars.items() if name not in large}
    if large:
        worse_by = simultaneous_bounds(-gain, clusters, np.array(list(large.values())), CONFIDENCE)
        worst = int(np.argmax(worse_by.low))
        name, rows = list(large.items())[worst]
        text = (
            f"of {len(large)} segments the worst is {name}: MAE {error[rows].mean():,.0f} USD "
            f"against {(error + gain)[rows].mean():,.0f} of {compared.rival}; worse by "
            f"{worse_by.low[worst]:,.0f} or more with {CONFIDENCE:.0%} confidence over all "
            "segments, at most 0 allowed"
        )
        yield Check(bool(worse_by.low[worst] <= 0), text, safety=True)
    if small:
        baseline = np.abs(compared.baseline - compared.actual)
        ratio = {name: error[rows].mean() / baseline[rows].mean() for name, rows in small.items()}
        name = max(ratio, key=ratio.__getitem__)
        text = (
            f"of {len(small)} small segments the worst is {name}: its error is {ratio[name]:.2f} "
            f"times the baseline's; at most {SMALL_SEGMENT_FACTOR} allowed"
        )
        yield Check(ratio[name] <= SMALL_SEGMENT_FACTOR, text, safety=True)


def _probes(compared: Compared, price_frame: PriceFrame) -> Iterator[Check]:
    probed = probe(price_frame, compared.cars)
    for count, what in (
        (probed.dearer_by_miles, "dearer with more miles"),
        (probed.cheaper_by_condition, "cheaper in a better condition"),
    ):
        yield Check(
            count == 0, f"{count} of {probed.cars} probed cars are {what}; none may be", True
        )
    share = probed.cheaper_by_year / max(probed.cars, 1)
    yield Check(True, f"{share:.1%} of them are cheaper one model year newer (reported)", True)


def _leak(compared: Compared) -> Check:
    texts, prices = compared.cars["model"].fillna(""), compared.cars["price"].astype(str)
    leaked = [price in _digits(text) for text, price in zip(texts, prices, strict=True)]
    share = float(np.mean(leaked))
    text = f"the model text of {share:.1%} of the cars holds their price; {MAX_LEAKED:.0%} allowed"
    return Check(share <= MAX_LEAKED, text, safety=True)


def _digits(text: str) -> list[str]:
    """The whole numbers of a text: 'civic 9,500 obo' has 9500."""
    return re.findall(r"\d{3,}", text.replace(",", "").replace(".", " "))


def _same_listings(rival_error: np.ndarray, compared: Compared) -> Iterator[Check]:
    """Whether production meets the cars that it was made for: else the listings are wrong."""
    facts = compared.rival_facts
    if not facts:
        return
    mae, limit = rival_error.mean(), MAX_RIVAL_MAE_FACTOR * facts["metrics"]["mae"]
    bias = float(np.median(compared.rival_prices["price"].to_numpy() / compared.actual)) - 1
    text = (
        f"{compared.rival} has MAE {mae:,.0f} USD and a bias of {bias:+.1%} on these cars; up to "
        f"{limit:,.0f} and ±{MAX_RIVAL_BIAS:.0%} they are like those that it was measured on"
    )
    yield Check(bool(mae <= limit and abs(bias) <= MAX_RIVAL_BIAS), text, safety=True)
    for column, before in facts.get("medians", {}).items():  # a model of format 2 has none
        now = float(compared.cars[column].median())
        text = (
            f"the median {column} is {now:,.0f}, and {before:,.0f} where {compared.rival} learnt; "
            f"{MAX_MEDIAN_RATIO:g} times more or less allowed"
        )
        yield Check(1 / MAX_MEDIAN_RATIO <= now / before <= MAX_MEDIAN_RATIO, text, safety=True)


def broken_metrics(values: dict[str, float]) -> list[str]:
    """The names of the metrics that are not finite numbers."""
    return [name for name, value in values.items() if not math.isfinite(value)]
