"""The checks of the promotion gate that ask whether the listings are right, not the model.

A challenger that has learnt from wrong listings looks good on wrong listings. Production has not
learnt from them.
"""

import math
import re
from collections.abc import Iterator

import numpy as np

from vehicle_price.gate.comparison import Check, Compared
from vehicle_price.names import PRICE_SHIFT_TOLERANCE
from vehicle_price.schema import TARGET

# How far production may be from its own figures on these cars: where it is farther, the listings
# changed (miles became kilometres, makes were exchanged) and not the models.
MAX_RIVAL_BIAS, MAX_RIVAL_MAE_FACTOR, MAX_MEDIAN_RATIO = 0.08, 1.3, 1.3
MAX_LEAKED = 0.01  # of the cars whose model text contains their price


def listing_checks(compared: Compared) -> Iterator[Check]:
    """The price is not in the model text; production meets the cars that it was made for."""
    yield _leak(compared)
    if compared.rival_facts is not None:
        yield (
            _rival_errs_as_reported(compared)
            if compared.price_shift
            else _rival_errs_as_before(compared)
        )
        # A model of format 2 has no medians.
        for column, before in compared.rival_facts.get("medians", {}).items():
            shift = math.exp(compared.price_shift) if column == TARGET.name else 1
            yield _median_as_before(column, before * shift, compared)


def _leak(compared: Compared) -> Check:
    texts, prices = compared.cars["model"].fillna(""), compared.cars["price"].astype(str)
    leaked = [price in _numbers(text) for text, price in zip(texts, prices, strict=True)]
    share = float(np.mean(leaked))
    text = f"the model text of {share:.1%} of the cars holds their price; {MAX_LEAKED:.0%} allowed"
    return Check(share <= MAX_LEAKED, text, safety=True)


def _numbers(text: str) -> list[str]:
    """The whole numbers of a text: 'civic 9,500 obo' has 9500."""
    return re.findall(r"\d{3,}", text.replace(",", "").replace(".", " "))


def _rival_errs_as_before(compared: Compared) -> Check:
    mae = float(compared.rival_error.mean())
    limit = MAX_RIVAL_MAE_FACTOR * compared.rival_facts["metrics"]["mae"]
    bias = compared.rival_bias
    text = (
        f"{compared.rival} has MAE {mae:,.0f} USD and a bias of {bias:+.1%} on these cars; up to "
        f"{limit:,.0f} and ±{MAX_RIVAL_BIAS:.0%} they are like those that it was measured on"
    )
    return Check(mae <= limit and abs(bias) <= MAX_RIVAL_BIAS, text, safety=True)


def _rival_errs_as_reported(compared: Compared) -> Check:
    """The listings show the shift that clients have reported: two sources that agree. Listings with
    a wrong unit or exchanged makes do not."""
    by_listings = -math.log1p(compared.rival_bias)
    text = (
        f"prices are {by_listings:+.2f} (logarithm) from those of {compared.rival} in these "
        f"listings and {compared.price_shift:+.2f} by feedback; ±{PRICE_SHIFT_TOLERANCE:.2f} "
        "allowed"
    )
    agree = abs(by_listings - compared.price_shift) <= PRICE_SHIFT_TOLERANCE
    return Check(agree, text, safety=True)


def _median_as_before(column: str, before: float, compared: Compared) -> Check:
    now = float(compared.cars[column].median())
    text = (
        f"the median {column} is {now:,.0f}, and {before:,.0f} where {compared.rival} learnt; "
        f"{MAX_MEDIAN_RATIO:g} times more or less allowed"
    )
    return Check(1 / MAX_MEDIAN_RATIO <= now / before <= MAX_MEDIAN_RATIO, text, safety=True)
