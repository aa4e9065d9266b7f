"""The checks of the promotion gate on one challenger: each gives a figure and its limit.

Every check sees the same cars, which no model that is compared was fitted on. A check that
compares or estimates refuses only what is beyond its limit with CONFIDENCE, so that chance refuses
few honest models.
"""

from collections.abc import Iterator

import numpy as np

from vehicle_price.evaluation.metrics import interval_score
from vehicle_price.evaluation.segments import price_bands
from vehicle_price.gate.comparison import CONFIDENCE, Check, Compared
from vehicle_price.gate.listing_checks import listing_checks
from vehicle_price.gate.probes import PriceFrame, probe
from vehicle_price.gate.segment_checks import COMPARED_CARS, segment_checks

# A challenger's MAE must be lower by this share of production's: another month of listings changes
# the MAE by as much, so a smaller gain is not worth a change.
MARGIN = 0.01
MIN_COVERAGE, MAX_COVERAGE = 0.86, 0.94  # of the 90 % interval, over all cars
MIN_BAND_COVERAGE = 0.8  # in each band of predicted prices
MAX_BIAS = 0.02  # of the median price against the asked one
MAX_BIAS_SHARE = 0.5  # of production's, where a shift of prices is the cause of the training


def all_checks(compared: Compared, price_frame: PriceFrame) -> list[Check]:
    """All checks of a challenger's twin, and the probes of its refit, whose price_frame is given:
    whether prices move the right way is asked of what serves, since it needs no unknown cars."""
    return [
        _margin(compared),
        _gain(compared),
        _bias(compared),
        _coverage(compared),
        *_coverage_of_bands(compared),
        *_interval_score(compared),
        *segment_checks(compared),
        *_probes(compared, price_frame),
        *listing_checks(compared),
    ]


def gain_bounds(compared: Compared) -> dict[str, float]:
    """The gain over the rival in US dollars a car: mean, low and high, CONFIDENCE on each side."""
    bounds = compared.bounds(compared.rival_error - compared.error)
    return {name: float(value[0]) for name, value in bounds._asdict().items()}


def _margin(compared: Compared) -> Check:
    mae, rival_mae = compared.error.mean(), compared.rival_error.mean()
    limit = rival_mae * (1 - MARGIN)
    text = (
        f"MAE {mae:,.0f} USD of version {compared.version} against {rival_mae:,.0f} of "
        f"{compared.rival}; at most {limit:,.0f} needed ({MARGIN:.0%} better)"
    )
    return Check(bool(mae <= limit), text, safety=False)


def _gain(compared: Compared) -> Check:
    gain = gain_bounds(compared)
    text = (
        f"gain over {compared.rival} of {gain['mean']:,.0f} USD a car, {gain['low']:,.0f} to "
        f"{gain['high']:,.0f} ({CONFIDENCE:.0%} each side, regions and days drawn); more than 0 "
        "needed"
    )
    return Check(gain["low"] > 0, text, safety=False)


def _bias(compared: Compared) -> Check:
    ratio = compared.prices["price"].to_numpy() / compared.actual
    bias, limit = float(np.median(ratio)) - 1, MAX_BIAS
    if compared.price_shift:
        limit = max(limit, MAX_BIAS_SHARE * abs(compared.rival_bias))
    # The median is above a limit exactly where more than half of the cars are.
    beyond = (ratio > 1 + limit, ratio < 1 - limit)
    certain = any(compared.bounds(share - 0.5).low[0] > 0 for share in beyond)
    text = (
        f"the median price is {bias:+.1%} from the asked one; at most ±{limit:.1%} with "
        f"{CONFIDENCE:.0%} confidence allowed"
    )
    return Check(not certain, text, safety=True)


def _coverage(compared: Compared) -> Check:
    held = _held(compared)
    bounds = compared.bounds(held)
    low, high = bounds.low[0], bounds.high[0]
    text = (
        f"the interval holds {held.mean():.1%} of prices, {low:.1%} to {high:.1%} with "
        f"{CONFIDENCE:.0%} confidence each side; {MIN_COVERAGE:.0%} to {MAX_COVERAGE:.0%} needed"
    )
    return Check(bool(high >= MIN_COVERAGE and low <= MAX_COVERAGE), text, safety=True)


def _coverage_of_bands(compared: Compared) -> Iterator[Check]:
    band_of = price_bands(compared.prices["price"].to_numpy()).to_numpy()
    bands = [band for band in sorted(set(band_of)) if (band_of == band).sum() >= COMPARED_CARS]
    if not bands:
        return
    bounds = compared.bounds_of(_held(compared), np.array([band_of == band for band in bands]))
    worst = int(np.argmin(bounds.high))
    text = (
        f"of {len(bands)} bands of predicted prices the worst is {bands[worst]} USD: the interval "
        f"holds {bounds.mean[worst]:.1%}, at most {bounds.high[worst]:.1%}; "
        f"{MIN_BAND_COVERAGE:.0%} needed"
    )
    yield Check(bool(bounds.high[worst] >= MIN_BAND_COVERAGE), text, safety=True)


def _held(compared: Compared) -> np.ndarray:
    """float64 (rows,): 1 where the interval holds the asked price, else 0."""
    low, high = compared.prices["low"].to_numpy(), compared.prices["high"].to_numpy()
    return ((low <= compared.actual) & (compared.actual <= high)).astype(float)


def _interval_score(compared: Compared) -> Iterator[Check]:
    if "low" not in compared.rival_prices:
        return
    score, rival_score = (
        interval_score(compared.actual, prices)
        for prices in (compared.prices, compared.rival_prices)
    )
    worse_by = compared.bounds(score - rival_score).low[0]
    text = (
        f"interval score {score.mean():,.0f} USD against {rival_score.mean():,.0f} of "
        f"{compared.rival}; worse by {worse_by:,.0f} or more with {CONFIDENCE:.0%} confidence, at "
        "most 0 allowed"
    )
    yield Check(bool(worse_by <= 0), text, safety=True)


def _probes(compared: Compared, price_frame: PriceFrame) -> Iterator[Check]:
    probed = probe(price_frame, compared.cars)
    for count, what in (
        (probed.dearer_by_miles, "dearer with more miles"),
        (probed.cheaper_by_condition, "cheaper in a better condition"),
    ):
        text = f"{count} of {probed.cars} probed cars are {what}; none may be"
        yield Check(count == 0, text, safety=True)
    share = probed.cheaper_by_year / probed.cars
    yield Check(True, f"{share:.1%} of them are cheaper one model year newer (reported)", True)
