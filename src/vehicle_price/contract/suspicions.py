"""A shifted column in words: what it looks like, beside what is usual."""

import math

from vehicle_price.contract.distributions import AGE, MILEAGE
from vehicle_price.contract.feed_shift import ColumnComparison
from vehicle_price.schema import BY_NAME

KM_PER_MILE = 1.609344
# Column → (factor between the medians, what it looks like).
FACTORS: dict[str, tuple[tuple[float, str], ...]] = {
    "price": (
        (100.0, "cents for dollars"),
        (1_000.0, "thousandths of a dollar for dollars"),
        (0.001, "thousands of dollars for dollars"),
        (0.01, "hundreds of dollars for dollars"),
    ),
    MILEAGE: (
        (KM_PER_MILE, "kilometres for miles"),
        (1 / KM_PER_MILE, "miles that were converted as if they were kilometres"),
        (10.0, "tenths of a mile for miles"),
        (1_000.0, "thousandths of a mile for miles"),
        (0.001, "thousands of miles for miles"),
    ),
}
# A hundred neighbouring listings move a median by a factor of up to 2.7, the mileage by less.
NEAR_FACTOR, NEAR_SHARE = 1.0, 0.6  # natural logarithm; share of the factor's own logarithm
UNITS = {AGE: "years", MILEAGE: "miles a year"}
REMEDY = (
    "Mend the source; if this is usual from now on, ingest once with MAX_FEED_SHIFT=1, "
    "and what is usual begins anew"
)


def sentence(compared: ColumnComparison, max_shift: float) -> str:
    """Column, figure, usual figure, limit, and what to do."""
    what = (_relabelled if compared.renamed else _distribution)(compared)
    if compared.median_shifted and compared.median_factor:
        what += f". Quiet days and chance explain a factor of {compared.median_factor:.2f}"
    if compared.distance > compared.limit:
        what += (
            f". The distribution is {compared.distance:.2f} from the usual one (Jensen-Shannon, "
            f"0 to 1); MAX_FEED_SHIFT={max_shift:g} and chance allow {compared.limit:.2f}"
        )
    return f"{what}. {REMEDY}"


def _relabelled(compared: ColumnComparison) -> str:
    pairs = " and ".join(
        f"{gone.level!r} (usually {gone.share:.1%} of the rows) is gone and {new.level!r} "
        f"({new.share:.1%}) is new"
        for gone, new in compared.renamed
    )
    return f"column {compared.column} has {compared.rows:,} rows in which {pairs}: relabelled?"


def _distribution(compared: ColumnComparison) -> str:
    if compared.median is None or compared.usual_median is None:
        moved = ", ".join(
            f"{m.level} {m.share:.1%} (usually {m.usual:.1%})" for m in compared.movers
        )
        return f"column {compared.column} has other levels than usual: {moved}"
    unit = UNITS.get(compared.column) or BY_NAME[compared.column].unit
    text = (
        f"column {compared.column} has the median {compared.median:,.0f} {unit}, "
        f"usually {compared.usual_median:,.0f}"
    )
    if compared.column not in FACTORS or not compared.usual_median or not compared.median:
        return text
    ratio = compared.median / compared.usual_median
    return f"{text} ({ratio:.3g} times as much{_looks_like(compared.column, ratio)})"


def _looks_like(column: str, ratio: float) -> str:
    distance, factor, name = min(
        (abs(math.log(ratio / factor)), factor, name) for factor, name in FACTORS[column]
    )
    near = min(NEAR_FACTOR, NEAR_SHARE * abs(math.log(factor)))
    return f": {name}?" if distance <= near else ""
