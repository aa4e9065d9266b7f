"""Golden listings: ordinary cars whose price is known within a factor of four.

A new version must price each of them before it may serve. The limits are wide on purpose: they
detect a broken model (prices in cents, as logarithms, wrong by a factor of ten). Whether a model is
merely worse is measured by the gate. Change `SET_VERSION` whenever a listing changes.
"""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from vehicle_price.estimate import Estimate
from vehicle_price.features.definitions import FEATURE_NAMES
from vehicle_price.features.encoder import encode_row
from vehicle_price.listing.validation import check_one
from vehicle_price.model.valuation import Valuation

SET_VERSION = 1  # prices of different sets are not compared
PRICED_IN = 2021  # the year of the typical prices, and of the postings
FACTOR = 4.0  # limits: the typical price divided and multiplied by this
MEDIAN_JUMP, SINGLE_JUMP = 1.5, 4.0  # how far prices may move from one version to the next


class GoldenListing(NamedTuple):
    """A listing as a client sends it, and the price usually asked for such a car (US dollars)."""

    listing: Mapping[str, object]
    typical_price: int


class GoldenSetError(ValueError):
    """A model does not price the golden listings sensibly; the message says which and how."""


# year, make, model, miles, price asked in spring 2021 in dollars, further columns
_TABLE: tuple[tuple[int, str, str, int, int, dict[str, str]], ...] = (
    (2014, "honda", "civic lx sedan", 88_000, 10_500, {"fuel": "gas", "type": "sedan"}),
    (2016, "toyota", "corolla le", 62_000, 14_000, {"condition": "good", "state": "ca"}),
    (2012, "toyota", "camry se", 110_000, 9_500, {"transmission": "automatic"}),
    (2018, "toyota", "rav4 xle awd", 45_000, 24_000, {"drive": "4wd", "type": "SUV"}),
    (2017, "ford", "f-150 xlt supercrew 4x4", 70_000, 30_000, {"drive": "4wd", "type": "pickup"}),
    (2009, "ford", "focus se", 130_000, 4_000, {"state": "mi", "condition": "good"}),
    (2015, "ford", "explorer", 95_000, 17_000, {"type": "SUV"}),
    (2018, "chevrolet", "silverado 1500 crew cab", 50_000, 33_000, {"fuel": "gas"}),
    (2013, "chevrolet", "malibu", 105_000, 8_000, {"cylinders": "4 cylinders"}),
    (2016, "ram", "1500 laramie crew cab", 75_000, 29_000, {"drive": "4wd"}),
    (2015, "jeep", "wrangler unlimited sahara", 60_000, 28_000, {"type": "SUV", "drive": "4wd"}),
    (2014, "jeep", "grand cherokee limited", 90_000, 18_000, {"condition": "excellent"}),
    (2013, "nissan", "altima 2.5 s", 100_000, 8_500, {"title_status": "clean"}),
    (2015, "hyundai", "sonata", 80_000, 11_000, {"paint_color": "white"}),
    (2017, "kia", "sorento lx", 55_000, 17_500, {"type": "SUV"}),
    (2012, "subaru", "outback 2.5i premium", 115_000, 10_500, {"type": "wagon", "drive": "4wd"}),
    (2013, "bmw", "328i xdrive", 85_000, 13_500, {"type": "sedan"}),
    (2016, "mercedes-benz", "c300", 55_000, 23_000, {"condition": "excellent"}),
    (2015, "lexus", "rx 350", 70_000, 24_500, {"type": "SUV", "state": "fl"}),
    (2013, "volkswagen", "jetta se", 95_000, 8_000, {"transmission": "automatic"}),
    (2005, "honda", "accord ex", 160_000, 5_000, {"condition": "good"}),
    (2019, "honda", "cr-v ex-l", 30_000, 27_000, {}),
)
LISTINGS: tuple[GoldenListing, ...] = tuple(
    GoldenListing(
        {"year": year, "manufacturer": make, "model": model, "odometer": miles} | columns, price
    )
    for year, make, model, miles, price, columns in _TABLE
)


def checked() -> list[dict[str, object]]:
    """The golden listings as the service hands them to a model."""
    return [check_one(dict(golden.listing), PRICED_IN) for golden in LISTINGS]


def prices(valuation: Valuation) -> list[int]:
    """The price of each golden listing, in US dollars. Raises GoldenSetError.

    `price_one` and `price_many` are different code paths, so both are checked.
    """
    listings = checked()
    estimates = list(valuation.price_many(listings))
    if len(estimates) != len(LISTINGS):
        raise GoldenSetError(f"{len(LISTINGS)} golden listings got {len(estimates)} answers")
    for golden, listing, estimate in zip(LISTINGS, listings, estimates, strict=True):
        alone = valuation.price_one(listing)
        if tuple(alone[:3]) != tuple(estimate[:3]):
            raise GoldenSetError(f"{_name(golden)}: {estimate[:3]} in a list, {alone[:3]} alone")
        _check(golden, estimate)
    return [int(estimate.price) for estimate in estimates]


def record(valuation: Valuation) -> dict[str, list]:
    """The golden listings with model inputs and prices, to keep with the model; JSON-able."""
    listings = checked()
    inputs, prices_ = _inputs_and_prices(valuation, listings)
    return {"listings": listings, "inputs": inputs, "prices": prices_}


def check_record(valuation: Valuation, kept: Mapping[str, Sequence]) -> None:
    """Compare what `record` kept when the model was saved with what it gives now.

    The tables and trees are the same, so a difference comes from the code that makes model inputs
    out of listings. Raises GoldenSetError.
    """
    inputs, prices_ = _inputs_and_prices(valuation, kept["listings"])
    for listing, now, before in zip(kept["listings"], inputs, kept["inputs"], strict=True):
        if now != before:
            different = [n for n, a, b in zip(FEATURE_NAMES, now, before, strict=True) if a != b]
            raise GoldenSetError(
                f"{_car(listing)}: {', '.join(different)} are not what they were when the model "
                "was saved: its model inputs are made by other code; train again with this version"
            )
    for listing, now, before in zip(kept["listings"], prices_, kept["prices"], strict=True):
        # Processors differ in the last bit of an exponential, which can move a rounded price.
        if any(abs(a - b) > 1 for a, b in zip(now, before, strict=True)):
            raise GoldenSetError(
                f"{_car(listing)}: {now} USD, and {before} when the model was saved; train again "
                "with this version"
            )


def _inputs_and_prices(
    valuation: Valuation, listings: Sequence[Mapping[str, object]]
) -> tuple[list[list[float]], list[list[int]]]:
    inputs = [encode_row(valuation.tables, listing) for listing in listings]
    return inputs, [list(estimate[:3]) for estimate in valuation.price_many(listings)]


def compare(new: Sequence[int], serving: Sequence[int]) -> None:
    """Compare golden prices of a new version with those of the model that serves.

    Raises GoldenSetError when the median ratio or a single ratio is too far from 1.

    >>> compare([10, 20, 31], [10, 21, 30])
    >>> compare([20, 40, 62], [10, 21, 30])
    Traceback (most recent call last):
    ...
    vehicle_price.model.golden_set.GoldenSetError: half of the golden prices are 2 times those of \
the model that serves, or more; 1.5 is allowed
    """
    ratios = [new_price / old_price for new_price, old_price in zip(new, serving, strict=True)]
    middle = median(ratios)
    if not 1 / MEDIAN_JUMP <= middle <= MEDIAN_JUMP:
        word = "more" if middle > 1 else "less"
        raise GoldenSetError(
            f"half of the golden prices are {middle:.3g} times those of the model that serves, "
            f"or {word}; {MEDIAN_JUMP if middle > 1 else 1 / MEDIAN_JUMP:.3g} is allowed"
        )
    for golden, ratio, price in zip(LISTINGS, ratios, new, strict=False):
        if not 1 / SINGLE_JUMP <= ratio <= SINGLE_JUMP:
            raise GoldenSetError(
                f"{_name(golden)}: {price:,} USD, {ratio:.3g} times the price of the model that "
                f"serves; {SINGLE_JUMP:g} is allowed"
            )


def _check(golden: GoldenListing, estimate: Estimate) -> None:
    low, high = golden.typical_price / FACTOR, golden.typical_price * FACTOR
    if not low <= estimate.price <= high:
        raise GoldenSetError(
            f"{_name(golden)}: {estimate.price:,} USD; sensible is {low:,.0f} to {high:,.0f}"
        )
    if not 0 < estimate.low <= estimate.price <= estimate.high:
        raise GoldenSetError(f"{_name(golden)}: interval {estimate.low:,} to {estimate.high:,} USD")


def _name(golden: GoldenListing) -> str:
    return _car(golden.listing)


def _car(listing: Mapping[str, object]) -> str:
    return f"golden listing {listing['year']} {listing['manufacturer']} {listing['model']}"
