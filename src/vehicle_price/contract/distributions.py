"""Distributions of the columns of a feed: counts of values, which add up over batches and reports.

Numbers are counted in fixed bins, about 12 % wide, so that medians can be read from the counts.
The counts are of all rows read, accepted or not: prices in cents would mostly be quarantined.
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vehicle_price.schema import FEATURES

BINS_PER_DECADE = 20
LARGEST_POWER = 12  # the last bin begins at 10^12
SIZES = np.unique(
    np.append(0, np.rint(10 ** (np.arange(LARGEST_POWER * BINS_PER_DECADE + 1) / BINS_PER_DECADE)))
)
AGES = np.arange(-3.0, 101.0)  # years; the first and the last bin hold everything beyond
# Column → lower edges of its bins, ascending; the first bin holds what is below, too.
AGE, MILEAGE = "age", "odometer_per_year"
NUMBERS: dict[str, np.ndarray] = {"price": SIZES, "odometer": SIZES, AGE: AGES, MILEAGE: SIZES}
LEVELS = {column.name: column.levels for column in FEATURES if column.kind == "level"}
MISSING, OTHER = "<missing>", "<other>"

# Levels that the schema does not name: how many are counted, and how many a report keeps. Other
# ones count as OTHER, so that a column of different texts takes bounded memory.
COUNTED_UNKNOWN, KEPT_UNKNOWN = 1_000, 40
LONGEST_LEVEL = 60  # characters that are kept

Counts = dict[str, int]  # level, or lower edge of a bin as text → rows


class Values(NamedTuple):
    """What is counted of one batch of rows read.

    numbers: column → number, null where the text is no whole number. levels: column → text, null
    where there is none. Names as in NUMBERS and LEVELS; all arrays have one value for each row.
    """

    numbers: Mapping[str, pa.Array]
    levels: Mapping[str, pa.Array]


def values_of(typed: Mapping[str, pa.Array]) -> Values:
    """The values to count, from the typed columns of the contract."""
    odometer = typed["odometer"]
    age = pc.subtract(pc.year(typed["posting_date"]), typed["year"])
    years = pc.if_else(pc.greater(age, 1), age, 1)  # the first year counts as a whole one
    numbers = {
        "price": typed["price"],
        "odometer": odometer,
        AGE: age,
        MILEAGE: pc.divide(odometer.cast(pa.float64()), years),
    }
    return Values(numbers, {name: typed[name] for name in LEVELS})


class Distributions:
    """Counts of all batches added, in bounded memory."""

    def __init__(self) -> None:
        self._numbers = {name: np.zeros(len(edges), int) for name, edges in NUMBERS.items()}
        self._levels: dict[str, Counter[str]] = {name: Counter() for name in LEVELS}

    def add(self, values: Values) -> None:
        """Count one batch."""
        for name, numbers in values.numbers.items():
            self._numbers[name] += _binned(numbers, NUMBERS[name])
        for name, levels in values.levels.items():
            self._levels[name].update(_level_counts(levels))
            self._levels[name] = _bounded(self._levels[name], LEVELS[name], COUNTED_UNKNOWN)

    def counts(self) -> dict[str, Counts]:
        """The counts of each column, ready for JSON; levels and bins without a row are left out."""
        binned = {
            name: {f"{edge:.0f}": int(n) for edge, n in zip(NUMBERS[name], counts) if n}
            for name, counts in self._numbers.items()
        }
        return binned | {
            name: _ordered(_bounded(counts, LEVELS[name], KEPT_UNKNOWN))
            for name, counts in self._levels.items()
        }


def added(counts: list[Mapping[str, int]]) -> Counts:
    """The counts of one column in several reports together."""
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)


def binned_array(name: str, counts: Mapping[str, int]) -> np.ndarray:
    """Counts of a column of NUMBERS as an array (bins,), in the order of its edges."""
    result = np.zeros(len(NUMBERS[name]))
    edges = np.array([float(edge) for edge in counts])
    np.add.at(result, _bin_of(edges, NUMBERS[name]), np.array(list(counts.values()), float))
    return result


def median_of(name: str, counts: np.ndarray) -> float | None:
    """The median of a column of NUMBERS, linear within its bin; None without a value.

    counts: (bins,). Values of 0 and below do not count, except of ages.

    >>> counts = binned_array("price", {"0": 9, "10000": 2, "20000": 2, "39811": 2})
    >>> 19_000 < median_of("price", counts) < 24_000
    True
    """
    edges = NUMBERS[name]
    if name != AGE:
        edges, counts = edges[1:], counts[1:]
    total = counts.sum()
    if not total:
        return None
    ends = np.cumsum(counts)
    at = int(np.searchsorted(ends, total / 2))
    width = edges[at + 1] - edges[at] if at + 1 < len(edges) else 0.0
    return float(edges[at] + width * (total / 2 - (ends[at] - counts[at])) / counts[at])


def _binned(numbers: pa.Array, edges: np.ndarray) -> np.ndarray:
    present = numbers.drop_null().to_numpy(zero_copy_only=False)
    return np.bincount(_bin_of(present, edges), minlength=len(edges))


def _bin_of(numbers: np.ndarray, edges: np.ndarray) -> np.ndarray:
    return np.maximum(np.searchsorted(edges, numbers, side="right") - 1, 0)


def _level_counts(levels: pa.Array) -> Counts:
    distinct = pc.value_counts(levels)
    texts = pc.utf8_slice_codeunits(distinct.field("values"), 0, LONGEST_LEVEL).to_pylist()
    counts: Counter[str] = Counter()
    for text, rows in zip(texts, distinct.field("counts").to_pylist()):
        counts[MISSING if text is None else text] += rows
    return counts


def _ordered(counts: Counter[str]) -> Counts:
    """The commonest level first."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _bounded(counts: Counter[str], known: tuple[str, ...], most_unknown: int) -> Counter[str]:
    """The counts with at most so many levels that the schema does not name, the commonest ones."""
    named = {*known, MISSING, OTHER}
    unknown = [level for level in counts if level not in named]
    if len(unknown) <= most_unknown:
        return counts
    unknown.sort(key=lambda level: (-counts[level], level))
    rare = set(unknown[most_unknown:])
    kept = Counter({level: rows for level, rows in counts.items() if level not in rare})
    kept[OTHER] += sum(counts[level] for level in rare)
    return kept
