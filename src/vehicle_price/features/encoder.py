"""Raw listing → model inputs: pure, from fitted tables, without data frames.

`frame.py` does the same for a frame: it looks up the same tables with the same
functions, so the two agree to the last bit. `training/target_encoding.py` fits the tables.

No input is ever missing: what is unknown falls back from the full model text to its first
words, to the make, to all cars; an absent level has a learnt effect of its own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple

from vehicle_price.schema import FEATURES

# A car's text, from coarse to fine: make, make + first word, + two, + three, + all words.
GROUPS = ("make", "word1", "word2", "word3", "text")
# Groups with a price curve over age of their own; finer ones are too small for it.
CURVES = ("make", "word1", "word2")
TOKEN_STATISTICS = ("sum", "min", "max", "first", "count")
LEVEL_COLUMNS = tuple(c.name for c in FEATURES if c.kind == "level" and not c.required) + (
    "region",
)

# Age in whole years: posting year - model year, clipped. Next year's models exist: -1.
MIN_AGE, MAX_AGE = -1, 60
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

# +1: the price never falls as the input grows; -1: never rises; 0: free.
MONOTONE: tuple[int, ...] = tuple(
    (
        -1
        if name in ("age", "odometer")
        else 1 if name.startswith("curve_") or name == "effect_condition" else 0
    )
    for name in FEATURE_NAMES
)

_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff'\u2019-]")
_WORD = re.compile(r"[a-z0-9]+(?:\.[0-9]+)?")
_MAX_WORDS = 12
TEXTS_KEPT = 8_192  # looked up again without being taken apart; some 10 MB of memory
TEXT_INPUTS = 2 * len(GROUPS) - 1 + len(TOKEN_STATISTICS)


@dataclass(frozen=True)
class Tables:
    """Everything the model inputs are looked up in; plain data, written as JSON.

    base_year: posting year assumed when a listing has no posting date.
    curve_all: log price by age, AGES numbers. curves: group → key → the same for one key.
    offsets: group → key → (cumulative offset of log price, cars seen).
    words: word → effect on log price; pairs: 'make|first word|word' → the effect on top.
    levels: column → level ('' is absent) → effect on log price.
    guessed: conditions without cars; their effects in `levels` lie between their neighbours'.
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


class Car(NamedTuple):
    """What a make and a model text bring to the inputs.

    curves: log price over age, as `curve_table` gives it. values: as `text_values` does.
    warnings: what of the text was not in the training data.
    """

    curves: list[list[float]]
    values: list[float]
    warnings: tuple[str, ...]


class Encoded(NamedTuple):
    """A listing as the model sees it.

    inputs: in the order of FEATURE_NAMES. unknown_level: whether a column has a level, or no
    level at all, that no car in the training data had.
    """

    inputs: list[float]
    car: Car
    unknown_level: bool


@lru_cache(maxsize=TEXTS_KEPT)
def car_keys(make: str, model: str) -> CarKeys:
    """The keys of a car's text.

    >>> car_keys("ford", "F-150 XLT, Crew").groups[1:]
    ('ford|f150', 'ford|f150 xlt', 'ford|f150 xlt crew', 'ford|f150 xlt crew')
    """
    name = make.replace("-", "").replace(" ", "")
    found = _WORD.findall(_INVISIBLE.sub("", model.lower()))
    words = tuple(w for w in found if w != name)[:_MAX_WORDS]
    return CarKeys((make, *(f"{make}|{' '.join(words[:n])}" for n in (1, 2, 3, _MAX_WORDS))), words)


class Encoder:
    """Encodes one listing after the other; what a car's text stands for is looked up once."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._levels = [(column, tables.levels[column]) for column in LEVEL_COLUMNS]
        # Not a method: with it, a replaced model would stay until the garbage collector comes.
        self._cars = lru_cache(maxsize=TEXTS_KEPT)(partial(_car, tables))

    def encode(self, listing: Mapping[str, object]) -> Encoded:
        """One listing encoded.

        `listing` has raw column names; year, manufacturer and odometer must be there.
        """
        get = listing.get
        car = self._cars(str(listing["manufacturer"]), str(get("model") or ""))
        age = _age(self._tables, listing["year"], get("posting_date"))
        effects = [known.get(get(column) or "") for column, known in self._levels]
        unknown = None in effects
        if unknown:
            effects = [effect or 0.0 for effect in effects]
        row = [float(age), float(listing["odometer"])]
        row += [curve[age - MIN_AGE] for curve in car.curves]
        row += car.values
        row += effects
        return Encoded(row, car, unknown)


def encode_row(tables: Tables, listing: Mapping[str, object]) -> list[float]:
    """The model inputs of a single listing."""
    return Encoder(tables).encode(listing).inputs


def _car(tables: Tables, make: str, model: str) -> Car:
    keys = car_keys(make, model)
    warnings = _unknown_text(tables, keys, make, model)
    return Car(curve_table(tables, keys.groups), text_values(tables, keys), warnings)


def _unknown_text(tables: Tables, keys: CarKeys, make: str, model: str) -> tuple[str, ...]:
    if keys.groups[0] not in tables.offsets["make"]:
        return (f"manufacturer: {make!r} was not in the training data; a rough estimate",)
    if not model:
        return ("model: not given; priced as an average car of the make",)
    if keys.groups[1] not in tables.offsets["word1"]:
        return (f"model: {model!r} was not in the training data; priced from the make",)
    return ()


def _age(tables: Tables, year: object, posting_date: object) -> int:
    posted = int(str(posting_date)[:4]) if posting_date else tables.base_year
    return min(max(posted - int(year), MIN_AGE), MAX_AGE)


def curve_table(tables: Tables, groups: tuple[str, ...]) -> list[list[float]]:
    """The curve over age for all cars and for each of CURVES; the coarser one if unknown."""
    found = [tables.curve_all]
    for group, key in zip(CURVES, groups, strict=False):
        found.append(tables.curves[group].get(key, found[-1]))
    return found


def text_values(tables: Tables, keys: CarKeys) -> list[float]:
    """The TEXT_INPUTS numbers that a car's text stands for."""
    offsets, counts = [], []
    known = 0.0
    for group, key in zip(GROUPS, keys.groups, strict=True):
        known, count = tables.offsets[group].get(key, (known, 0))
        offsets.append(known)
        counts.append(float(count))
    return [*offsets, *counts[1:], *_word_values(tables, keys)]


def _word_values(tables: Tables, keys: CarKeys) -> tuple[float, ...]:
    """TOKEN_STATISTICS of the effects of the words after the first."""
    words, pairs, start = tables.words, tables.pairs, keys.groups[1]
    found = [words.get(w, 0.0) + pairs.get(f"{start}|{w}", 0.0) for w in keys.words[1:]]
    if not found:
        return (0.0, 0.0, 0.0, 0.0, 0.0)
    return (sum(found), min(found), max(found), found[0], float(len(found)))
