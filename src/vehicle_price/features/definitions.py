"""The model inputs: their names and order, the tables they are looked up in, their constraints."""

from dataclasses import dataclass
from typing import NamedTuple

from vehicle_price.schema import FEATURES, YEARS_AHEAD

# Groups of cars from coarse to fine: make; make and the first, two or three words; the whole text.
GROUPS = ("make", "word1", "word2", "word3", "text")
# Groups with a price curve over age of their own; finer groups are too small for that.
CURVES = ("make", "word1", "word2")
TOKEN_STATISTICS = ("sum", "min", "max", "first", "count")
LEVEL_COLUMNS = tuple(c.name for c in FEATURES if c.kind == "level" and not c.required) + (
    "region",
)

# Age in whole years: posting year - model year, clipped. Next year's models exist: -1.
MIN_AGE, MAX_AGE = -YEARS_AHEAD, 60
AGES = MAX_AGE - MIN_AGE + 1
# Up to this age a newer car is never cheaper, all else equal; beyond it are classics.
MONOTONE_AGE = 25

FEATURE_NAMES: tuple[str, ...] = (
    ("age", "odometer", "curve_all")
    + tuple(f"curve_{g}" for g in CURVES)
    + tuple(f"offset_{g}" for g in GROUPS)
    + tuple(f"count_{g}" for g in GROUPS[1:])
    + tuple(f"words_{s}" for s in TOKEN_STATISTICS)
    + tuple(f"effect_{c}" for c in LEVEL_COLUMNS)
)
TEXT_INPUT_COUNT = 2 * len(GROUPS) - 1 + len(TOKEN_STATISTICS)  # offset_*, count_* and words_*

# +1: the price never falls as the input grows; -1: never rises; 0: free.
MONOTONE: tuple[int, ...] = tuple(
    (
        -1
        if name in ("age", "odometer")
        else 1 if name.startswith("curve_") or name == "effect_condition" else 0
    )
    for name in FEATURE_NAMES
)


@dataclass(frozen=True)
class Tables:
    """The fitted tables that model inputs are looked up in; plain data, written as JSON.

    base_year: posting year assumed when a listing has no posting date.
    curve_all: log price by age, AGES numbers. curves: group → key → the same for one key.
    offsets: group → key → (cumulative offset of log price, number of cars).
    words: word → effect on log price; pairs: 'make|first word|word' → additional effect.
    levels: column → level ('' is absent) → effect on log price.
    guessed: conditions of no training car; their effects in `levels` are interpolated.
    """

    base_year: int
    curve_all: list[float]
    curves: dict[str, dict[str, list[float]]]
    offsets: dict[str, dict[str, tuple[float, int]]]
    words: dict[str, float]
    pairs: dict[str, float]
    levels: dict[str, dict[str, float]]
    guessed: list[str]


class CarKeys(NamedTuple):
    """The look-up keys of a make and a model text: one for each of GROUPS, and the words."""

    groups: tuple[str, ...]
    words: tuple[str, ...]


class CarInputs(NamedTuple):
    """The model inputs that depend on make and model text only.

    curves: log price over age, as `curve_table` returns it. values: as `text_values` returns them.
    warnings: one if the make or the model text was not in the training data.
    """

    curves: list[list[float]]
    values: list[float]
    warnings: tuple[str, ...]


class EncodedListing(NamedTuple):
    """The model inputs of a listing.

    inputs: in the order of FEATURE_NAMES. unknown_level: whether a column has a level, or no
    level at all, that no car in the training data had.
    """

    inputs: list[float]
    car: CarInputs
    unknown_level: bool
